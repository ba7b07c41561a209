"""OGC API - Features Part 1 under ``/ogc``: lamps, faults and cabinets for GIS programs."""
