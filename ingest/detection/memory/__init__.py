"""What detection remembers of lamps and cabinets between two sweeps."""
