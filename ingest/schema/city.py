"""``city.toml``: what a city sets, with defaults for all but its name.

``read_city`` is pure but for reading the file; environment variables come in as a mapping: ``TERANG_BROKER_URL``
overrides ``[broker] url``, ``TERANG_LIMITS_WARM_UP`` a limit, and so on. Relative paths in URLs are relative to the
city's folder.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from edge_agent.wire.schedule import CLOCK_TIME, SUN_TIME
from ingest.schema.errors import CityError
from ingest.schema.limits import BY_NAME, Limits, parse_limits
from languages.catalogue import language_codes

FILE_NAME: Final = "city.toml"
LAMPS_FILE: Final = "lamps.csv"
CABINETS_FILE: Final = "cabinets.csv"
WORDS_FOLDER: Final = "languages"
MAPPINGS_FOLDER: Final = "mappings"
BROKER_FOLDER: Final = "broker"  # what a broker reads: its certificate, the authority, who is revoked


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
    # where the embedded broker listens for controllers with certificates, such as 0.0.0.0:8883
    tls_listen: str | None = Field(None, pattern=r"^[^\s/@]{1,200}:\d{1,5}$")


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


class PublicSection(_Section):
    """``[public]``: what everybody may see beside the contract's columns, and under which licence."""

    columns: tuple[str, ...] = ()  # further columns of the register that are shown to everybody
    licence: str = Field("", max_length=500)  # address of the licence of the open data; empty = none is stated
    repair_hours: int = Field(0, ge=0, le=8760)  # within which a dark lamp is promised to burn again; 0 = no promise


def _logo(path: Path) -> Path:
    if path.is_absolute() or ".." in path.parts or path.suffix.lower() != ".png":
        raise ValueError("is no PNG file in the city's folder, such as branding/logo.png")
    return path


class BrandingSection(_Section):
    """``[branding]``: title, colour and logo of the pages; empty = Terang's own."""

    title: str = Field("", max_length=80)  # above the map and the open data, in place of the city's name
    accent: str = Field("", pattern=r"^(#[0-9a-fA-F]{6})?$")  # of buttons and headings
    logo: Annotated[Path, AfterValidator(_logo)] | None = None


def _network(text: str) -> str:
    try:
        ip_network(text, strict=True)
    except ValueError as error:
        raise ValueError("is neither an IP address nor a network such as 10.0.0.0/8") from error
    return text


def _origin(text: str) -> str:
    split = urlsplit(text)
    if split.scheme not in {"http", "https"} or not split.hostname or f"{split.scheme}://{split.netloc}" != text:
        raise ValueError("is not an origin such as https://peta.example.go.id")
    return text


def _issuer(text: str) -> str:
    split = urlsplit(text)
    is_here = split.hostname in {"127.0.0.1", "localhost", "::1"}
    if text and (split.scheme != "https" and not (split.scheme == "http" and is_here)):
        raise ValueError("must begin with https:// (http:// on this machine only)")
    return text


class WebSection(_Section):
    """``[web]``: how the API stands on the network."""

    hosts: tuple[str, ...] = ()  # names that it is reached by, beside this machine's
    trusted_proxies: tuple[Annotated[str, AfterValidator(_network)], ...] = ()  # whose X-Forwarded-… is believed
    allowed_origins: tuple[Annotated[str, AfterValidator(_origin)], ...] = ()  # of other sites' pages that may ask
    public_per_minute: int = Field(600, ge=1, le=1_000_000)  # requests of an address without credentials
    session_per_minute: int = Field(60_000, ge=1, le=1_000_000)  # requests of one session
    key_file: Path | None = None  # default data/api.key


def _host(text: str) -> str:
    split = urlsplit(f"//{text}")
    try:
        is_host = (
            bool(split.hostname) and split.netloc == text and "@" not in text and (split.port is None or split.port > 0)
        )
    except ValueError:
        is_host = False
    if not is_host or not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("is not a host such as broker.example.go.id or broker.example.go.id:1026")
    return text.lower()


class NgsiSection(_Section):
    """``[ngsi]``: the NGSI-LD interface."""

    # hosts that notifications may be sent to; without a port, the usual one of http or https
    notify: tuple[Annotated[str, AfterValidator(_host)], ...] = Field((), max_length=50)


AccountRole = Literal["viewer", "crew", "operator", "administrator"]


class OidcSection(_Section):
    """``[oidc]``: sign-in by an OpenID provider, off without ``issuer``."""

    issuer: Annotated[str, AfterValidator(_issuer)] = ""
    client_id: str = ""
    client_secret: str | None = Field(None, repr=False)  # from TERANG_OIDC_CLIENT_SECRET, never from the file
    client_secret_file: Path | None = None
    scope: str = "openid profile"
    name_claim: str = "preferred_username"
    roles_claim: str = "roles"  # text or list of texts; a dot goes into an object
    roles: Mapping[str, AccountRole] = {}  # value of that claim -> role; who has none does not get in
    districts_claim: str = ""


class KeysSection(_Section):
    """``[keys]``: what signs schedules and commands; the public keys are beside it."""

    working_key: Path | None = None


class City(_Section):
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
                raise CityError(f"[oidc] client_secret_file: {path}: others may read it; chmod 600 {path}")
            return path.read_text(encoding="utf-8").strip() or None
        except (OSError, UnicodeDecodeError) as error:
            raise CityError(f"[oidc] client_secret_file: {path}: {error}") from error

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
    if isinstance(document.get("oidc"), dict) and "client_secret" in document["oidc"]:
        raise CityError(
            f"{path}: [oidc] client_secret: secrets come from TERANG_OIDC_CLIENT_SECRET or client_secret_file"
        )
    variables = _override(document, environment)
    try:
        city = City(**document, folder=folder)
    except ValidationError as error:
        raise CityError(_error_text(error, path, variables)) from error
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
            return tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError as error:
            raise CityError(f"{name}: not a TOML value such as {_TOML_VALUES[section, key]}: {error}") from error
    return text


def _error_text(error: ValidationError, path: Path, variables: Mapping[tuple[str, str], str]) -> str:
    """The first thing wrong: where it was set, which key, why."""
    first = error.errors()[0]
    section, *rest = [str(part) for part in first["loc"]]
    source = variables.get((section, rest[0])) if rest else None
    where = f"[{section}] {'.'.join(rest)}" if rest else section
    reason = {"extra_forbidden": "unknown key", "missing": "is required"}.get(first["type"], first["msg"])
    is_secret = rest[:1] in (["token"], ["password"], ["client_secret"])
    is_secret = (
        is_secret or "token" in str(first["input"]).lower() or any(c in str(first["input"]) for c in ("@", "://"))
    )
    given = "" if first["type"] in {"extra_forbidden", "missing"} or is_secret else f" (given: {first['input']!r})"
    return f"{source or path}: {where}: {reason.removeprefix('Value error, ')}{given}"
