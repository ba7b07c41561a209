"""The MQTT connection: bytes in and out, and the embedded broker."""
