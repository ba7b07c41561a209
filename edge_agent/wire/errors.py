"""Errors in data received over the network."""


class WireError(ValueError):
    """A topic, payload or state document that is not what the contract says; the text says where and why."""
