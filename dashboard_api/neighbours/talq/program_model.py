"""TALQ's control programs and calendars, as far as a gateway has to read them. Pure."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dashboard_api.errors import BadRequestError
from ingest.schema.validation import reason_of

Identifier = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
Text = Annotated[str, Field(max_length=500)]


class Part(BaseModel):
    """A part of TALQ's data model."""

    model_config = ConfigDict(strict=True)  # members that the data model does not name are kept and mean nothing


class State(Part):
    """A state of a lamp."""

    name: Text
    value: Any = None


class Command(Part):
    """A state, and how lamps come to it."""

    state: State
    rampToLevelTime: float | None = None  # noqa: N815  (the data model's name)
    rampFromLevelTime: float | None = None  # noqa: N815


class FixedTimeControl(Part):
    """From a local time of day on, a command."""

    startTime: Text  # noqa: N815
    command: Command


class ActivePeriod(Part):
    """When a program is in force."""

    name: Text
    startTime: Text | None = None  # noqa: N815
    endTime: Text | None = None  # noqa: N815
    sunsetOffset: int | None = None  # noqa: N815
    sunriseOffset: int | None = None  # noqa: N815


class AstroClockTimeControl(Part):
    """From a sunrise or sunset on, a command that is applied over that of the fixed times."""

    offset: int
    solarEventType: Literal["sunrise", "sunset"]  # noqa: N815
    operation: Text
    command: Command


class ControlProgram(Part):
    """A program of any type."""

    type: Text
    id: Identifier
    ownerCMS: Text  # noqa: N815


class ControlProgramOne(ControlProgram):
    """The one type of program that the data model describes."""

    activePeriods: Annotated[list[ActivePeriod], Field(max_length=100)]  # noqa: N815
    fixedTimeControls: Annotated[list[FixedTimeControl], Field(max_length=1000)]  # noqa: N815
    astroClockTimeControls: Annotated[list[AstroClockTimeControl], Field(max_length=1000)] | None = None  # noqa: N815
    dynamicControls: Annotated[list[Any], Field(max_length=1000)] | None = None  # noqa: N815


class Weekdays(Part):
    """A weekday, or a range of them; 1 = Monday."""

    start: Annotated[int, Field(ge=1, le=7)]
    end: Annotated[int, Field(ge=1, le=7)] | None = None


class Dates(Part):
    """A day of every month (``---31``) or of the year (``--12-31``), or a range of them."""

    start: Text
    end: Text | None = None


Occurrence = Annotated[str, Field(pattern=r"^[1-5L]$")]


class Condition(Part):
    """Dates or weekdays."""

    type: Literal["ccDate", "ccDay"]
    days: Annotated[list[Weekdays], Field(max_length=7)] | None = None
    occurrences: Annotated[list[Occurrence], Field(max_length=5)] | None = None
    dates: Annotated[list[Dates], Field(max_length=400)] | None = None


class Rule(Part):
    """On which days a program is in force."""

    program: Identifier
    startDate: Text | None = None  # noqa: N815
    endDate: Text | None = None  # noqa: N815
    condition: Condition | None = None


class Calendar(Part):
    """Which program is in force on which days."""

    id: Identifier
    ownerCMS: Text  # noqa: N815
    rules: Annotated[list[Rule], Field(max_length=1000)] | None = None
    defaultProgram: Text | None = None  # noqa: N815


def parse(model: type[Part], document: Any) -> Any:
    """A document as a model.

    Raises:
        BadRequestError: not as the data model describes it; says where and why.
    """
    try:
        return model.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "body"
        raise BadRequestError("bad_member", where=where[:200], reason=reason_of(first)) from error
