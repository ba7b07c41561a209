"""Metered energy per hour."""
