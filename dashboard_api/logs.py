"""The API's log: one line an event, with its time in UTC (ISO 8601); uvicorn's lines look the same."""

from __future__ import annotations

import logging
import sys
import time
from typing import Any, Final

import structlog

from durable_files.patient_stderr import PatientStderr

_FORMAT: Final = "%(asctime)s.%(msecs)03dZ [%(levelname)-8s] %(name)s: %(message)s"


class UtcFormatter(logging.Formatter):
    """ISO times in UTC."""

    converter = staticmethod(time.gmtime)

    def __init__(self) -> None:
        """The one format."""
        super().__init__(_FORMAT, "%Y-%m-%dT%H:%M:%S")


def set_up_logs() -> dict[str, Any]:
    """Set up the log of this process, on standard error; returns uvicorn's ``log_config``."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()),
        ],
        logger_factory=structlog.PrintLoggerFactory(PatientStderr()),  # type: ignore[arg-type]  # writes, flushes
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"utc": {"()": "dashboard_api.logs.UtcFormatter"}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "utc", "stream": "ext://sys.stderr"}},
        "root": {"handlers": ["stderr"], "level": "WARNING"},
    }
