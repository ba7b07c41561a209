"""A TOML table with its location, so that every error names file, key and reason.

Shared by the agent's file and the meter profiles. Reading a key marks it as known; `finish` refuses what is
left over, because a misspelt key that is silently ignored costs an electrician a night.
"""

import errno
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from durable_files.bounded_read import read_bounded
from edge_agent.errors import ConfigError
from edge_agent.wire import read_toml_text
from languages.hidden import without_user_part
from languages.message import Message, Plain, why

MAX_NUMBER = 1e300
MAX_FILE_BYTES = 1_000_000
MAX_TEXT = 4096  # the longest path
MAX_TEXTS = 16
MAX_TABLES = 1000


class Table:
    """One table of a TOML document, read key by key."""

    def __init__(self, source: str, values: dict[str, Any], name: str = "") -> None:
        """Wrap a table.

        Args:
            source: the file, for complaints.
            values: as tomllib gave them.
            name: the table's own name in the file, dotted; empty for the root.
        """
        self._source = source
        self._values = dict(values)
        self._name = name
        self._known: set[str] = set()
        self._overridden: dict[str, str] = {}

    def fail(self, key: str, reason: Message | Plain) -> NoReturn:
        """Refuse a key's value.

        Raises:
            ConfigError: always.
        """
        place = f"[{self._name}].{key}" if self._name else key
        if key in self._overridden:
            variable = Plain(self._overridden[key])
            raise ConfigError(
                Message(
                    "agent.error.variable",
                    source=Plain(self._source),
                    place=Plain(place),
                    variable=variable,
                    reason=reason,
                )
            )
        raise ConfigError(Message("agent.error.setting", source=Plain(self._source), place=Plain(place), reason=reason))

    def override(self, key: str, text: str, variable: str) -> None:
        """Put a value from the environment in the place of the file's."""
        self._overridden[key] = variable
        self._values[key] = text

    def has(self, key: str) -> bool:
        """Return whether the key is there."""
        return key in self._values

    def keys(self) -> tuple[str, ...]:
        """Return all keys, for tables whose keys are names."""
        return tuple(self._values)

    def text(self, key: str, default: str | None = None) -> str:
        """Read a string that must not be empty."""
        value = self._get(key, default)
        if not isinstance(value, str) or not value:
            self.fail(key, Message("agent.error.text", value=Plain(_shown(value))))
        self._check_text(key, value)
        return value

    def optional_text(self, key: str) -> str | None:
        """Read a string that may be missing."""
        self._known.add(key)
        return self.text(key) if self.has(key) else None

    def texts(self, key: str) -> tuple[str, ...]:
        """Read one string or a list of strings, at least one."""
        value = self._get(key, None)
        values = [value] if isinstance(value, str) else value
        if not isinstance(values, list) or not values or not all(isinstance(item, str) for item in values):
            self.fail(key, Message("agent.error.texts", value=Plain(_shown(value))))
        if len(values) > MAX_TEXTS:
            self.fail(key, Message("agent.error.many_texts", values=Plain(len(values)), max_texts=Plain(MAX_TEXTS)))
        for item in values:
            self._check_text(key, item)
        return tuple(values)

    def choice(self, key: str, default: str | None, allowed: Sequence[str]) -> str:
        """Read a string that is one of a few."""
        value = self.text(key, default)
        if value not in allowed:
            self.fail(key, Message("agent.error.choice", value=value, allowed=Plain(", ".join(allowed))))
        return value

    def number(
        self, key: str, default: float | None = None, *, minimum: float = -math.inf, maximum: float = math.inf
    ) -> float:
        """Read a finite number within limits."""
        value = self._numeric(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= MAX_NUMBER:
            self.fail(key, Message("agent.error.number", value=Plain(_shown(value))))
        if not minimum <= value <= maximum:
            self.fail(
                key,
                Message(
                    "agent.error.outside",
                    value=Plain(_shown(value)),
                    minimum=Plain(f"{minimum:g}"),
                    maximum=Plain(f"{maximum:g}"),
                ),
            )
        return float(value)

    def integer(self, key: str, default: int | None = None, *, minimum: int = 0, maximum: int = 2**63 - 1) -> int:
        """Read a whole number within limits."""
        value = self._numeric(key, default)
        if isinstance(value, bool) or not isinstance(value, int):
            self.fail(key, Message("agent.error.whole_number", value=Plain(_shown(value))))
        if not minimum <= value <= maximum:
            self.fail(
                key,
                Message(
                    "agent.error.outside", value=Plain(_shown(value)), minimum=Plain(minimum), maximum=Plain(maximum)
                ),
            )
        return value

    def flag(self, key: str, *, default: bool) -> bool:
        """Read true or false."""
        value = self._get(key, default)
        if not isinstance(value, bool):
            self.fail(key, Message("agent.error.flag", value=Plain(_shown(value))))
        return value

    def path(self, key: str, folder: Path) -> Path | None:
        """Read a path that may be missing; a relative one starts at `folder`."""
        self._known.add(key)
        return folder / self.text(key) if self.has(key) else None

    def table(self, key: str) -> "Table":
        """Read a sub-table; a missing one is empty."""
        value = self._get(key, {})
        if not isinstance(value, dict):
            self.fail(key, Message("agent.error.table"))
        return Table(self._source, value, f"{self._name}.{key}" if self._name else key)

    def tables(self, key: str) -> tuple["Table", ...]:
        """Read a list of tables; a missing one is empty."""
        value = self._get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            self.fail(key, Message("agent.error.tables"))
        if len(value) > MAX_TABLES:
            self.fail(key, Message("agent.error.many_tables", value=Plain(len(value)), max_tables=Plain(MAX_TABLES)))
        base = f"{self._name}.{key}" if self._name else key
        return tuple(Table(self._source, item, f"{base}[{i}]") for i, item in enumerate(value))

    def finish(self) -> None:
        """Refuse keys that nobody asked for.

        Raises:
            ConfigError: naming the first one and the keys that are known.
        """
        for key in self._values:
            if key not in self._known:
                self.fail(key, Message("agent.error.unknown_key", known=Plain(", ".join(sorted(self._known)))))

    def _check_text(self, key: str, value: str) -> None:
        if len(value) > MAX_TEXT:
            self.fail(key, Message("agent.error.long_text", value=Plain(len(value)), max_text=Plain(MAX_TEXT)))
        if any(ord(character) < 0x20 or 0x7F <= ord(character) < 0xA0 for character in value):
            self.fail(key, Message("agent.error.control_character", value=value[:40]))

    def _get(self, key: str, default: Any) -> Any:
        self._known.add(key)
        if key in self._values:
            return self._values[key]
        if default is None:
            self.fail(key, Message("agent.error.missing"))
        return default

    def _numeric(self, key: str, default: float | None) -> Any:
        """Like `_get`; an environment variable is text, so it is turned into a number where one is needed."""
        value = self._get(key, default)
        return _number_or_text(value) if key in self._overridden else value


def read_toml(path: Path) -> dict[str, Any]:
    """Parse a TOML file.

    Raises:
        ConfigError: naming file and reason, whatever is in it.
    """
    try:
        return read_toml_text(read_bounded(path, MAX_FILE_BYTES), max_bytes=MAX_FILE_BYTES)
    except OSError as error:
        if error.errno == errno.EFBIG:
            large = Message("agent.error.large_file", file=Plain(path), max_file_bytes=Plain(MAX_FILE_BYTES))
            raise ConfigError(large) from error
        raise ConfigError(Message("terminal.error.at", where=Plain(path), reason=why(error))) from error
    except ValueError as error:  # of the document, or of a path with a null character
        raise ConfigError(Message("agent.error.no_toml", file=Plain(path), reason=why(error))) from error


def _shown(value: object) -> str:
    """A value as a complaint shows it: a number of a million digits has no place there."""
    try:
        text = repr(without_user_part(value) if isinstance(value, str) else value)
    except ValueError:  # Python does not write integers of more than 4300 digits
        return "a number of thousands of digits"
    return text if len(text) <= 60 else f"{text[:57]}..."


def _number_or_text(text: str) -> int | float | str:
    for kind in (int, float):
        try:
            return kind(text[:MAX_TEXT])
        except ValueError:
            continue
    return text
