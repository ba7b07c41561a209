"""What of a city's settings and mappings the next city can use: lists of keys; whatever is on none of them stays.

A new key of ``city.toml`` belongs into ``CARRIED`` or ``LEFT``; a test holds that every key stands in one of them.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any, Final

from ingest.errors import UnusableError
from languages.message import Message

CARRIED: Final[Mapping[str, tuple[str, ...]]] = {
    "city": ("timezone", "language"),
    "telemetry": ("retention_days", "full_resolution_days"),
    "schedule": ("on", "off", "dim"),
    "public": ("columns", "licence"),
    "branding": ("title", "accent", "logo"),
    "web": ("public_per_minute", "session_per_minute"),
}  # and [limits] whole: its keys are numbers by names that Terang knows
LEFT: Final[Mapping[str, tuple[str, ...]]] = {
    "city": ("name", "group", "host_id"),
    "broker": ("url", "ca", "cert", "key", "username", "password", "passwords", "tls_listen"),
    "telemetry": ("url", "token", "token_file"),
    "database": ("url",),
    "public": ("repair_hours",),  # a city's own promise
    "web": ("hosts", "trusted_proxies", "allowed_origins", "key_file"),
    "oidc": (
        "issuer",
        "client_id",
        "client_secret",
        "client_secret_file",
        "scope",
        "name_claim",
        "roles_claim",
        "roles",
        "districts_claim",
    ),
    "ngsi": ("notify",),
    "talq": ("receivers",),
    "keys": ("working_key",),
}
# fields whose values name places, devices or accounts of one city: of their rules only the columns are carried
LOCAL_FIELDS: Final = frozenset(
    (
        "lamp_id",
        "cabinet_id",
        "controller_id",
        "name",
        "latitude",
        "longitude",
        "street",
        "district",
        "village",
        "bus",
        "address",
        "circuit",
        "position",
        "supply_account",
        "transformer",
    )
)
_LOCAL_KEYS: Final = ("constant", "values", "otherwise")
_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")


def portable_settings(document: Mapping[str, Any]) -> dict[str, Any]:
    """What is carried of ``city.toml``, which ``read_city`` has read; sections without any of it are left out."""
    found = {
        section: {key: document[section][key] for key in keys if key in document[section]}
        for section, keys in CARRIED.items()
        if section in document
    }
    return {**{section: table for section, table in found.items() if table}, "limits": dict(document.get("limits", {}))}


def strange_settings(document: Mapping[str, Any]) -> str | None:
    """The first key of an archive's settings that is not carried, as ``[section] key``; None = there is none."""
    for section, table in document.items():
        if section == "limits":
            continue
        if section not in CARRIED or not isinstance(table, dict):
            return f"[{section}]"
        for key in table:
            if key not in CARRIED[section]:
                return f"[{section}] {key}"
    return None


def portable_mapping(document: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """What is carried of a mapping that ``read_mapping`` has read, and which keys stay.

    Comments, values of places, devices and accounts, and the folder of ``cabinet_file`` stay.
    """
    made: dict[str, Any] = {}
    left: list[str] = []
    for section, content in document.items():
        if section in {"lamp", "cabinet"}:
            made[section] = {}
            for field, rule in content.items():
                kept = _portable_rule(field, rule)
                left += [f"[{section}] {field}"] * (kept != rule)
                if kept:
                    made[section][field] = kept
        elif section == "cabinet_file":
            made[section] = PureWindowsPath(PurePosixPath(content).name).name
            left += [section] * (made[section] != content)
        else:
            made[section] = content
    return made, tuple(left)


def _portable_rule(field: str, rule: Any) -> Any:
    if not isinstance(rule, dict) or field not in LOCAL_FIELDS:
        return rule
    kept = {key: value for key, value in rule.items() if key not in _LOCAL_KEYS}
    return kept if "column" in kept else {}


def toml_text(document: Mapping[str, Any]) -> str:
    """A document of tables, texts, numbers, truths and lists as TOML; single values before the tables.

    Raises:
        UnusableError: it holds something else, such as a date.
    """
    lines = [f"{_key(key)} = {_value(value)}" for key, value in document.items() if not isinstance(value, Mapping)]
    for section, table in document.items():
        if isinstance(table, Mapping):
            lines += [*([""] if lines else []), f"[{_key(section)}]"]
            lines += [f"{_key(key)} = {_value(value)}" for key, value in table.items()]
    return "\n".join(lines) + "\n"


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else _text(key)


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float) and math.isfinite(value):
        return repr(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(_value(one) for one in value)}]"
    if isinstance(value, Mapping):
        return f"{{ {', '.join(_pairs(value))} }}" if value else "{}"
    raise UnusableError(Message("terminal.error.no_toml_value", value=str(value)[:40]))


def _pairs(table: Mapping[str, Any]) -> Iterator[str]:
    return (f"{_key(key)} = {_value(value)}" for key, value in table.items())
