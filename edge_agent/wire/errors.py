"""What can be wrong with something that came over the wire."""


class WireError(ValueError):
    """A topic, payload or state document that is not what the contract says; the text says where and why."""
