"""Electrical model of street lighting: lamps, gear, cables, feeders and meters, a whole city per numpy call."""

from firmware_sim.electrical.condition import UNCUT, Condition, Impossible, LampFault, healthy
from firmware_sim.electrical.layout import build_plant
from firmware_sim.electrical.plant import Plant
from firmware_sim.electrical.sample import Sample
from firmware_sim.electrical.state import State, initial_state, interrupt_supply
from firmware_sim.electrical.step import step

__all__ = [
    "UNCUT",
    "Condition",
    "Impossible",
    "LampFault",
    "Plant",
    "Sample",
    "State",
    "build_plant",
    "healthy",
    "initial_state",
    "interrupt_supply",
    "step",
]
