"""The MQTT link: sessions, messages, sending again."""
