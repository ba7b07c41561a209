"""Errors in a city's files."""


class SchemaError(ValueError):
    """A document that is not what the contract says; the text names file, place and reason in one line."""


class CityError(SchemaError):
    """``city.toml`` is missing, broken, or holds an unknown key or an impossible value."""


class KeyFileError(SchemaError):
    """The city's key file cannot be read or made, holds no key, or others may read it."""


class AuditError(SchemaError):
    """The audit log's newest line does not carry this city's seal: nothing is appended until somebody has looked."""
