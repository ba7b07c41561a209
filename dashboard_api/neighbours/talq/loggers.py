"""Loggers that management systems make: which events and measurements of which lamps they report. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from dashboard_api.errors import BadRequestError
from dashboard_api.neighbours.talq import mapping
from dashboard_api.neighbours.talq.devices import Devices
from dashboard_api.neighbours.talq.errors import RefusedError
from dashboard_api.neighbours.talq.groups import Groups, device_of
from dashboard_api.neighbours.talq.own_groups import Reference
from dashboard_api.neighbours.talq.program_model import Identifier, Part, Text, parse
from dashboard_api.neighbours.talq.programs import TOO_MUCH
from dashboard_api.neighbours.talq.sampling import Profile, SamplingProfile, profiles_of
from dashboard_api.store.talq_documents import GROUPS
from languages.message import Message, Plain

MOST_LOGGERS: Final = 20
_LONGEST_DELAY_S: Final = 86_400
_MONITOR_TYPE: Final = "LampMonitorFunction"
_PERIODIC: Final = "PeriodicRecordingMode"


class Sources(Part):
    """Devices and groups: the white list without the black list."""

    whiteList: list[Reference] | None = None  # noqa: N815  (the data model's name)
    blackList: list[Reference] | None = None  # noqa: N815


class Events(Part):
    """Events: the white list without the black list."""

    whiteList: list[Text] | None = None  # noqa: N815
    blackList: list[Text] | None = None  # noqa: N815


class Attribute(Part):
    """An attribute that is recorded."""

    name: Text
    onChangeThreshold: int | None = None  # noqa: N815


class Function(Part):
    """A function, and which of its attributes are recorded."""

    functionId: Text | None = None  # noqa: N815
    functionType: Text | None = None  # noqa: N815
    attributes: list[Attribute] | None = None


class Content(Part):
    """What is recorded."""

    function: Function
    attributeScope: Text | None = None  # noqa: N815


class RecordingMode(Part):
    """When something is recorded, and what."""

    type: Text
    activePeriods: list[Any] | None = None  # noqa: N815
    sourceEvents: Events | None = None  # noqa: N815
    content: list[Content] | None = None
    samplingProfiles: list[SamplingProfile] | None = None  # noqa: N815


class ReportingMode(Part):
    """When what was recorded is reported."""

    type: Text
    delay: int | None = None
    numberOfRetries: int | None = None  # noqa: N815


class LoggerConfig(Part):
    """A logger as it is put in."""

    address: Identifier
    ownerCMS: Text  # noqa: N815
    sourceAddresses: Sources | None = None  # noqa: N815
    recordingMode: RecordingMode | None = None  # noqa: N815
    reportingMode: ReportingMode | None = None  # noqa: N815


@dataclass(frozen=True, slots=True)
class Logger:
    """A logger whose lists are looked up.

    Attributes:
        events: that it records; empty for one of measurements.
        quantities: attributes of the monitor that it records; empty for one of events.
        lamps: addresses of lamps that it is for, None = all.
        others: addresses of lamps that it is not for.
        profiles: when a periodic one takes its samples; empty = with every sample of the receiver.
    """

    address: str
    events: frozenset[str]
    quantities: frozenset[str]
    lamps: frozenset[str] | None
    others: frozenset[str]
    profiles: tuple[Profile, ...] = ()

    def takes(self, lamp: str, name: str) -> bool:
        """Whether it records an event or a quantity of a lamp."""
        is_for = (self.lamps is None or lamp in self.lamps) and lamp not in self.others
        return is_for and (name in self.events or name in self.quantities)


def logger_of(document: Any, devices: Devices, groups: Groups, *, is_checked: bool = False) -> Logger:
    """A logger as it works.

    Args:
        document: as it was put in.
        devices: of the city.
        groups: of the city.
        is_checked: it was put in earlier: lamps and groups that are no longer there are passed over.

    Raises:
        BadRequestError: not as the data model describes it.
        RefusedError: what this gateway does not record or report, or a device or group that is not there.
    """
    config: LoggerConfig = parse(LoggerConfig, document)
    events, quantities = _recorded(config.recordingMode)
    _check_reporting(config.reportingMode)
    sources = config.sourceAddresses or Sources()
    white = _lamps(sources.whiteList or (), devices, groups, is_checked=is_checked)
    black = _lamps(sources.blackList or (), devices, groups, is_checked=is_checked)
    is_for_all = sources.whiteList is None and sources.blackList is not None
    profiles: tuple[Profile, ...] = ()
    if config.recordingMode is not None and config.recordingMode.type == _PERIODIC:
        profiles = profiles_of(config.recordingMode.samplingProfiles, "recordingMode.samplingProfiles")
    return Logger(config.address, events, quantities, None if is_for_all else white, black, profiles)


def sources_of(document: Mapping[str, Any]) -> set[tuple[str, str]]:
    """``resource`` and ``address`` of what a stored logger's lists name."""
    lists = (document.get("sourceAddresses") or {}).values()
    return {(one["resource"], one["address"]) for found in lists if isinstance(found, list) for one in found}


