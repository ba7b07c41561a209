"""Routes of TALQ's group management service: the groups of the register, which is not changed from outside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool

from dashboard_api.neighbours.talq.answers import JSON, READING, answer, version_header
from dashboard_api.neighbours.talq.devices import DeviceSource
from dashboard_api.neighbours.talq.groups import Groups, GroupSource


async def get_groups(request: Request) -> Response:
    """TALQ: all groups with their members: circuits, cabinets, districts."""

    async def make(_given: Mapping[str, str]) -> Any:
        return Response((await groups_of(request)).document, media_type=JSON, headers=version_header())

    return await answer(request, READING, make)


async def get_groups_count(request: Request) -> Response:
    """TALQ: how many groups there are."""

    async def make(_given: Mapping[str, str]) -> Any:
        return len((await groups_of(request)).members)

    return await answer(request, READING, make)


async def get_group(request: Request, group_address: str) -> Response:
    """TALQ: one group."""

    async def make(_given: Mapping[str, str]) -> Any:
        return (await groups_of(request)).one(group_address)

    return await answer(request, READING, make)


async def get_members_count(request: Request, group_address: str) -> Response:
    """TALQ: how many members a group has."""

    async def make(_given: Mapping[str, str]) -> Any:
        return len((await groups_of(request)).one(group_address)["members"])

    return await answer(request, READING, make)


async def groups_of(request: Request) -> Groups:
    """The groups as they are now.

    Raises:
        UnavailableError: the database does not answer.
    """
    source: DeviceSource = request.app.state.talq_devices
    groups: GroupSource = request.app.state.talq_groups
    return await run_in_threadpool(lambda: groups.groups(source.devices()))
