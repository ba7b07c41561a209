"""The mapping table: our fault codes and readings -> TALQ's lamp-monitor events, functions and attributes. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from dashboard_api.neighbours.talq.calendars import MOST_CALENDARS, MOST_PROGRAMS
from dashboard_api.neighbours.talq.programs import MOST_PERIODS, MOST_SWITCH_POINTS

VERSION: Final = "2.7.1"
LAMP_CLASS: Final = "TerangLamp"
COMMUNICATION: Final = "communication"
ACTUATOR: Final = "actuator"
MONITOR: Final = "monitor"
EVENT_LOGGER: Final = "terang-events"
MEASUREMENT_LOGGER: Final = "terang-measurements"


@dataclass(frozen=True, slots=True)
class Event:
    """One of TALQ's lamp-monitor events: the fault codes that are told as it, or why it is never told."""

    codes: tuple[str, ...] = ()
    refused: str = ""


# all 22 of TALQ 2.7.1
LAMP_EVENTS: Final[Mapping[str, Event]] = {
    "absoluteLampPowerTooHigh": Event(refused="power is judged against the lamp's own, not against a fixed limit"),
    "absoluteLampPowerTooLow": Event(refused="power is judged against the lamp's own, not against a fixed limit"),
    "dimmingFailure": Event(("dimmingFailure",)),
    "powerFactorTooLow": Event(("powerFactorTooLow",)),
    "lampFailure": Event(("lampFailure",)),
    "invalidLampType": Event(refused="no lamp types are assigned to lamps from outside"),
    "highTemperature": Event(("highTemperature",)),
    "relayFailure": Event(("relayFailure",)),
    "lampPowerTooHigh": Event(("lampPowerTooHigh",)),
    "lampPowerTooLow": Event(("lampPowerTooLow",)),
    "controlGearCommFailure": Event(refused="control gear is not heard apart from the lamp's node"),
    "cyclingFailure": Event(("cyclingFailure",)),
    "supplyLoss": Event(("supplyLoss", "circuitFailure", "cableFailure")),
    "supplyVoltageTooHigh": Event(("supplyVoltageTooHigh",)),
    "supplyVoltageTooLow": Event(("supplyVoltageTooLow",)),
    "contactorError": Event(("contactorFailure",)),
    "lampUnexpectedOn": Event(("lampUnexpectedOn",)),
    "leakageDetected": Event(refused="no leakage current is measured"),
    "currentTooHigh": Event(refused="power is judged, which says the same"),
    "currentTooLow": Event(refused="power is judged, which says the same"),
    "lampVoltageTooHigh": Event(refused="the voltage behind the control gear is not measured"),
    "lampVoltageTooLow": Event(refused="the voltage behind the control gear is not measured"),
}
COMMUNICATION_EVENT: Final = "communicationFailure"
_COMMUNICATION_CODES: Final = ("communicationFailure", "busFailure", "controllerOffline")
# fault codes that no event of a lamp reports, and why; a code in neither table is not reported
REFUSED_CODES: Final[Mapping[str, str]] = {
    "controlGearFailure": "TALQ has it for DALI functions alone, which are not announced",
    "meterFailure": "TALQ has no event for a meter that reads wrongly",
    "circuitPowerTooLow": "which lamps are dark is not known",
    "neutralFailure": "an event of a cabinet; cabinets are not announced",
    "cabinetDoorOpen": "an event of a cabinet; cabinets are not announced",
    "unmeteredLoad": "an event of a cabinet; cabinets are not announced",
}
# fault code -> (function, event)
EVENT_OF: Final[Mapping[str, tuple[str, str]]] = {
    **{code: (MONITOR, name) for name, event in LAMP_EVENTS.items() for code in event.codes},
    **dict.fromkeys(_COMMUNICATION_CODES, (COMMUNICATION, COMMUNICATION_EVENT)),
}
TOLD: Final = tuple(name for name, event in LAMP_EVENTS.items() if event.codes)
# attribute of the monitor -> column of the live picture
MEASURED: Final[Mapping[str, str]] = {
    "activePower": "power_w",
    "supplyVoltage": "voltage_v",
    "supplyCurrent": "current_a",
    "powerFactor": "power_factor",
    "temperature": "temperature_c",
}


def _function(name: str, kind: str, attributes: tuple[str, ...], events: tuple[str, ...] = ()) -> dict[str, Any]:
    described = [{"name": one, "readOnly": True} for one in attributes]
    found: dict[str, Any] = {"functionId": name, "type": kind, "attributes": described}
    return {**found, "events": [{"type": one} for one in events]} if events else found


DEVICE_CLASSES: Final[tuple[Mapping[str, Any], ...]] = (
    {
        "name": LAMP_CLASS,
        "functions": [
            _function(COMMUNICATION, "CommunicationFunction", (COMMUNICATION_EVENT,), (COMMUNICATION_EVENT,)),
            _function(ACTUATOR, "LampActuatorFunction", ("actualLightState", "calendarID")),
            _function(MONITOR, "LampMonitorFunction", (*MEASURED, *TOLD), TOLD),
        ],
    },
)
SERVICES: Final[tuple[Mapping[str, Any], ...]] = (
    {
        "name": "ConfigurationService",
        "commissioningSupported": False,
        "devicesPaginationSupported": True,
        "supportedProfiles": ["lighting"],
    },
    {
        "name": "ControlService",
        "supportedTypes": ["AbsoluteActivePeriod", "AstroClockActivePeriod"],
        "maximumCalendars": MOST_CALENDARS,
        "maximumPrograms": MOST_PROGRAMS,
        "maxProgramsPerCalendar": MOST_PROGRAMS,
        "maxSwitchPointsPerProgram": MOST_SWITCH_POINTS,
        "maxActivePeriodsPerProgram": MOST_PERIODS,
        "dayOffset": 12,
        "ccDateSupport": "full",
        "ccDaySupport": "full",
        "programSecondsSupported": False,
    },
    {"name": "GroupManagementService", "maximumGroupSize": 20_000, "attributes": ["purpose"]},
    {
        "name": "DataCollectService",
        "maximumDataLogs": 22,
        "supportedModes": [
            "EventRecordingMode",
            "PeriodicRecordingMode",
            "VendorRecordingMode",
            "ImmediateReportingMode",
        ],
        "samplingPeriodSupported": True,
        "samplingAccuracy": 60,
    },
)

_ALL_DEVICES: Final[Mapping[str, Any]] = {"blackList": []}  # all but none
LOGGER_CONFIGS: Final[tuple[Mapping[str, Any], ...]] = (
    {
        "address": EVENT_LOGGER,
        "sourceAddresses": _ALL_DEVICES,
        "recordingMode": {
            "type": "EventRecordingMode",
            "sourceEvents": {"whiteList": [*TOLD, COMMUNICATION_EVENT]},
        },
        "reportingMode": {"type": "ImmediateReportingMode", "delay": 5},
    },
    {
        "address": MEASUREMENT_LOGGER,
        "sourceAddresses": _ALL_DEVICES,
        "recordingMode": {
            "type": "VendorRecordingMode",
            "content": [{"function": {"functionId": MONITOR, "attributes": [{"name": name} for name in MEASURED]}}],
        },
        "reportingMode": {"type": "ImmediateReportingMode", "delay": 5},
    },
)
