"""Generated cities: street networks, cables and luminaires as the rows of a city folder."""

from firmware_sim.city.register import Cabinet, Lamp, Register, write_folder
from firmware_sim.city.town import build_town, settings_text

__all__ = ["Cabinet", "Lamp", "Register", "build_town", "settings_text", "write_folder"]
