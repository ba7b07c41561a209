"""``city.toml``: what a city sets, with defaults for all but its name.

``read_city`` is pure but for reading the file; environment variables come in as a mapping: ``TERANG_BROKER_URL``
overrides ``[broker] url``, ``TERANG_LIMITS_WARM_UP`` a limit, and so on. Relative paths in URLs are relative to the
city's folder.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Final
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from edge_agent.wire.schedule import CLOCK_TIME, SUN_TIME
from ingest.schema.errors import CityError
from ingest.schema.limits import BY_NAME, Limits, parse_limits
from languages.catalogue import language_codes

FILE_NAME: Final = "city.toml"
LAMPS_FILE: Final = "lamps.csv"
CABINETS_FILE: Final = "cabinets.csv"


def _timezone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("no such time zone")
    return name


def _topic_part(text: str) -> str:
    if not text or any(character in text for character in "/+#\0"):
        raise ValueError("must not be empty nor hold / + #")
    return text


def _switch_time(text: str) -> str:
    if SUN_TIME.fullmatch(text) is None and CLOCK_TIME.fullmatch(text) is None:
        raise ValueError("is neither like 'sunset+10m', 'sunrise-10m' nor like '18:00'")
    return text


def _clock_time(text: str) -> str:
    if CLOCK_TIME.fullmatch(text) is None:
        raise ValueError("is not a time of day like '22:00'")
    return text


TopicPart = Annotated[str, AfterValidator(_topic_part)]
SwitchTime = Annotated[str, AfterValidator(_switch_time)]
ClockTime = Annotated[str, AfterValidator(_clock_time)]


def _language(text: str) -> str:
    if text not in language_codes():
        raise ValueError(f"there is no catalogue of that language; there are {', '.join(language_codes())}")
    return text


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CitySection(_Section):
    """``[city]``: name, Sparkplug group and host, zone and language."""

    name: str = Field(min_length=1)
    group: TopicPart = "terang"
    host_id: TopicPart = "terang"
    timezone: Annotated[str, AfterValidator(_timezone)] = "Asia/Jakarta"
    language: Annotated[str, AfterValidator(_language)] = "id"


class BrokerSection(_Section):
    """``[broker]``: where MQTT goes; ``embedded:`` starts a broker in the process."""

    url: str = Field("mqtt://127.0.0.1:1883", pattern=r"^(mqtts?://[^\s/]+|embedded:.*)$")
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None
    username: str | None = None
    password: str | None = Field(None, repr=False)
    passwords: Path | None = None  # who may connect to the embedded broker: name:hash, mode 0600


class TelemetrySection(_Section):
    """``[telemetry]``: the store of readings and how long it keeps them."""

    url: str = Field("parquet:data/telemetry", pattern=r"^(parquet:.+|influxdb://[^\s/]+.*)$")
    token: str | None = Field(None, repr=False)  # from TERANG_TELEMETRY_TOKEN, never from the file
    token_file: Path | None = None
    retention_days: int = Field(730, ge=1)
    full_resolution_days: int = Field(60, ge=1)  # older readings are thinned to 15-minute means


class DatabaseSection(_Section):
    """``[database]``: register and faults."""

    url: str = Field("sqlite:///data/terang.db", pattern=r"^(sqlite:///|postgresql\+psycopg://).+")


class DimStep(_Section):
    """From ``at`` (local time) on the lamps run at ``level`` %."""

    at: ClockTime
    level: int = Field(ge=0, le=100)


class ScheduleSection(_Section):
    """``[schedule]``: when lamps go on and off and how they dim in between."""

    on: SwitchTime = "sunset+10m"
    off: SwitchTime = "sunrise-10m"
    dim: tuple[DimStep, ...] = ()


class KeysSection(_Section):
    """``[keys]``: what signs schedules and commands; the public keys stand beside it."""

    working_key: Path | None = None


class City(_Section):
    """A city's settings; ``folder`` is where they were read from."""

    city: CitySection
    broker: BrokerSection = BrokerSection()  # type: ignore[call-arg]  # pydantic fills the defaults
    telemetry: TelemetrySection = TelemetrySection()  # type: ignore[call-arg]  # as above
    database: DatabaseSection = DatabaseSection()  # type: ignore[call-arg]  # as above
    schedule: ScheduleSection = ScheduleSection()
    keys: KeysSection = KeysSection()
    limits: Mapping[str, Any] = {}
    folder: Path

    @property
    def data_folder(self) -> Path:
        """Where the live picture, snapshots and locks stand."""
        return self.folder / "data"

    def telemetry_token(self) -> str | None:
        """The token of ``[telemetry]``, from the environment or from ``token_file``; None where there is neither.

        Raises:
            CityError: the file cannot be read, or is empty.
        """
        file = self.telemetry.token_file
        if self.telemetry.token or file is None:
            return self.telemetry.token
        try:
            token = (self.folder / file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise CityError(f"[telemetry] token_file: {self.folder / file}: {error}") from error
        if not token:
            raise CityError(f"[telemetry] token_file: {self.folder / file}: is empty")
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
        document: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise CityError(f"{path}: no such file; 'terang-city init {folder}' writes one") from error
    except (OSError, UnicodeDecodeError) as error:
        raise CityError(f"{path}: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise CityError(f"{path}: not TOML: {error}") from error
    if "folder" in document:
        raise CityError(f"{path}: folder: unknown key")
    if isinstance(document.get("telemetry"), dict) and "token" in document["telemetry"]:
        raise CityError(f"{path}: [telemetry] token: secrets come from TERANG_TELEMETRY_TOKEN or token_file")
    if isinstance(document.get("broker"), dict) and "password" in document["broker"]:
        raise CityError(f"{path}: [broker] password: secrets come from TERANG_BROKER_PASSWORD")
    variables = _override(document, environment)
    try:
        city = City(**document, folder=folder)
    except ValidationError as error:
        raise CityError(_told(error, path, variables)) from error
    try:
        city.parsed_limits()
    except CityError as error:
        named = [
            name for (section, key), name in variables.items() if section == "limits" and f"] {key}:" in str(error)
        ]
        raise CityError(f"{named[0] if named else path}: {error}") from error
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


def _value(section: str, key: str, text: str, name: str) -> Any:
    """A variable's value: text, but what TOML writes as a list or a number is read as TOML."""
    if section == "limits":
        try:
            return float(text)
        except ValueError:
            return text  # a duration such as 10m
    if (section, key) == ("schedule", "dim"):
        try:
            return tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError as error:
            raise CityError(f"{name}: not a TOML list such as [{{ at = '22:00', level = 70 }}]: {error}") from error
    return text


def _told(error: ValidationError, path: Path, variables: Mapping[tuple[str, str], str]) -> str:
    """The first thing wrong: where it was set, which key, why."""
    first = error.errors()[0]
    section, *rest = [str(part) for part in first["loc"]]
    source = variables.get((section, rest[0])) if rest else None
    where = f"[{section}] {'.'.join(rest)}" if rest else section
    reason = {"extra_forbidden": "unknown key", "missing": "is required"}.get(first["type"], first["msg"])
    is_secret = rest[:1] in (["token"], ["password"])
    is_secret = (
        is_secret or "token" in str(first["input"]).lower() or any(c in str(first["input"]) for c in ("@", "://"))
    )
    given = "" if first["type"] in {"extra_forbidden", "missing"} or is_secret else f" (given: {first['input']!r})"
    return f"{source or path}: {where}: {reason.removeprefix('Value error, ')}{given}"
