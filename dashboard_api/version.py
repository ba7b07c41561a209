"""The version of the installed distribution."""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError, version


@cache
def terang_version() -> str:
    """Such as ``0.1.0``; ``0+source`` where the project runs from a tree that was never installed."""
    try:
        return version("terang")
    except PackageNotFoundError:
        return "0+source"
