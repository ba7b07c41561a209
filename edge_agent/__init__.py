"""Terang's edge agent: runs on the controller in a street cabinet, reads meters, keeps every reading."""
