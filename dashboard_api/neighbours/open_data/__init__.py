"""Open data under ``/open``: lamps, faults, repair times, availability and energy, with a DCAT catalogue."""
