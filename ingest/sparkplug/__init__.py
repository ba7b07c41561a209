"""The Sparkplug host: whom to believe, and that each record is taken once."""
