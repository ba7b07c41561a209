"""Terang's dashboard API: faults, lamps and the live room over HTTP, and the web front end."""