def _recorded(mode: RecordingMode | None) -> tuple[frozenset[str], frozenset[str]]:
    """The events and the quantities that are recorded."""
    where = "recordingMode"
    if mode is None:
        raise RefusedError(TOO_MUCH, where, Message("talq.no_recording"))
    if mode.activePeriods:
        raise RefusedError(TOO_MUCH, f"{where}.activePeriods", Message("talq.recorded_all_day"))
    if mode.type == "EventRecordingMode":
        if mode.sourceEvents is None:
            raise BadRequestError("bad_member", where=f"{where}.sourceEvents", reason=Message("value.missing"))
        known = frozenset((*mapping.TOLD, mapping.COMMUNICATION_EVENT))
        white, black = mode.sourceEvents.whiteList, mode.sourceEvents.blackList
        if white is None and black is None:
            return frozenset(), frozenset()
        return (known if white is None else known & frozenset(white)) - frozenset(black or ()), frozenset()
    if mode.type not in {"VendorRecordingMode", _PERIODIC}:
        kinds = Plain(f"EventRecordingMode, {_PERIODIC}, VendorRecordingMode")
        raise RefusedError(TOO_MUCH, f"{where}.type", Message("value.choice", words=kinds))
    if mode.content is None:
        if mode.type == _PERIODIC:
            raise BadRequestError("bad_member", where=f"{where}.content", reason=Message("value.missing"))
        return frozenset(), frozenset(mapping.MEASURED)
    return frozenset(), frozenset(name for one in mode.content for name in _quantities(one, f"{where}.content"))


def _quantities(content: Content, where: str) -> Iterable[str]:
    """The quantities that one part of a content names; functions that are not there are just not recorded."""
    if content.attributeScope is not None:
        raise RefusedError(TOO_MUCH, f"{where}.attributeScope", Message("talq.attributes_one_by_one"))
    function = content.function
    if function.functionId is None and function.functionType is None:
        raise BadRequestError("bad_member", where=f"{where}.function", reason=Message("talq.no_function"))
    if any(one.onChangeThreshold is not None for one in function.attributes or ()):
        raise RefusedError(TOO_MUCH, f"{where}.function.attributes", Message("talq.every_sample"))
    if function.functionId != mapping.MONITOR and function.functionType != _MONITOR_TYPE:
        return ()
    if function.attributes is None:
        return mapping.MEASURED
    return [one.name for one in function.attributes if one.name in mapping.MEASURED]


def _check_reporting(mode: ReportingMode | None) -> None:
    where = "reportingMode"
    if mode is None:
        raise RefusedError(TOO_MUCH, where, Message("talq.no_reporting"))
    if mode.type != "ImmediateReportingMode":
        raise RefusedError(TOO_MUCH, f"{where}.type", Message("value.choice", words=Plain("ImmediateReportingMode")))
    if mode.delay is None or mode.delay < 0:
        raise BadRequestError("bad_member", where=f"{where}.delay", reason=Message("value.least", least=0))
    if mode.delay > _LONGEST_DELAY_S:
        raise RefusedError(TOO_MUCH, f"{where}.delay", Message("value.most", most=_LONGEST_DELAY_S))


def _lamps(references: Iterable[Reference], devices: Devices, groups: Groups, *, is_checked: bool) -> frozenset[str]:
    found: set[str] = set()
    for one in references:
        if one.resource == GROUPS:
            rows = groups.rows_of(one.address)
            found.update(devices.addresses[row] for row in rows or ())
            is_there = rows is not None
        else:
            device = device_of(one.address)
            is_there = device in devices.row_of
            if is_there:
                found.add(device)
        if not is_there and not is_checked:
            reference = Message("talq.no_reference", resource=Plain(one.resource[:50]), address=one.address)
            raise RefusedError("relatedResourceNotFound", "sourceAddresses", reference)
    return frozenset(found)
