"""A simulated fleet: one plant, its controllers as virtual agents over MQTT or as meters on pseudo-terminals."""
