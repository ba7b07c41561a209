"""Lamp rules applied to rows, and what surrounds them."""
