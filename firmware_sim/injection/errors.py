"""Errors of injections."""

from __future__ import annotations

from firmware_sim.errors import SimError


class InjectionError(SimError):
    """Unknown code, place or parameter, or a cause that makes no sense there: one line, nothing was changed."""
