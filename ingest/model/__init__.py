"""Values that travel between ingest's parts, and the indices of the register's lamps and cabinets."""
