"""Periodic work beside the ingest loop."""
