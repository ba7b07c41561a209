"""What the API answers, as pydantic models with examples: the OpenAPI document and the page's types come from them.

Routes build their answers themselves (prebuilt bytes, plain documents) and declare a model, so nothing is serialised
twice; the fuzz test of the OpenAPI document holds answers and models together.
"""

from dashboard_api.api.models.cabinet import Cabinet, CabinetList, Energy
from dashboard_api.api.models.city import City, CodeList, OwnWords, QuantityList, Readiness, Summary
from dashboard_api.api.models.enrolment import EnrolmentAnswer, EnrolmentList, EnrolmentRequest, WaitingEnrolment
from dashboard_api.api.models.fault import Fault, FaultCollection, FaultDetail, FaultEvent, FaultPage, TimelineEntry
from dashboard_api.api.models.lamp import Lamp, LampCollection, LampStates, Readings
from dashboard_api.api.models.live_room import LiveRoom
from dashboard_api.api.models.map import CabinetLamps, LampChanges, MapStyle, SearchAnswer, TileJson
from dashboard_api.api.models.problem import FaultProblem, Problem
from dashboard_api.api.models.repair import Photo, RepairPage
from dashboard_api.api.models.session import Me
from dashboard_api.api.models.work import CheckList, CheckResult, Command, MaintenanceList, MaintenanceWindow

__all__ = [
    "Cabinet",
    "CabinetLamps",
    "CabinetList",
    "CheckList",
    "CheckResult",
    "City",
    "CodeList",
    "Command",
    "Energy",
    "EnrolmentAnswer",
    "EnrolmentList",
    "EnrolmentRequest",
    "Fault",
    "FaultCollection",
    "FaultDetail",
    "FaultEvent",
    "FaultPage",
    "FaultProblem",
    "Lamp",
    "LampChanges",
    "LampCollection",
    "LampStates",
    "LiveRoom",
    "MaintenanceList",
    "MaintenanceWindow",
    "MapStyle",
    "Me",
    "OwnWords",
    "Photo",
    "Problem",
    "QuantityList",
    "Readiness",
    "Readings",
    "RepairPage",
    "SearchAnswer",
    "Summary",
    "TileJson",
    "TimelineEntry",
    "WaitingEnrolment",
]
