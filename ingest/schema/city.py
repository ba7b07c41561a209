"""``city.toml``: what a city sets, with defaults for all but its name.

``read_city`` is pure but for reading the file; environment variables come in as a mapping: ``TERANG_BROKER_URL``
overrides ``[broker] url``, ``TERANG_LIMITS_WARM_UP`` a limit, and so on. Relative paths in URLs are relative to the
city's folder.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from durable_files.bounded_read import read_bounded
from edge_agent.wire import WireError, read_toml_text
from ingest.schema.errors import CityError
from ingest.schema.limits import BY_NAME, Limits, parse_limits
from ingest.schema.sections import (
    BrandingSection,
    BrokerSection,
    CitySection,
    DatabaseSection,
    KeysSection,
    NgsiSection,
    OidcSection,
    PublicSection,
    ScheduleSection,
    Section,
    TalqReceiver,
    TalqSection,
    TelemetrySection,
    WebSection,
)
from ingest.schema.validation import NAMELESS, reason_of, shown_value
from languages.message import Message, Plain, why

FILE_NAME: Final = "city.toml"
MAX_FILE_BYTES: Final = 1_000_000
MAX_SECRET_BYTES: Final = 65_536
LAMPS_FILE: Final = "lamps.csv"
CABINETS_FILE: Final = "cabinets.csv"
WORDS_FOLDER: Final = "languages"
MAPPINGS_FOLDER: Final = "mappings"
BROKER_FOLDER: Final = "broker"  # what a broker reads: its certificate, the authority, who is revoked


class City(Section):
    """A city's settings; ``folder`` is where they were read from."""

    city: CitySection
    broker: BrokerSection = BrokerSection()  # type: ignore[call-arg]  # pydantic fills the defaults
    telemetry: TelemetrySection = TelemetrySection()  # type: ignore[call-arg]  # as above
    database: DatabaseSection = DatabaseSection()  # type: ignore[call-arg]  # as above
    schedule: ScheduleSection = ScheduleSection()
    public: PublicSection = PublicSection()  # type: ignore[call-arg]  # as above
    branding: BrandingSection = BrandingSection()  # type: ignore[call-arg]  # as above
    web: WebSection = WebSection()  # type: ignore[call-arg]  # as above
    ngsi: NgsiSection = NgsiSection()  # type: ignore[call-arg]  # as above
    talq: TalqSection = TalqSection()  # type: ignore[call-arg]  # as above
    oidc: OidcSection = OidcSection()  # type: ignore[call-arg]  # as above
    keys: KeysSection = KeysSection()
    limits: Mapping[str, Any] = {}
    folder: Path

    @property
    def data_folder(self) -> Path:
        """Where the live picture, snapshots and locks stand."""
        return self.folder / "data"

    @property
    def words_folder(self) -> Path:
        """Where the city's own words stand, ``CODE.po`` for each language: over Terang's catalogues."""
        return self.folder / WORDS_FOLDER

    @property
    def shown_name(self) -> str:
        """What the pages are headed with: ``[branding] title``, else the city's name."""
        return self.branding.title or self.city.name

    def oidc_secret(self) -> str | None:
        """The client secret of ``[oidc]``, from the environment or from ``client_secret_file``; None = a public client.

        Raises:
            CityError: the file cannot be read, or others may read it.
        """
        file = self.oidc.client_secret_file
        if self.oidc.client_secret or file is None:
            return self.oidc.client_secret
        path = self.folder / file
        try:
            if path.stat().st_mode & 0o077:
                raise CityError(Message("terminal.error.client_secret_open", file=Plain(path)))
            return read_bounded(path, MAX_SECRET_BYTES).decode().strip() or None
        except (OSError, UnicodeDecodeError) as error:
            raise CityError(
                Message("terminal.error.client_secret_file", file=Plain(path), reason=why(error))
            ) from error

    def talq_token(self, receiver: TalqReceiver) -> str | None:
        """The token of one of ``[[talq.receivers]]``; None where it has none.

        Raises:
            CityError: the file cannot be read, is empty, or others may read it.
        """
        if receiver.token_file is None:
            return None
        path = self.folder / receiver.token_file
        try:
            if path.stat().st_mode & 0o077:
                raise CityError(f"[talq] token_file: {path}: others may read it; chmod 600 {path}")
            token = read_bounded(path, MAX_SECRET_BYTES).decode().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise CityError(f"[talq] token_file: {path}: {error}") from error
        if not token or not token.isascii() or not token.isprintable():
            raise CityError(f"[talq] token_file: {path}: is not a token")
        return token

    def telemetry_token(self) -> str | None:
        """The token of ``[telemetry]``, from the environment or from ``token_file``; None where there is neither.

        Raises:
            CityError: the file cannot be read, or is empty.
        """
        file = self.telemetry.token_file
        if self.telemetry.token or file is None:
            return self.telemetry.token
        try:
            token = read_bounded(self.folder / file, MAX_SECRET_BYTES).decode().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise CityError(
                Message("terminal.error.token_file", folder=Plain(self.folder / file), reason=why(error))
            ) from error
        if not token:
            raise CityError(Message("terminal.error.token_file_empty", folder=Plain(self.folder / file)))
        return token

    def parsed_limits(self) -> Limits:
        """The limits in force."""
        return parse_limits(self.limits)


