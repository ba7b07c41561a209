"""Roles of people, scopes of programs, and the rule that each route has. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Role(StrEnum):
    """Roles, each including the rights of the one before."""

    PUBLIC = "public"
    VIEWER = "viewer"
    CREW = "crew"
    OPERATOR = "operator"
    ADMINISTRATOR = "administrator"


RANK: Final = {role: rank for rank, role in enumerate(Role)}
ACCOUNT_ROLES: Final = tuple(role for role in Role if role is not Role.PUBLIC)


class Scope(StrEnum):
    """What an API token may do."""

    DISPLAY = "display"  # what a wall shows: map, faults, summary, the live feed; nothing that changes anything
    READ = "read"  # everything that a viewer reads
    METRICS = "metrics"  # /metrics alone
    ACT = "act"  # act on faults
    OPERATE = "operate"  # maintenance and dim commands


@dataclass(frozen=True, slots=True)
class Rule:
    """Who may call a route.

    Attributes:
        role: the lowest role of a person.
        scopes: scopes of tokens, any of which is enough; a route for the public asks for none.
        is_for_anyone_known: whoever is signed in, by whatever role or scope.
        is_stream: the answer may last for hours, so that the right to it is looked at again meanwhile.
        is_of_process: what it says does not come from the database: whoever had the right to it keeps it while the
            database cannot tell, and whoever asks on this machine where nobody was known to have accounts.
    """

    role: Role
    scopes: frozenset[Scope] = frozenset()
    is_for_anyone_known: bool = False
    is_stream: bool = False
    is_of_process: bool = False


ALL_DISTRICTS: Final = "*"


def may_act_in(districts: tuple[str, ...], district: str | None) -> bool:
    """Whether somebody who answers for ``districts`` may act on what stands in ``district``."""
    return ALL_DISTRICTS in districts or (district is not None and district in districts)
