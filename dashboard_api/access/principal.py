"""Who a request comes from, and whether a rule lets them through. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from dashboard_api.access.roles import ALL_DISTRICTS, RANK, Role, Rule, Scope, may_act_in
from ingest.schema import life

Kind = Literal["local", "public", "user", "token"]


@dataclass(frozen=True, slots=True)
class Principal:
    """Who a request comes from.

    Attributes:
        id: of the account or token; stands for the person in the audit log.
        name: as shown.
        districts: where a crew, or a token that acts, may act; ``*`` = everywhere.
        session_hash: of the session that it came by, None = without one.
        per_minute: requests that a token may send in a minute.
    """

    kind: Kind
    id: str
    name: str
    role: Role
    scopes: frozenset[Scope] = frozenset()
    districts: tuple[str, ...] = (ALL_DISTRICTS,)
    session_hash: str | None = None
    per_minute: int | None = None

    @property
    def is_known(self) -> bool:
        """Whether it is anybody at all."""
        return self.kind != "public"

    def may(self, rule: Rule) -> bool:
        """Whether the rule lets it through."""
        if rule.role is Role.PUBLIC or (rule.is_for_anyone_known and self.is_known):
            return True
        if self.kind == "token":
            return not rule.scopes.isdisjoint(self.scopes)
        return RANK[self.role] >= RANK[rule.role]

    def may_act_in(self, district: str | None) -> bool:
        """Whether it may act on what stands in that district (None = unknown)."""
        is_bound = self.kind == "token" or self.role is Role.CREW
        return not is_bound or may_act_in(self.districts, district)


LOCAL: Final = Principal("local", life.ACTOR_LOCAL, life.ACTOR_LOCAL, Role.OPERATOR)
PUBLIC: Final = Principal("public", "public", "public", Role.PUBLIC)
