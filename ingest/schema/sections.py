"""The tables of ``city.toml`` but for ``[limits]``: keys, defaults, and which values are possible."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from edge_agent.wire.schedule import CLOCK_TIME, SUN_TIME
from languages.catalogue import language_codes
from languages.message import Message, Plain


def _timezone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError(Message("value.timezone"))
    return name


def _topic_part(text: str) -> str:
    if not text or any(character in text for character in "/+#\0"):
        raise ValueError(Message("value.topic"))
    return text


def _switch_time(text: str) -> str:
    if SUN_TIME.fullmatch(text) is None and CLOCK_TIME.fullmatch(text) is None:
        raise ValueError(Message("value.switch_time"))
    return text


def _clock_time(text: str) -> str:
    if CLOCK_TIME.fullmatch(text) is None:
        raise ValueError(Message("value.clock_time"))
    return text


TopicPart = Annotated[str, AfterValidator(_topic_part)]
SwitchTime = Annotated[str, AfterValidator(_switch_time)]
ClockTime = Annotated[str, AfterValidator(_clock_time)]


def _language(text: str) -> str:
    if text not in language_codes():
        raise ValueError(Message("value.language", languages=Plain(", ".join(language_codes()))))
    return text


class Section(BaseModel):
    """A table of ``city.toml``: no key but its own, and nothing changes it once it was read."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class CitySection(Section):
    """``[city]``: name, Sparkplug group and host, zone and language."""

    name: str = Field(min_length=1)
    group: TopicPart = "terang"
    host_id: TopicPart = "terang"
    timezone: Annotated[str, AfterValidator(_timezone)] = "Asia/Jakarta"
    language: Annotated[str, AfterValidator(_language)] = "id"


class BrokerSection(Section):
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


class TelemetrySection(Section):
    """``[telemetry]``: the store of readings and how long it keeps them."""

    url: str = Field("parquet:data/telemetry", pattern=r"^(parquet:.+|influxdb://[^\s/]+.*)$")
    token: str | None = Field(None, repr=False)  # from TERANG_TELEMETRY_TOKEN, never from the file
    token_file: Path | None = None
    retention_days: int = Field(730, ge=1)
    full_resolution_days: int = Field(60, ge=1)  # older readings are thinned to 15-minute means


class DatabaseSection(Section):
    """``[database]``: register and faults."""

    url: str = Field("sqlite:///data/terang.db", pattern=r"^(sqlite:///|postgresql\+psycopg://).+")


class DimStep(Section):
    """From ``at`` (local time) on the lamps run at ``level`` %."""

    at: ClockTime
    level: int = Field(ge=0, le=100)


class ScheduleSection(Section):
    """``[schedule]``: when lamps go on and off and how they dim in between."""

    on: SwitchTime = "sunset+10m"
    off: SwitchTime = "sunrise-10m"
    dim: tuple[DimStep, ...] = ()


class PublicSection(Section):
    """``[public]``: what everybody may see beside the contract's columns, and under which licence."""

    columns: tuple[str, ...] = ()  # further columns of the register that are shown to everybody
    licence: str = Field("", max_length=500)  # address of the licence of the open data; empty = none is stated
    repair_hours: int = Field(0, ge=0, le=8760)  # within which a dark lamp is promised to burn again; 0 = no promise


def _logo(path: Path) -> Path:
    if path.is_absolute() or ".." in path.parts or path.suffix.lower() != ".png":
        raise ValueError(Message("value.logo"))
    return path


class BrandingSection(Section):
    """``[branding]``: title, colour and logo of the pages; empty = Terang's own."""

    title: str = Field("", max_length=80)  # above the map and the open data, in place of the city's name
    accent: str = Field("", pattern=r"^(#[0-9a-fA-F]{6})?$")  # of buttons and headings
    logo: Annotated[Path, AfterValidator(_logo)] | None = None


def _network(text: str) -> str:
    try:
        ip_network(text, strict=True)
    except ValueError as error:
        raise ValueError(Message("value.network")) from error
    return text


def _origin(text: str) -> str:
    split = urlsplit(text)
    if split.scheme not in {"http", "https"} or not split.hostname or f"{split.scheme}://{split.netloc}" != text:
        raise ValueError(Message("value.origin"))
    return text


def _issuer(text: str) -> str:
    split = urlsplit(text)
    is_here = split.hostname in {"127.0.0.1", "localhost", "::1"}
    if text and (split.scheme != "https" and not (split.scheme == "http" and is_here)):
        raise ValueError(Message("value.https"))
    return text


class WebSection(Section):
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
        raise ValueError(Message("value.host"))
    return text.lower()


class NgsiSection(Section):
    """``[ngsi]``: the NGSI-LD interface."""

    # hosts that notifications may be sent to; without a port, the usual one of http or https
    notify: tuple[Annotated[str, AfterValidator(_host)], ...] = Field((), max_length=50)


def _receiver(text: str) -> str:
    try:
        split = urlsplit(text)
        is_plain = bool(split.hostname) and (split.port is None or split.port > 0) and not split.query
    except ValueError:
        is_plain = False
    if (
        not is_plain
        or split.scheme not in {"http", "https"}
        or "@" in split.netloc
        or split.fragment
        or not text.isascii()
        or not text.isprintable()
        or set(text) & set(' \\"<>?#')
    ):
        raise ValueError("is not an address such as https://cms.example.go.id/talq")
    return text.rstrip("/")


_SHORTEST_SAMPLE_S: Final = 60


class TalqReceiver(Section):
    """One of ``[[talq.receivers]]``: a management system that log reports are sent to."""

    url: Annotated[str, Field(max_length=400), AfterValidator(_receiver)]
    token_file: Path | None = None  # a bearer token, mode 0600
    events: bool = True
    measurements_s: int = Field(0, ge=0, le=86_400)  # from one sample of all lamps to the next; 0 = none

    @model_validator(mode="after")
    def _check(self) -> TalqReceiver:
        if 0 < self.measurements_s < _SHORTEST_SAMPLE_S:
            raise ValueError(f"measurements_s must be 0 or {_SHORTEST_SAMPLE_S} at least")
        is_here = urlsplit(self.url).hostname in {"127.0.0.1", "localhost", "::1"}
        if self.token_file is not None and self.url.startswith("http:") and not is_here:
            raise ValueError("token_file: a token is sent over https alone")
        return self


def _different(receivers: tuple[TalqReceiver, ...]) -> tuple[TalqReceiver, ...]:
    if len({one.url for one in receivers}) < len(receivers):
        raise ValueError("two receivers have one url")
    return receivers


class TalqSection(Section):
    """``[talq]``: the TALQ gateway."""

    receivers: Annotated[tuple[TalqReceiver, ...], AfterValidator(_different)] = Field((), max_length=5)


AccountRole = Literal["viewer", "crew", "operator", "administrator"]


class OidcSection(Section):
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


class KeysSection(Section):
    """``[keys]``: what signs schedules and commands; the public keys are beside it."""

    working_key: Path | None = None
