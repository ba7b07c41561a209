"""Conditions that are active, what explains them, and their evidence."""
