"""The Sparkplug host application: sessions, duplicate records, dead letters."""
