"""Readings of one lamp from the telemetry store, read-only: one module per store, and the protocol they share."""
