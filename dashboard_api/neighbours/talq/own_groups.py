"""Groups that management systems make: what may be in one, and that none is in itself. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from dashboard_api.errors import BadRequestError
from dashboard_api.neighbours.talq.answers import COUNT
from dashboard_api.neighbours.talq.devices import Devices
from dashboard_api.neighbours.talq.errors import RefusedError
from dashboard_api.neighbours.talq.groups import CABINET, CIRCUIT, DISTRICT, Groups
from dashboard_api.neighbours.talq.program_model import Identifier, Part, Text, parse
from dashboard_api.neighbours.talq.programs import TOO_MUCH
from dashboard_api.neighbours.talq.targets import row_of
from dashboard_api.store.talq_documents import GROUPS
from languages.message import Message

MOST_GROUPS: Final = 200
MOST_MEMBERS: Final = 20_000  # of a group
_MOST_IN_ALL: Final = 50_000  # members of all groups together: all are read for each answer
_OF_THE_REGISTER: Final = (f"{CIRCUIT}.", f"{CABINET}.", f"{DISTRICT}.")


class Reference(Part):
    """A device or a group."""

    resource: Literal["devices", "groups"]
    address: Identifier


class Group(Part):
    """A group as it is put in."""

    address: Annotated[Identifier, Field(pattern=r"^[^/]+$")]
    ownerCMS: Text  # noqa: N815
    members: list[Reference]
    purpose: Text | None = None


def parse_groups(documents: Any) -> dict[str, Any]:
    """Groups by address.

    Raises:
        BadRequestError: not as the data model describes them, or one stands twice.
        RefusedError: an address that a management system cannot give.
    """
    if not isinstance(documents, list):
        raise BadRequestError("bad_member", where="body", reason=Message("value.list"))
    found = {}
    for document in documents:
        address = parse(Group, document).address
        if address in found:
            raise BadRequestError("bad_member", where="address", reason=Message("value.twice"))
        if address == COUNT or address.startswith(_OF_THE_REGISTER):
            raise RefusedError("genericError", "address", Message("talq.own_address", address=address))
        found[address] = document
    return found


def parse_members(documents: Any) -> list[dict[str, Any]]:
    """References of members.

    Raises:
        BadRequestError: not as the data model describes them.
    """
    if not isinstance(documents, list):
        raise BadRequestError("bad_member", where="body", reason=Message("value.list"))
    for document in documents:
        parse(Reference, document)
    return documents


def check_groups(
    after: Mapping[str, Any], changed: Mapping[str, Iterable[Any]], groups: Groups, devices: Devices
) -> None:
    """Check the groups that a change leaves.

    Args:
        after: address -> document of each group that a management system made.
        changed: address -> the members of a group that are looked up.
        groups: of the register.
        devices: of the city.

    Raises:
        RefusedError: too many, a member that is not there, or a group that is in itself.
    """
    if len(after) > MOST_GROUPS:
        raise RefusedError(TOO_MUCH, GROUPS, Message("value.many", n=MOST_GROUPS))
    if sum(len(one["members"]) for one in after.values()) > _MOST_IN_ALL:
        raise RefusedError(TOO_MUCH, "members", Message("talq.many_members", most=_MOST_IN_ALL))
    for address, members in changed.items():
        if len(after[address]["members"]) > MOST_MEMBERS:
            raise RefusedError(TOO_MUCH, "members", Message("value.many", n=MOST_MEMBERS))
        for one in members:
            if one["resource"] != GROUPS:
                row_of(one["address"], devices, "resourceConflict", "members")
            elif one["address"] not in groups.members and one["address"] not in after:
                raise RefusedError(
                    "relatedResourceNotFound", "members", Message("talq.no_group", address=one["address"])
                )
    _check_nesting(after)


def _check_nesting(after: Mapping[str, Any]) -> None:
    """Take groups away that hold no other one, until none is left."""
    inner = {
        address: {one["address"] for one in group["members"] if one["resource"] == GROUPS} & after.keys()
        for address, group in after.items()
    }
    while inner:
        free = [address for address, within in inner.items() if not within & inner.keys()]
        if not free:
            raise RefusedError("resourceConflict", "members", Message("talq.group_in_itself", address=min(inner)))
        for address in free:
            del inner[address]
