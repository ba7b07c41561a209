"""The city's lamps and cabinets: read, checked, kept in the database."""
