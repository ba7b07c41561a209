"""From payload bytes to columns."""
