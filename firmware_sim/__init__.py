"""Terang's firmware simulator: lamps, cables, meters on pseudo-terminals, virtual fleets and the demo."""
