"""Photos of faults: a phone sends them until it has an answer, and whoever sees the fault may look at them."""

from __future__ import annotations

import hashlib
from functools import partial
from typing import Annotated

from fastapi import Path, Request
from fastapi.responses import JSONResponse, Response
from starlette.concurrency import run_in_threadpool

from dashboard_api.context import ActorOf, ContextOf, PrincipalOf
from dashboard_api.errors import ForbiddenError, NotFoundError
from dashboard_api.store.audit import Entry, changes
from dashboard_api.store.engine import Connection
from dashboard_api.store.fault_list import is_fault, one_fault
from dashboard_api.store.photos import MEDIA_TYPE

_ULID = r"^[0-7][0-9A-HJKMNP-TV-Za-hjkmnp-tv-z]{25}$"
PhotoId = Annotated[str, Path(pattern=_ULID, description="the client's ULID of the photo")]


async def put_photo(
    request: Request, context: ContextOf, principal: PrincipalOf, actor: ActorOf, fault_id: str, photo_id: PhotoId
) -> JSONResponse:
    """Keep a photo of a fault: the body is a JPEG, PNG or WebP file. A repeat changes nothing.

    What is kept is a JPEG without position and other metadata, at most 2048 pixels an edge.
    """
    body = await request.body()
    photo_id = photo_id.upper()

    def keep() -> None:
        row, _events = one_fault(context.database, fault_id)
        if row is None:
            raise NotFoundError("no_fault", fault_id=fault_id)
        if not principal.may_act_in(row.district):
            raise ForbiddenError("other_district", district=row.district or "")
        photos = context.photos
        photo = photos.prepare(fault_id, photo_id, body)
        if photo is None and photos.is_logged(fault_id, photo_id):
            return
        is_new = photo is not None
        photo = photo or photos.read(fault_id, photo_id)  # kept by a process that ended before it was logged
        after = {"photo_id": photo_id, "n_bytes": len(photo), "sha256": hashlib.sha256(photo).hexdigest()}
        with context.database.writing() as connection:
            context.audit.append(connection, Entry(actor, "photo.add", fault_id, after=after))
            is_first = is_new and photos.keep(fault_id, photo_id, photo)
            # another request was faster with the same photo, and may have its line
            if not is_first and _n_lines(connection, fault_id, photo_id) > 1:
                connection.rollback()
        photos.note_logged(fault_id, photo_id)

    await run_in_threadpool(keep)
    url = f"/api/v1/faults/{fault_id}/photos/{photo_id}"
    return JSONResponse({"id": photo_id, "url": url})


def _n_lines(connection: Connection, fault_id: str, photo_id: str) -> int:
    """Lines of the audit log that say that the photo was added."""
    return sum(after.get("photo_id") == photo_id for after in changes(connection, "photo.add", fault_id))


async def get_photo(context: ContextOf, fault_id: str, photo_id: PhotoId) -> Response:
    """A photo of a fault, as JPEG."""
    if not await run_in_threadpool(is_fault, context.database, fault_id):
        raise NotFoundError("no_fault", fault_id=fault_id)
    photo = await run_in_threadpool(partial(context.photos.read, fault_id, photo_id.upper()))
    headers = {"Cache-Control": "private, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}
    return Response(photo, media_type=MEDIA_TYPE, headers=headers)
