"""The expected power of a lamp at its level and voltage, and the schedule."""
