"""Live injection: the requests of ``terang-sim inject | repair | list`` to a running city.

Changes only the world; the control socket carries requests and answers.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from firmware_sim.expectation import Forecast
from firmware_sim.fleet.world import World
from firmware_sim.injection import KINDS, Injected, InjectionError
from firmware_sim.injections import Injections
from languages.message import Message, Plain, shown

_SLOW_S: Final = 300.0  # nobody watches a demo for longer


class Injector:
    """Handles injection requests for one running city and keeps the active injections."""

    def __init__(
        self,
        world: World,
        real_controllers: Collection[str] = (),
        injections: Injections | None = None,
        forecast: Forecast | None = None,
    ) -> None:
        """``forecast`` computes when a fault will be reported; None = no expected time is given.

        ``injections`` holds all active injections, a scenario's too; without it, only those requested here.

        ``real_controllers``: ids whose agents are real programs; used only without ``injections``.
        """
        self._world = world
        self._forecast = forecast
        self._injections = Injections(world, real_controllers=real_controllers) if injections is None else injections

    @property
    def held(self) -> tuple[Injected, ...]:
        """The active injections, oldest first."""
        return self._injections.held

    @property
    def _now_us(self) -> int:
        return self._world.state.at_us or 0

    def inject(self, code: str, place: str, params: Mapping[str, Any]) -> Injected:
        """Start an injection.

        Raises:
            InjectionError: it is impossible at this place, or active already.
        """
        return self._injections.inject(code, place, params, self._now_us)

    def repair(self, code: str | None, place: str) -> list[Injected]:
        """End one code at a place, or with None all injections there.

        Raises:
            InjectionError: there is no such injection.
        """
        return self._injections.repair(code, place, self._now_us)

    def handle(self, request: dict[str, Any]) -> dict[str, Any]:
        """Answer one request of the control socket.

        ``{"do": "inject", "code": …, "place": …, "params": {…}}`` (other keys are parameters too),
        ``{"do": "repair", "place": …, "code": … or left out}`` and ``{"do": "list"}``; the answer has ``injected``,
        ``repaired`` or ``held`` with what it did.

        Raises:
            InjectionError: an unknown verb, code or place; nothing was changed.
        """
        verb = request.get("do")
        if verb == "list":
            return {"held": [self._described(injected) for injected in self.held], "known": sorted(KINDS)}
        if verb not in {"inject", "repair"}:
            raise InjectionError(Message("sim.verb", verb=Plain(shown(str(verb)))))
        code, place = request.get("code"), request.get("place")
        if not isinstance(place, str) or not place:
            raise InjectionError(Message("sim.no_place_given", verb=Plain(verb)))
        if not isinstance(code, str) and (verb == "inject" or code is not None):
            raise InjectionError(Message("sim.no_code_given", verb=Plain(verb)))
        if verb == "repair":
            return {"repaired": [described(injected) for injected in self.repair(code, place)]}
        params = {key: value for key, value in request.items() if key not in {"do", "code", "place", "params"}}
        given = request.get("params") or {}
        if not isinstance(given, dict):
            raise InjectionError(Message("sim.params"))
        return {"injected": self._described(self.inject(str(code), place, {**params, **given}), is_new=True)}

    def _described(self, injected: Injected, *, is_new: bool = False) -> dict[str, Any]:
        """An injection as JSON values with the expected time of its report; a slow new one also names a quicker one."""
        document = described(injected)
        if self._forecast is None:
            return document
        now_us = self._now_us
        since_us = self._injections.since_us(injected)
        expectation = self._forecast.expect(injected, since_us)
        document |= {"told_at_us": expectation.at_us, "reason": expectation.reason, "now_us": now_us}
        is_slow = expectation.at_us is None or expectation.at_us - now_us > _SLOW_S * 1e6
        if is_new and injected.is_fault and is_slow:
            quicker = self._forecast.faster(injected.place, now_us, _SLOW_S)
            if quicker is not None:
                document |= {"quicker": quicker[0], "quicker_at_us": quicker[1].at_us}
        return document


def described(injected: Injected) -> dict[str, Any]:
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
