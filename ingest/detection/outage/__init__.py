"""Silent and dead lamps: grouped by bus, circuit and cable, weighed against measured loads."""
