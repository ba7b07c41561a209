"""Meters on serial lines."""
