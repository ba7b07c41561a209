"""Terang's ingest: columnar decode, fleet state, detection, fault life cycle and stores."""
