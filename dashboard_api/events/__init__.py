"""The live feed of fault events."""
