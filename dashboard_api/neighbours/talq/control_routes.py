"""Routes of TALQ's control service: calendars and control programs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from fastapi import Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool

from dashboard_api.access.principal import Principal
from dashboard_api.context import ActorOf, Context, ContextOf, PrincipalOf
from dashboard_api.errors import BadRequestError, NotFoundError, UsedIdError
from dashboard_api.neighbours.talq.answers import CHANGING, COUNT, READING, answer, body_of, error_answer
from dashboard_api.neighbours.talq.assign_routes import check_districts
from dashboard_api.neighbours.talq.calendars import hours_of_calendars
from dashboard_api.neighbours.talq.errors import RefusedError
from dashboard_api.neighbours.talq.nights import tonight
from dashboard_api.neighbours.talq.program_model import Calendar, ControlProgram, parse
from dashboard_api.store.audit import Actor
from dashboard_api.store.controller_schedules import (
    Change,
    Plans,
    change_plans,
    read_plans,
)
from languages.message import Message, Plain


@dataclass(frozen=True, slots=True)
class _Kind:
    """Calendars or control programs: the attribute of ``Plans``, and the model of one."""

    attribute: str
    model: type[Calendar | ControlProgram]

    def of(self, plans: Plans) -> Mapping[str, Any]:
        documents: Mapping[str, Any] = getattr(plans, self.attribute)
        return documents

    def changed(self, plans: Plans, documents: Mapping[str, Any]) -> Plans:
        """The plans with other documents of this kind."""
        return replace(plans, **{self.attribute: documents})


_CALENDARS: Final = _Kind("calendars", Calendar)
_PROGRAMS: Final = _Kind("programs", ControlProgram)


async def get_calendars(request: Request, context: ContextOf) -> Response:
    """TALQ: all calendars, as they were put in."""
    return await _all(request, context, _CALENDARS)


async def get_calendars_count(request: Request, context: ContextOf) -> Response:
    """TALQ: how many calendars there are."""
    return await _count(request, context, _CALENDARS)


async def get_calendar(request: Request, context: ContextOf, calendar_address: str) -> Response:
    """TALQ: one calendar."""
    return await _get(request, context, _CALENDARS, calendar_address)


async def post_calendars(request: Request, context: ContextOf, actor: ActorOf, principal: PrincipalOf) -> Response:
    """TALQ: new calendars; all of them or none."""
    return await _put_in(request, context, actor, principal, _CALENDARS, is_new=True)


async def put_calendars(request: Request, context: ContextOf, actor: ActorOf, principal: PrincipalOf) -> Response:
    """TALQ: other contents of calendars; all of them or none. Controllers that have them are sent their schedule."""
    return await _put_in(request, context, actor, principal, _CALENDARS, is_new=False)


async def put_calendar(
    request: Request, context: ContextOf, actor: ActorOf, principal: PrincipalOf, calendar_address: str
) -> Response:
    """TALQ: another content of a calendar."""
    return await _put_one(request, context, actor, principal, _CALENDARS, calendar_address)


async def delete_calendar(
    request: Request, context: ContextOf, actor: ActorOf, principal: PrincipalOf, calendar_address: str
) -> Response:
    """TALQ: delete a calendar that no lamp follows."""
    return await _delete(request, context, actor, principal, _CALENDARS, calendar_address)


async def get_programs(request: Request, context: ContextOf) -> Response:
    """TALQ: all control programs, as they were put in."""
    return await _all(request, context, _PROGRAMS)


async def get_programs_count(request: Request, context: ContextOf) -> Response:
    """TALQ: how many control programs there are."""
    return await _count(request, context, _PROGRAMS)


async def get_program(request: Request, context: ContextOf, program_address: str) -> Response:
    """TALQ: one control program."""
    return await _get(request, context, _PROGRAMS, program_address)


async def post_programs(request: Request, context: ContextOf, actor: ActorOf, principal: PrincipalOf) -> Response:
    """TALQ: new control programs; all of them or none."""
    return await _put_in(request, context, actor, principal, _PROGRAMS, is_new=True)


async def put_programs(request: Request, context: ContextOf, actor: ActorOf, principal: PrincipalOf) -> Response:
    """TALQ: other contents of control programs; all of them or none."""
    return await _put_in(request, context, actor, principal, _PROGRAMS, is_new=False)


async def put_program(
    request: Request, context: ContextOf, actor: ActorOf, principal: PrincipalOf, program_address: str
) -> Response:
    """TALQ: another content of a control program."""
    return await _put_one(request, context, actor, principal, _PROGRAMS, program_address)


async def delete_program(
    request: Request, context: ContextOf, actor: ActorOf, principal: PrincipalOf, program_address: str
) -> Response:
    """TALQ: delete a control program that no calendar names."""
    return await _delete(request, context, actor, principal, _PROGRAMS, program_address)


async def _all(request: Request, context: Context, kind: _Kind) -> Response:
    async def make(_given: Mapping[str, str]) -> Any:
        return list(kind.of(await run_in_threadpool(read_plans, context.database)).values())

    return await answer(request, READING, make)


async def _count(request: Request, context: Context, kind: _Kind) -> Response:
    async def make(_given: Mapping[str, str]) -> Any:
        return len(kind.of(await run_in_threadpool(read_plans, context.database)))

    return await answer(request, READING, make)


async def _get(request: Request, context: Context, kind: _Kind, document_id: str) -> Response:
    async def make(_given: Mapping[str, str]) -> Any:
        documents = kind.of(await run_in_threadpool(read_plans, context.database))
        _known(documents, document_id)
        return documents[document_id]

    return await answer(request, READING, make)


async def _put_in(
    request: Request, context: Context, actor: Actor, principal: Principal, kind: _Kind, *, is_new: bool
) -> Response:
    async def make(_given: Mapping[str, str]) -> Any:
        documents = await body_of(request)
        if not isinstance(documents, list):
            raise BadRequestError("bad_member", where="body", reason=Message("value.list"))
        by_id = _by_id(documents, kind)

        def edit(plans: Plans) -> Plans:
            before = kind.of(plans)
            for document_id in by_id:
                if not is_new:
                    _known(before, document_id)
                elif document_id in before:
                    raise UsedIdError("talq_used_id", value=document_id)
            return kind.changed(plans, {**before, **by_id})

        await _change(context, actor, principal, edit)
        return documents

    return await answer(request, CHANGING, make, 201 if is_new else 200)


async def _put_one(
    request: Request, context: Context, actor: Actor, principal: Principal, kind: _Kind, document_id: str
) -> Response:
    if document_id == COUNT:
        return error_answer(request, NotFoundError("talq_unknown", value=document_id))

    async def make(_given: Mapping[str, str]) -> Any:
        document = await body_of(request)
        if document_id not in _by_id([document], kind):
            raise BadRequestError("bad_member", where="id", reason=Message("value.other_path"))

        def edit(plans: Plans) -> Plans:
            _known(kind.of(plans), document_id)
            return kind.changed(plans, {**kind.of(plans), document_id: document})

        await _change(context, actor, principal, edit)
        return document

    return await answer(request, CHANGING, make)


async def _delete(
    request: Request, context: Context, actor: Actor, principal: Principal, kind: _Kind, document_id: str
) -> Response:
    if document_id == COUNT:
        return error_answer(request, NotFoundError("talq_unknown", value=document_id))

    async def make(_given: Mapping[str, str]) -> Any:
        gone: list[Any] = []

        def edit(plans: Plans) -> Plans:
            before = dict(kind.of(plans))
            _known(before, document_id)
            gone.append(before.pop(document_id))
            _check_unused(plans, kind, document_id)
            return kind.changed(plans, before)

        await _change(context, actor, principal, edit)
        return gone[0]

    return await answer(request, CHANGING, make)


async def _change(context: Context, actor: Actor, principal: Principal, edit: Callable[[Plans], Plans]) -> None:
    night = await run_in_threadpool(tonight, context)

    def expressed(plans: Plans) -> Change:
        after = edit(plans)
        return Change(after, hours_of_calendars(after.calendars, after.programs, night))

    def check(controllers: Collection[str]) -> None:
        check_districts(context, principal, controllers)

    await run_in_threadpool(change_plans, context.database, context.audit, actor, context.wall_us(), expressed, check)


def _by_id(documents: Sequence[Any], kind: _Kind) -> dict[str, Any]:
    found = {parse(kind.model, document).id: document for document in documents}
    if len(found) < len(documents):
        raise BadRequestError("bad_member", where="id", reason=Message("value.twice"))
    if COUNT in found:
        raise RefusedError("genericError", "id", Message("talq.address_of_count", address=COUNT))
    return found


def _known(documents: Mapping[str, Any], document_id: str) -> None:
    if document_id not in documents:
        raise NotFoundError("talq_unknown", value=document_id[:200])


def _check_unused(plans: Plans, kind: _Kind, document_id: str) -> None:
    used = "deletingResourceIsReferred"
    if kind is _CALENDARS and plans.controllers.get(document_id):
        first = plans.controllers[document_id][0]
        raise RefusedError(used, "calendarAddress", Message("talq.used_by_controller", controller_id=Plain(first)))
    if kind is _PROGRAMS:
        for calendar in plans.calendars.values():
            named = {calendar.get("defaultProgram"), *(rule["program"] for rule in calendar.get("rules") or ())}
            if document_id in named:
                raise RefusedError(
                    used, "controlProgramAddress", Message("talq.used_by_calendar", calendar=calendar["id"])
                )
