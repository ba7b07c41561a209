"""Leaves a PostgreSQL server that takes no more changes: it has become a standby, or was set to be read only."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Engine, event
from sqlalchemy.engine.interfaces import ExceptionContext

_READ_ONLY: Final = "25006"  # SQLSTATE read_only_sql_transaction


def leave_read_only_servers(engine: Engine) -> None:
    """End an engine's connections when their server refuses a change as read only.

    A connection that works is kept for ever, so that of several hosts in the URL the one that takes changes now would
    never be asked.
    """
    event.listen(engine, "handle_error", _let_go)


def _let_go(context: ExceptionContext) -> None:
    if getattr(context.original_exception, "sqlstate", None) == _READ_ONLY:
        context.is_disconnect = True
