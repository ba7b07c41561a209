"""Fault injection with ground truth: every code of the catalogue, and every confounder."""

from firmware_sim.injection.errors import InjectionError
from firmware_sim.injection.injected import Injected, check, foresee, inject, repair
from firmware_sim.injection.kinds import CONFOUNDERS, FAULTS, KINDS, Kind

__all__ = [
    "CONFOUNDERS",
    "FAULTS",
    "KINDS",
    "Injected",
    "InjectionError",
    "Kind",
    "check",
    "foresee",
    "inject",
    "repair",
]
