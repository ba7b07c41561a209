"""What surrounds every request: host check, request metrics, compression."""
