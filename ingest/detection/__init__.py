"""Detection: from columns of readings to conditions that are raised and cleared."""
