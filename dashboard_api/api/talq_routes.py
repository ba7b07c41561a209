"""The rows of the route table for a TALQ central management system."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from fastapi.responses import Response

from dashboard_api.access.roles import Role
from dashboard_api.api.models import neighbour
from dashboard_api.api.route import Route
from dashboard_api.neighbours.talq import answers as talq_answers
from dashboard_api.neighbours.talq import assign_routes as talq_assign
from dashboard_api.neighbours.talq import commissioning_routes as talq_devices
from dashboard_api.neighbours.talq import control_routes as talq_control
from dashboard_api.neighbours.talq import group_routes as talq_groups
from dashboard_api.neighbours.talq import log_routes as talq_logs
from dashboard_api.neighbours.talq import routes as talq

_TALQ_PROBLEMS: Final[Mapping[int, str]] = {409: "changed by somebody else, or there already", 413: "too many bytes"}
_CALENDAR: Final = "/calendars/{calendar_address:path}"
_PROGRAM: Final = "/control-programs/{program_address:path}"
_MEMBER: Final = "/groups/{group_address}/members/{member_resource}/{member_address:path}"
_LOGGER: Final = "/logger-configs/{logger_address}"
_DEVICE: Final = "/devices/{device_address}"
_ATTRIBUTE: Final = f"{_DEVICE}/{{function_id}}/{{attribute_name}}"
TALQ: Final[tuple[Route, ...]] = (
    *(
        Route(
            "GET",
            f"/talq{path}",
            endpoint,
            "talq",
            Role.VIEWER,
            others={talq_answers.JSON: model},
            problems=None if not missing else {404: missing},
            response_class=Response,
            error_types=(talq_answers.JSON,),
            reads_query=True,
        )
        for path, endpoint, model, missing in (
            ("/services", talq.get_services, neighbour.TalqObjects, ""),
            ("/services/{service_name}", talq.get_service, neighbour.TalqObject, "no such service"),
            ("/device-classes", talq.get_device_classes, neighbour.TalqObjects, ""),
            ("/device-classes/count", talq.get_device_classes_count, neighbour.TalqCount, ""),
            ("/device-classes/{class_name}", talq.get_device_class, neighbour.TalqObject, "no such class"),
            ("/devices", talq.get_devices, neighbour.TalqObjects, ""),
            ("/devices/count", talq.get_devices_count, neighbour.TalqCount, ""),
            ("/devices/{device_address}", talq.get_device, neighbour.TalqObject, "no such device"),
            (
                "/devices/{device_address}/{function_id}",
                talq.get_function,
                neighbour.TalqObject,
                "no such device or function",
            ),
            (
                "/devices/{device_address}/{function_id}/{attribute_name}",
                talq.get_attribute,
                neighbour.TalqObject,
                "no such device, function or attribute",
            ),
            ("/log-reports/count", talq_logs.get_log_reports_count, neighbour.TalqCount, ""),
            ("/log-reports/{logger_address}", talq_logs.get_log_report, neighbour.TalqObject, "no such logger"),
            ("/logger-configs/{logger_address}", talq_logs.get_logger_config, neighbour.TalqObject, "no such logger"),
            ("/groups", talq_groups.get_groups, neighbour.TalqObjects, ""),
            ("/groups/count", talq_groups.get_groups_count, neighbour.TalqCount, ""),
            ("/groups/{group_address}", talq_groups.get_group, neighbour.TalqObject, "no such group"),
            (
                "/groups/{group_address}/members/count",
                talq_groups.get_members_count,
                neighbour.TalqCount,
                "no such group",
            ),
            ("/calendars", talq_control.get_calendars, neighbour.TalqObjects, ""),
            ("/calendars/count", talq_control.get_calendars_count, neighbour.TalqCount, ""),
            (
                _CALENDAR,
                talq_control.get_calendar,
                neighbour.TalqObject,
                "no such calendar",
            ),
            ("/control-programs", talq_control.get_programs, neighbour.TalqObjects, ""),
            ("/control-programs/count", talq_control.get_programs_count, neighbour.TalqCount, ""),
            (
                _PROGRAM,
                talq_control.get_program,
                neighbour.TalqObject,
                "no such control program",
            ),
            ("/assign-commands", talq_assign.get_assign_commands, neighbour.TalqObjects, ""),
        )
    ),
    Route(
        "POST",
        "/talq/override-commands",
        talq.post_override,
        "talq",
        Role.OPERATOR,
        others={talq_answers.JSON: neighbour.TalqObject},
        status=202,
        problems={413: "too many bytes"},
        response_class=Response,
        error_types=(talq_answers.JSON,),
        reads_query=True,
        body={"required": True, "content": {talq_answers.JSON: {"schema": {"type": "object"}}}},
    ),
    *(
        Route(
            method,
            f"/talq{path}",
            endpoint,
            "talq",
            Role.OPERATOR,
            others={talq_answers.JSON: model},
            status=201 if method == "POST" else 200,
            problems=_TALQ_PROBLEMS if method == "POST" else {404: "not there", **_TALQ_PROBLEMS},
            response_class=Response,
            error_types=(talq_answers.JSON,),
            reads_query=True,
            body=None
            if method == "DELETE"
            else {"required": True, "content": {talq_answers.JSON: {"schema": {"type": kind}}}},
        )
        for method, path, endpoint, model, kind in (
            ("POST", "/calendars", talq_control.post_calendars, neighbour.TalqObjects, "array"),
            ("PUT", "/calendars", talq_control.put_calendars, neighbour.TalqObjects, "array"),
            ("PUT", _CALENDAR, talq_control.put_calendar, neighbour.TalqObject, "object"),
            ("DELETE", _CALENDAR, talq_control.delete_calendar, neighbour.TalqObject, ""),
            ("POST", "/control-programs", talq_control.post_programs, neighbour.TalqObjects, "array"),
            ("PUT", "/control-programs", talq_control.put_programs, neighbour.TalqObjects, "array"),
            ("PUT", _PROGRAM, talq_control.put_program, neighbour.TalqObject, "object"),
            ("DELETE", _PROGRAM, talq_control.delete_program, neighbour.TalqObject, ""),
            ("POST", "/assign-commands", talq_assign.post_assign_command, neighbour.TalqObject, "object"),
            ("POST", "/groups", talq_groups.post_groups, neighbour.TalqObjects, "array"),
            ("PUT", "/groups", talq_groups.put_groups, neighbour.TalqObjects, "array"),
            ("PUT", "/groups/{group_address}", talq_groups.put_group, neighbour.TalqObject, "object"),
            ("DELETE", "/groups/{group_address}", talq_groups.delete_group, neighbour.TalqObject, ""),
            ("PUT", "/groups/{group_address}/members", talq_groups.put_members, neighbour.TalqObjects, "array"),
            ("DELETE", _MEMBER, talq_groups.delete_member, neighbour.TalqObject, ""),
            ("POST", "/logger-configs", talq_logs.post_logger_config, neighbour.TalqObject, "object"),
            ("PUT", _LOGGER, talq_logs.put_logger_config, neighbour.TalqObject, "object"),
            ("DELETE", _LOGGER, talq_logs.delete_logger_config, neighbour.TalqObject, ""),
            ("POST", "/devices", talq_devices.refuse_devices, neighbour.TalqObjects, "array"),
            ("PUT", "/devices", talq_devices.refuse_devices, neighbour.TalqObjects, "array"),
            ("PATCH", "/devices", talq_devices.refuse_devices, neighbour.TalqObjects, "array"),
            ("PATCH", _DEVICE, talq_devices.refuse_device, neighbour.TalqObject, "object"),
            ("DELETE", _DEVICE, talq_devices.refuse_device, neighbour.TalqObject, ""),
            ("PATCH", f"{_DEVICE}/{{function_id}}", talq_devices.refuse_function, neighbour.TalqObject, "object"),
            ("PATCH", _ATTRIBUTE, talq_devices.refuse_attribute, neighbour.TalqObject, "object"),
        )
    ),
)
