"""Subscriptions as they are sent and shown."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dashboard_api.errors import BadRequestError
from dashboard_api.formats.times import iso, parse_time
from dashboard_api.neighbours.ngsi_ld.mapping import TYPES, WATCHED, short_name
from dashboard_api.neighbours.ngsi_ld.parameters import Selection, parse_selection
from ingest.schema.validation import reason_of
from languages.message import Message

LEAST_SECONDS: Final = 10  # between two notifications
_LONGEST_THROTTLING: Final = 86_400
_ID: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,30}:[!-~]{1,200}")
Text = Annotated[str, Field(max_length=500)]
Name = Annotated[str, Field(min_length=1, max_length=200)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Entities(_Part):
    """Which entities, by type, and id or a pattern of it."""

    type: Name
    id: Name | None = None
    idPattern: Name | None = None  # noqa: N815  (the standard's name)


class GeoQ(_Part):
    """Where they lie."""

    georel: Name
    geometry: Name
    coordinates: list[Any] | Annotated[str, Field(max_length=12_000)]
    geoproperty: Name | None = None


class Endpoint(_Part):
    """Where to."""

    uri: Annotated[str, Field(min_length=1, max_length=500)]
    accept: Literal["application/json", "application/ld+json"] = "application/json"


class Notification(_Part):
    """What is sent, and where to."""

    attributes: Annotated[list[Name], Field(min_length=1, max_length=50)] | None = None
    format: Literal["normalized", "keyValues", "simplified"] = "normalized"
    endpoint: Endpoint


class Subscription(_Part):
    """A subscription as a context broker sends it."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    context: Any = Field(None, alias="@context")
    id: str | None = None
    type: Literal["Subscription"]
    subscriptionName: Text | None = None  # noqa: N815  (the standard's name)
    description: Text | None = None
    entities: Annotated[list[Entities], Field(min_length=1, max_length=10)]
    watchedAttributes: Annotated[list[Name], Field(min_length=1, max_length=50)] | None = None  # noqa: N815
    q: Name | None = None
    geoQ: GeoQ | None = None  # noqa: N815  (the standard's name)
    notification: Notification
    expiresAt: Text | None = None  # noqa: N815  (the standard's name)
    throttling: Annotated[float, Field(ge=0, le=_LONGEST_THROTTLING)] | None = None
    isActive: bool = True  # noqa: N815  (the standard's name)

    @property
    def selections(self) -> list[Selection]:
        """Which entities, one selection for each member of ``entities``.

        Raises:
            BadRequestError: a value that cannot be.
        """
        more = {} if self.q is None else {"q": self.q}
        if self.geoQ is not None:
            geo = self.geoQ.model_dump(exclude_none=True)
            given = geo["coordinates"]
            more |= {**geo, "coordinates": given if isinstance(given, str) else json.dumps(given)}
        return [parse_selection(_strings(one.model_dump(exclude_none=True)) | more) for one in self.entities]

    def watched(self, kind: str) -> tuple[str, ...]:
        """The attributes of a type whose change is told."""
        names = None if self.watchedAttributes is None else {short_name(name) for name in self.watchedAttributes}
        return tuple(name for name in WATCHED.get(kind, ()) if names is None or name in names)

    @property
    def attrs(self) -> tuple[str, ...] | None:
        """The attributes that are sent; None = all."""
        attributes = self.notification.attributes
        return None if attributes is None else tuple(short_name(name) for name in attributes)

    @property
    def wait_us(self) -> int:
        """Microseconds between two notifications, at least."""
        return round(max(self.throttling or 0, LEAST_SECONDS) * 1e6)


def _strings(members: Mapping[str, str]) -> dict[str, str]:
    for name, value in members.items():
        if "," in value and name != "idPattern":  # would be a list where it stands in a query
            raise BadRequestError("ngsi_list", name=name, most=1)
    return dict(members)


def parse_subscription(body: bytes) -> tuple[Subscription, dict[str, Any]]:
    """A subscription and its document.

    Raises:
        BadRequestError: no subscription, or one to something that cannot be subscribed to; says where and why.
    """
    try:
        document = json.loads(body)
        json.dumps(document, ensure_ascii=False, allow_nan=False).encode()  # what can be written again
    except (ValueError, RecursionError) as error:
        raise BadRequestError("bad_member", where="body", reason=Message("value.json")) from error
    if not isinstance(document, dict):
        raise BadRequestError("bad_member", where="body", reason=Message("value.table"))
    if "\\u0000" in json.dumps(document):
        raise BadRequestError("bad_member", where="body", reason=Message("value.unstorable"))
    try:
        found = Subscription.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "body"
        raise BadRequestError("bad_member", where=where[:200], reason=reason_of(first)) from error
    if found.id is not None and _ID.fullmatch(found.id) is None:
        raise BadRequestError("bad_member", where="id", reason=Message("value.uri"))
    for one in found.selections:
        for kind in one.types or ():
            if kind not in WATCHED:
                raise BadRequestError("not_one_of", name="entities.type", value=kind, known=list(WATCHED))
    known = sorted({name for names in WATCHED.values() for name in names})
    for name in found.watchedAttributes or ():
        if short_name(name) not in known:
            raise BadRequestError("not_one_of", name="watchedAttributes", value=name, known=known)
    for name in found.attrs or ():
        if not any(name in attributes for attributes in TYPES.values()):
            raise BadRequestError(
                "not_one_of", name="notification.attributes", value=name, known=sorted(TYPES["Streetlight"])
            )
    return found, document


def expiry_us(found: Subscription, now_us: int) -> int | None:
    """When it ends, UTC microseconds.

    Raises:
        BadRequestError: no time, or one that is past.
    """
    if found.expiresAt is None:
        return None
    at_us = parse_time(found.expiresAt, "expiresAt")
    if at_us <= now_us:
        raise BadRequestError("bad_member", where="expiresAt", reason=Message("value.past"))
    return at_us


def subscription_document(row: Any, now_us: int) -> dict[str, Any]:
    """A subscription as it is shown, with how telling went."""
    is_over = row.expires_at_us is not None and row.expires_at_us <= now_us
    status = "expired" if is_over else "active" if row.is_active else "paused"
    told = {
        "status": "failed" if row.n_failed else "ok",
        "timesSent": row.n_sent,
        "timesFailed": row.n_failed_ever,
        "lastNotification": iso(row.sent_at_us),
        "lastSuccess": iso(row.succeeded_at_us),
        "lastFailure": iso(row.failed_at_us),
        "lastErrorReason": row.error,
    }
    document = {name: value for name, value in row.document.items() if name != "@context"}
    notification = {**document["notification"], **{name: one for name, one in told.items() if one is not None}}
    return {
        **document,
        "id": row.id,
        "type": "Subscription",
        "isActive": bool(row.is_active) and not is_over,
        "status": status,
        "createdAt": iso(row.created_at_us),
        "notification": notification,
    }
