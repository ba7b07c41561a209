"""Routes of TALQ's group management service: groups of the register, and those that management systems make."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fastapi import Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool

from dashboard_api.context import ActorOf, Context, ContextOf
from dashboard_api.errors import BadRequestError, NotFoundError, UsedIdError
from dashboard_api.neighbours.talq.answers import (
    CHANGING,
    COUNT,
    JSON,
    READING,
    answer,
    body_of,
    error_answer,
    version_header,
)
from dashboard_api.neighbours.talq.devices import Devices, DeviceSource
from dashboard_api.neighbours.talq.errors import RefusedError
from dashboard_api.neighbours.talq.groups import Groups, GroupSource
from dashboard_api.neighbours.talq.loggers import sources_of
from dashboard_api.neighbours.talq.own_groups import check_groups, parse_groups, parse_members
from dashboard_api.store.audit import Actor
from dashboard_api.store.talq_documents import GROUPS, LOGGERS, Documents, change_documents, read_documents
from languages.message import Message


async def get_groups(request: Request) -> Response:
    """TALQ: all groups with their members: circuits, cabinets, districts, and those that were put in."""

    async def make(_given: Mapping[str, str]) -> Any:
        return Response((await groups_of(request)).document, media_type=JSON, headers=version_header())

    return await answer(request, READING, make)


async def get_groups_count(request: Request) -> Response:
    """TALQ: how many groups there are."""

    async def make(_given: Mapping[str, str]) -> Any:
        return len(await groups_of(request))

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


async def post_groups(request: Request, context: ContextOf, actor: ActorOf) -> Response:
    """TALQ: new groups; all of them or none."""
    return await _put_in(request, context, actor, is_new=True)


async def put_groups(request: Request, context: ContextOf, actor: ActorOf) -> Response:
    """TALQ: other contents of groups; all of them or none."""
    return await _put_in(request, context, actor, is_new=False)


async def put_group(request: Request, context: ContextOf, actor: ActorOf, group_address: str) -> Response:
    """TALQ: another content of a group."""
    if group_address == COUNT:
        return error_answer(request, NotFoundError("talq_unknown", value=group_address))

    async def make(_given: Mapping[str, str]) -> Any:
        document = await body_of(request)
        if group_address not in parse_groups([document]):
            raise BadRequestError("bad_member", where="address", reason=Message("value.other_path"))
        await _change(request, context, actor, group_address, lambda _group: document)
        return document

    return await answer(request, CHANGING, make)


async def delete_group(request: Request, context: ContextOf, actor: ActorOf, group_address: str) -> Response:
    """TALQ: delete a group that is in no other one and that no logger names."""
    if group_address == COUNT:
        return error_answer(request, NotFoundError("talq_unknown", value=group_address))

    async def make(_given: Mapping[str, str]) -> Any:
        groups = await groups_of(request)
        loggers = await run_in_threadpool(read_documents, context.database, LOGGERS)
        gone: list[Any] = []

        def edit(before: Documents) -> Documents:
            _must_be_own(before, groups, group_address)
            _check_unused(before, loggers, group_address)
            gone.append(before[group_address])
            return {address: one for address, one in before.items() if address != group_address}

        await _write(context, actor, edit)
        return gone[0]

    return await answer(request, CHANGING, make)


async def put_members(request: Request, context: ContextOf, actor: ActorOf, group_address: str) -> Response:
    """TALQ: add members to a group; those that are in it stay so."""

    async def make(_given: Mapping[str, str]) -> Any:
        added = parse_members(await body_of(request))

        def more(group: Mapping[str, Any]) -> dict[str, Any]:
            members = {(one["resource"], one["address"]): one for one in (*group["members"], *added)}
            return {**group, "members": list(members.values())}

        await _change(request, context, actor, group_address, more)
        return added

    return await answer(request, CHANGING, make)


async def delete_member(
    request: Request, context: ContextOf, actor: ActorOf, group_address: str, member_resource: str, member_address: str
) -> Response:
    """TALQ: take a member out of a group."""

    async def make(_given: Mapping[str, str]) -> Any:
        def less(group: Mapping[str, Any]) -> dict[str, Any]:
            left = [one for one in group["members"] if (one["resource"], one["address"]) != wanted]
            if len(left) == len(group["members"]):
                raise NotFoundError("talq_unknown", value=member_address[:200])
            return {**group, "members": left}

        wanted = (member_resource, member_address)
        await _change(request, context, actor, group_address, less)
        return {"resource": member_resource, "address": member_address}

    return await answer(request, CHANGING, make)


async def groups_of(request: Request) -> Groups:
    """The groups as they are now.

    Raises:
        UnavailableError: the database does not answer.
    """
    source: DeviceSource = request.app.state.talq_devices
    groups: GroupSource = request.app.state.talq_groups
    return await run_in_threadpool(lambda: groups.groups(source.devices()))


async def _put_in(request: Request, context: Context, actor: Actor, *, is_new: bool) -> Response:
    async def make(_given: Mapping[str, str]) -> Any:
        documents = await body_of(request)
        by_address = parse_groups(documents)
        groups, devices = await groups_of(request), await _devices(request)

        def edit(before: Documents) -> Documents:
            for address in by_address:
                if not is_new:
                    _must_be_own(before, groups, address)
                elif address in before or address in groups.members:
                    raise UsedIdError("talq_used_id", value=address[:200])
            after = {**before, **by_address}
            check_groups(after, {address: one["members"] for address, one in by_address.items()}, groups, devices)
            return after

        await _write(context, actor, edit)
        return documents

    return await answer(request, CHANGING, make, 201 if is_new else 200)


async def _change(
    request: Request, context: Context, actor: Actor, address: str, change: Callable[[Mapping[str, Any]], Any]
) -> None:
    """Change one group."""
    groups, devices = await groups_of(request), await _devices(request)

    def edit(before: Documents) -> Documents:
        _must_be_own(before, groups, address)
        after = {**before, address: change(before[address])}
        before_it = before[address]["members"]  # what the register lost since may stay
        added = [one for one in after[address]["members"] if one not in before_it]
        check_groups(after, {address: added}, groups, devices)
        return after

    await _write(context, actor, edit)


async def _write(context: Context, actor: Actor, edit: Callable[[Documents], Documents]) -> None:
    change = (context.database, context.audit, actor, context.wall_us(), GROUPS, edit)
    await run_in_threadpool(change_documents, *change)


async def _devices(request: Request) -> Devices:
    source: DeviceSource = request.app.state.talq_devices
    return await run_in_threadpool(source.devices)


def _must_be_own(own: Documents, groups: Groups, address: str) -> None:
    if address in groups.members:
        raise RefusedError("resourceConflict", "groupAddress", Message("talq.register_group", address=address))
    if address not in own:
        raise NotFoundError("talq_unknown", value=address[:200])


def _check_unused(own: Documents, loggers: Documents, address: str) -> None:
    reference = (GROUPS, address)
    for name, group in own.items():
        if any((one["resource"], one["address"]) == reference for one in group["members"]):
            raise RefusedError(
                "deletingResourceIsReferred", "groupAddress", Message("talq.used_by_group", address=name)
            )
    for name, logger in loggers.items():
        if reference in sources_of(logger):
            raise RefusedError(
                "deletingResourceIsReferred", "groupAddress", Message("talq.used_by_logger", address=name)
            )
