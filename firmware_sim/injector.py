"""Live injection: what ``terang-sim inject | repair | list`` ask of a running city, request by request.

Pure but for the world that it breaks; the control door carries requests and answers.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from firmware_sim.expectation import Forecast
from firmware_sim.fleet.world import World
from firmware_sim.injection import KINDS, Injected, InjectionError
from firmware_sim.stage import Stage

_SLOW_S: Final = 300.0  # nobody watches a demo for longer


class Injector:
    """Breaks and mends one running city at somebody's word, and knows what is broken at the moment."""

    def __init__(
        self,
        world: World,
        real_controllers: Collection[str] = (),
        stage: Stage | None = None,
        forecast: Forecast | None = None,
    ) -> None:
        """``forecast`` says when a fault will be told; None = nothing is said.

        ``stage`` keeps what holds, a scenario's causes too; without one, only what is asked for here.

        ``real_controllers``: ids whose agents are real programs, for a stage of its own.
        """
        self._world = world
        self._forecast = forecast
        self._stage = Stage(world, real_controllers=real_controllers) if stage is None else stage

    @property
    def held(self) -> tuple[Injected, ...]:
        """What is wrong now, oldest first."""
        return self._stage.held

    @property
    def _now_us(self) -> int:
        return self._world.state.at_us or 0

    def inject(self, code: str, place: str, params: Mapping[str, Any]) -> Injected:
        """Let something be wrong.

        Raises:
            InjectionError: it makes no sense, or holds already.
        """
        return self._stage.inject(code, place, params, self._now_us)

    def repair(self, code: str | None, place: str) -> list[Injected]:
        """Mend a code at a place, or everything at a place.

        Raises:
            InjectionError: nothing like that is wrong there.
        """
        return self._stage.repair(code, place, self._now_us)

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
            return {"held": [self._told(injected) for injected in self.held], "known": sorted(KINDS)}
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
        return {"injected": self._told(self.inject(str(code), place, {**params, **given}), is_new=True)}

    def _told(self, injected: Injected, *, is_new: bool = False) -> dict[str, Any]:
        """An injection as JSON values, with when it will be told; a new one that is slow, with a quicker one to try."""
        document = told(injected)
        if self._forecast is None:
            return document
        now_us = self._now_us
        since_us = self._stage.since_us(injected)
        expectation = self._forecast.expect(injected, since_us)
        document |= {"told_at_us": expectation.at_us, "reason": expectation.reason, "now_us": now_us}
        is_slow = expectation.at_us is None or expectation.at_us - now_us > _SLOW_S * 1e6
        if is_new and injected.is_fault and is_slow:
            quicker = self._forecast.faster(injected.place, now_us, _SLOW_S)
            if quicker is not None:
                document |= {"quicker": quicker[0], "quicker_at_us": quicker[1].at_us}
        return document


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