def read_city(folder: Path, environment: Mapping[str, str]) -> City:
    """Read ``city.toml`` of a city's folder.

    Raises:
        CityError: the file is missing or broken, a key unknown, a value impossible; one line with file, key, reason.
    """
    path = folder / FILE_NAME
    try:
        document = read_toml_text(read_bounded(path, MAX_FILE_BYTES))
    except FileNotFoundError as error:
        raise CityError(Message("terminal.error.missing_city", file=Plain(path), folder=Plain(folder))) from error
    except OSError as error:
        raise CityError(Message("terminal.error.at", where=Plain(path), reason=why(error))) from error
    except WireError as error:
        raise CityError(Message("terminal.error.no_toml", where=Plain(path), reason=why(error))) from error
    if "folder" in document:
        raise CityError(Message("terminal.error.folder_key", file=Plain(path)))
    if isinstance(document.get("telemetry"), dict) and "token" in document["telemetry"]:
        raise CityError(Message("terminal.error.token_in_file", file=Plain(path)))
    if isinstance(document.get("broker"), dict) and "password" in document["broker"]:
        raise CityError(Message("terminal.error.password_in_file", file=Plain(path)))
    if isinstance(document.get("oidc"), dict) and "client_secret" in document["oidc"]:
        raise CityError(Message("terminal.error.client_secret_in_file", file=Plain(path)))
    variables = _override(document, environment)
    try:
        city = City(**document, folder=folder)
    except ValidationError as error:
        raise CityError(_error_message(error, path, variables)) from error
    try:
        city.parsed_limits()
    except CityError as error:
        named = [
            name for (section, key), name in variables.items() if section == "limits" and f"] {key}:" in str(error)
        ]
        raise CityError(
            Message("terminal.error.at", where=Plain(named[0] if named else path), reason=why(error))
        ) from error
    return city


def _override(document: dict[str, Any], environment: Mapping[str, str]) -> dict[tuple[str, str], str]:
    """Put ``TERANG_SECTION_KEY`` variables over the document; names of no section or key are left alone.

    Returns:
        ``(section, key) -> variable`` of what the environment set.
    """
    variables: dict[tuple[str, str], str] = {}
    for section, key in _keys():
        name = f"TERANG_{section}_{key}".upper()
        table = document.setdefault(section, {}) if name in environment else None
        if isinstance(table, dict):
            table[key] = _value(section, key, environment[name], name)
            variables[section, key] = name
    return variables


def _keys() -> Iterator[tuple[str, str]]:
    """Every ``(section, key)`` of a city's file."""
    for section, field in City.model_fields.items():
        model = field.annotation
        if isinstance(model, type) and issubclass(model, BaseModel):
            yield from ((section, key) for key in model.model_fields)
    yield from (("limits", name) for name in BY_NAME)


_TOML_VALUES: Final = {
    ("schedule", "dim"): "[{ at = '22:00', level = 70 }]",
    ("public", "columns"): "['pole']",
    ("web", "hosts"): "['terang.example.go.id']",
    ("web", "trusted_proxies"): "['127.0.0.1']",
    ("web", "allowed_origins"): "['https://peta.example.go.id']",
    ("ngsi", "notify"): "['broker.example.go.id:1026']",
    ("oidc", "roles"): "{ 'pju-kru' = 'crew' }",
}


def _value(section: str, key: str, text: str, name: str) -> Any:
    """A variable's value: text, but what TOML writes as a list or a number is read as TOML."""
    if section == "limits":
        try:
            return float(text)
        except ValueError:
            return text  # a duration such as 10m
    if (section, key) in _TOML_VALUES:
        try:
            return read_toml_text(f"value = {text}".encode(errors="replace"))["value"]
        except WireError as error:
            raise CityError(
                Message(
                    "terminal.error.no_toml_like",
                    name=Plain(name),
                    toml_values=Plain(_TOML_VALUES[section, key]),
                    reason=why(error),
                )
            ) from error
    return text


def _error_message(error: ValidationError, path: Path, variables: Mapping[tuple[str, str], str]) -> Message:
    """The first thing wrong: where it was set, which key, why."""
    first = error.errors()[0]
    section, *rest = [str(part) for part in first["loc"]]
    source = variables.get((section, rest[0])) if rest else None
    where = f"[{section}] {'.'.join(rest)}" if rest else section
    reason = reason_of(first)
    is_secret = rest[:1] in (["token"], ["password"], ["client_secret"])
    is_secret = (
        is_secret or "token" in str(first["input"]).lower() or any(c in str(first["input"]) for c in ("@", "://"))
    )
    place, key = Plain(source or path), Plain(where)
    if first["type"] in NAMELESS or is_secret:
        return Message("terminal.error.setting", where=place, key=key, reason=reason)
    given = Plain(shown_value(first["input"]))
    return Message("terminal.error.setting_given", where=place, key=key, reason=reason, given=given)
