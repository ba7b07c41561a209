"""The city's frame, the fault catalogue, the summary, readiness."""

from __future__ import annotations

from typing import Any, Final, Literal

from pydantic import Field

from dashboard_api.api.models.answer import Answer, example
from ingest.schema.codes import Family, Level, Severity

SUMMARY_EXAMPLE: Final[dict[str, Any]] = {
    "at": "2026-11-23T12:05:00Z",
    "live_at": "2026-11-23T12:04:58Z",
    "live_age_s": 1.4,
    "lamps": {
        "total": 2000,
        "silent": 2,
        "off": 0,
        "lit": 1960,
        "dark": 28,
        "unmetered": 10,
        "lit_share": 0.9859,
        "monitored": 1990,
    },
    "power_w": 131200.0,
    "faults": {
        "open": 21,
        "by_state": {"open": 21},
        "by_severity": {"major": 21},
        "by_code": {"lampFailure": 21},
    },
    "controllers": {"online": 40, "offline": 0},
    "districts": [
        {
            "district": "Siak",
            "total": 2000,
            "silent": 2,
            "off": 0,
            "lit": 1960,
            "dark": 28,
            "unmetered": 10,
            "lit_share": 0.9859,
            "open_faults": 21,
        }
    ],
}


class LanguageRow(Answer):
    """A language that answers can be given in."""

    code: str = Field(description="value of `?lang=`")
    name: str = Field(description="its own name")


class Branding(Answer):
    """What the city's pages look like."""

    title: str = Field(description="heads the pages")
    accent: str | None = Field(description="a colour such as #336699; null = Terang's own")
    logo: str | None = Field(description="path of its image; null = none")


class OwnWords(Answer):
    """What the city says in other words than Terang."""

    model_config = example({"language": "id", "messages": {"page.faults": "Kerusakan"}})

    language: str
    messages: dict[str, str] = Field(description="texts by message id; `{names}` in them are filled in")


class DistrictPlace(Answer):
    """A district and the middle of its lamps."""

    name: str
    latitude: float
    longitude: float


class City(Answer):
    """Name, zone, language and extent of the city, and its now."""

    model_config = example(
        {
            "name": "Kota Terang",
            "branding": {"title": "Kota Terang", "accent": None, "logo": None},
            "own_words": [],
            "group": "terang",
            "timezone": "Asia/Jakarta",
            "language": "id",
            "languages": [{"code": "en", "name": "English"}, {"code": "id", "name": "Bahasa Indonesia"}],
            "bbox": [102.0, 0.78, 102.1, 0.81],
            "lamps": 2000,
            "districts": [{"name": "Siak", "latitude": 0.7951, "longitude": 102.0483}],
            "register_version": 3,
            "now": "2026-11-23T12:05:00Z",
            "version": "0.1.0",
        }
    )

    name: str
    branding: Branding
    own_words: list[str] = Field(description="languages in which the city has words of its own, at `/words/{language}`")
    group: str = Field(description="Sparkplug group id")
    timezone: str = Field(description="IANA name")
    language: str = Field(description="the city's own language")
    languages: list[LanguageRow]
    bbox: list[float] | None = Field(description="west, south, east, north; null = no lamps")
    lamps: int
    districts: list[DistrictPlace]
    register_version: int
    now: str
    version: str


class CodeRow(Answer):
    """One code of the fault catalogue; `title` and `advice` by language."""

    code: str
    level: Level
    severity: Severity
    family: Family = Field(description="what is broken, as the signs of a map show it; `signal`: it is only not heard")
    darkens: bool = Field(description="lamps that it takes are dark while they should be lit")
    title: dict[str, str]
    advice: dict[str, str]


class CodeList(Answer):
    """The fault catalogue in every language."""

    model_config = example(
        {
            "items": [
                {
                    "code": "lampFailure",
                    "level": "lamp",
                    "severity": "major",
                    "family": "lamp",
                    "darkens": True,
                    "title": {"en": "Lamp dark", "id": "Lampu mati"},
                    "advice": {"en": "Bring a replacement lamp …", "id": "Bawa lampu pengganti …"},
                }
            ],
            "next_cursor": None,
        }
    )

    items: list[CodeRow]
    next_cursor: None


class QuantityRow(Answer):
    """A quantity of a lamp's readings: its column in them, unit, and how its values over a time are summed up."""

    name: str = Field(description="column of `GET /api/v1/lamps/{lamp_id}/readings`")
    unit: str = Field(description="empty for plain numbers and bits")
    decimals: int
    summary: Literal["mean", "highest", "none"]
    title: dict[str, str] = Field(description="by language")


class QuantityList(Answer):
    """What a lamp's readings consist of."""

    model_config = example(
        {
            "items": [
                {
                    "name": "power_w",
                    "unit": "W",
                    "decimals": 1,
                    "summary": "mean",
                    "title": {"en": "Power", "id": "Daya"},
                }
            ],
            "next_cursor": None,
        }
    )

    items: list[QuantityRow]
    next_cursor: None


class LampFigures(Answer):
    """Numbers of lamps by state."""

    total: int
    silent: int = Field(description="metered and unheard")
    off: int = Field(description="as they should be")
    lit: int
    dark: int = Field(description="by their own reading, or by a fault that stands on them")
    unmetered: int = Field(description="without a meter of their own, and no fault says that they are dark")
    lit_share: float | None = Field(description="lit / (lit + dark); null while lamps should be off")


class CityLampFigures(LampFigures):
    """Numbers of the city's lamps by state."""

    monitored: int


class DistrictFigures(LampFigures):
    """One district's figures."""

    district: str | None
    open_faults: int


class FaultFigures(Answer):
    """Faults that are neither closed nor explained by another."""

    open: int
    by_state: dict[str, int]
    by_severity: dict[str, int]
    by_code: dict[str, int]


class ControllerFigures(Answer):
    """Controllers that ingest has met."""

    online: int
    offline: int


class Summary(Answer):
    """The live room's figures."""

    model_config = example(SUMMARY_EXAMPLE)

    at: str
    live_at: str | None = Field(description="time of the live picture; null = ingest has written none")
    live_age_s: float | None = Field(description="seconds since ingest wrote it")
    lamps: CityLampFigures
    power_w: float | None
    faults: FaultFigures
    controllers: ControllerFigures
    districts: list[DistrictFigures]


class WarningCode(Answer):
    """A message: its code, and its parameters, each a text, a number, or a message again."""

    code: str
    parameters: dict[str, Any]


class Readiness(Answer):
    """The service is able to answer."""

    model_config = example(
        {
            "ready": True,
            "register_version": 3,
            "live_at": "2026-11-23T12:04:58Z",
            "live_age_s": 1.4,
            "warnings": {"upkeep": "it fails and is tried again: no room"},
            "warning_codes": {"upkeep": {"code": "readiness.failing", "parameters": {"reason": "no room"}}},
        }
    )

    ready: Literal[True]
    register_version: int
    live_at: str | None = Field(description="time of the live picture; null = ingest has written none")
    live_age_s: float | None = Field(description="seconds since ingest wrote it")
    warnings: dict[str, str] = Field(description="what a person should look at, by part, in words")
    warning_codes: dict[str, WarningCode] = Field(description="the same for a program")
