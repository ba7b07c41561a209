"""Schedule, commands and switching."""
