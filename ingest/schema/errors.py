"""Errors in a city's files."""


class SchemaError(ValueError):
    """A document that is not what the contract says; the text names file, place and reason in one line."""


class CityError(SchemaError):
    """``city.toml`` is missing, broken, or holds an unknown key or an impossible value."""
