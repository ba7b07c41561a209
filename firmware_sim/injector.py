"""Live injection: what ``terang-sim inject | repair | list`` ask of a running city, request by request.

Pure but for the world that it breaks; the control door carries requests and answers.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from firmware_sim.fleet.world import World
from firmware_sim.injection import KINDS, Injected, InjectionError, inject, repair


class Injector:
    """Breaks and mends one running city, and knows what is broken at the moment."""

    def __init__(self, world: World, real_controllers: Collection[str] = ()) -> None:
        """``real_controllers``: ids whose agents are real programs."""
        self._world = world
        self._real = frozenset(real_controllers)
        self._held: dict[tuple[str, str], Injected] = {}

    @property
    def held(self) -> tuple[Injected, ...]:
        """What is wrong now, oldest first."""
        return tuple(self._held.values())

    def inject(self, code: str, place: str, params: Mapping[str, Any]) -> Injected:
        """Let something be wrong.

        Raises:
            InjectionError: it makes no sense, or holds already.
        """
        if (code, place) in self._held:
            raise InjectionError(f"{code} at {place} holds already; repair it first")
        injected = inject(self._world, code, place, real_controllers=self._real, **params)
        if not injected.is_momentary:
            self._held[code, place] = injected
        return injected

    def repair(self, code: str | None, place: str) -> list[Injected]:
        """Mend a code at a place, or everything at a place.

        Raises:
            InjectionError: nothing like that is wrong there.
        """
        found = [key for key in self._held if key[1] == place and code in {None, key[0]}]
        if not found:
            what = code or "anything"
            raise InjectionError(f"{place}: {what} was not injected there; terang-sim list shows what is")
        mended = [self._held.pop(key) for key in reversed(found)]
        for injected in mended:
            repair(self._world, injected)
        return mended

    def handle(self, request: dict[str, Any]) -> dict[str, Any]:
        """Answer one request of the control door.

        ``{"do": "inject", "code": …, "place": …, "params": {…}}`` (other keys are parameters too),
        ``{"do": "repair", "place": …, "code": … or left out}`` and ``{"do": "list"}``; the answer has ``injected``,
        ``repaired`` or ``held`` with what it did.

        Raises:
            InjectionError: an unknown verb, code or place; nothing was changed.
        """
        verb = request.get("do")
        if verb == "list":
            return {"held": [told(injected) for injected in self.held], "known": sorted(KINDS)}
        if verb not in {"inject", "repair"}:
            raise InjectionError(f"do {verb!r}: inject, repair or list")
        code, place = request.get("code"), request.get("place")
        if not isinstance(place, str) or not place:
            raise InjectionError(f"{verb}: a place is missing")
        if not isinstance(code, str) and (verb == "inject" or code is not None):
            raise InjectionError(f"{verb}: a code is missing")
        if verb == "repair":
            return {"repaired": [told(injected) for injected in self.repair(code, place)]}
        params = {key: value for key, value in request.items() if key not in {"do", "code", "place", "params"}}
        given = request.get("params") or {}
        if not isinstance(given, dict):
            raise InjectionError("params: a table of names and values")
        return {"injected": told(self.inject(str(code), place, {**params, **given}))}


def told(injected: Injected) -> dict[str, Any]:
    """Return an injection as JSON values."""
    return {
        "code": injected.code,
        "place": injected.place,
        "params": dict(injected.params),
        "is_fault": injected.is_fault,
        "cabinet_id": injected.cabinet_id,
        "circuit": injected.circuit,
        "controller_id": injected.controller_id,
        "bus": injected.bus,
        "phase": injected.phase,
        "span": list(injected.span) if injected.span else None,
        "lamp_ids": list(injected.lamp_ids),
    }
