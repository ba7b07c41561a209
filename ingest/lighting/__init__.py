"""What a lamp should draw at its level and voltage."""
