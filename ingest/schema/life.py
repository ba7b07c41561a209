"""The states of a fault and the actions that change them."""

from __future__ import annotations

from typing import Final

OPEN: Final = "open"
ACKNOWLEDGED: Final = "acknowledged"
ASSIGNED: Final = "assigned"
REPAIRED: Final = "repaired"
CLOSED: Final = "closed"
STATES: Final = (OPEN, ACKNOWLEDGED, ASSIGNED, REPAIRED, CLOSED)

# action of a person -> {state it may be taken in: state it leads to}. Telemetry alone closes (from any state)
# and reopens a repair that did not hold; a comment changes no state.
ACTIONS: Final[dict[str, dict[str, str]]] = {
    "acknowledge": {OPEN: ACKNOWLEDGED},
    "assign": {OPEN: ASSIGNED, ACKNOWLEDGED: ASSIGNED, ASSIGNED: ASSIGNED},
    "start": {ASSIGNED: ASSIGNED},
    "repair": {OPEN: REPAIRED, ACKNOWLEDGED: REPAIRED, ASSIGNED: REPAIRED},
    "cannot_repair": {OPEN: ACKNOWLEDGED, ACKNOWLEDGED: ACKNOWLEDGED, ASSIGNED: ACKNOWLEDGED},
    "reopen": {REPAIRED: OPEN, CLOSED: OPEN},
    "comment": {state: state for state in STATES},
}

# kinds of timeline entry beside the actions above, written by detection
EVENT_OPENED: Final = "opened"
EVENT_CHANGED: Final = "changed"  # evidence, priority or place changed
EVENT_SUPPRESSED: Final = "suppressed"  # a higher cause explains it now
EVENT_UNSUPPRESSED: Final = "unsuppressed"
EVENT_REOPENED: Final = "reopened"
EVENT_CLOSED: Final = "closed"

ACTOR_TELEMETRY: Final = "telemetry"
ACTOR_LOCAL: Final = "local"  # loopback without accounts
