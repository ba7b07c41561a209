"""What can be wrong with a catalogue."""

from __future__ import annotations


class CatalogueError(Exception):
    """A catalogue cannot be read; the text names file and line."""
