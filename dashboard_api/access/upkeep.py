"""Work beside the requests: uses and ends of sessions and tokens, refusals, old counters, the audit log's anchors."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from starlette.concurrency import run_in_threadpool

from dashboard_api.errors import ApiError

_EVERY_S: Final = 30.0
_log = logging.getLogger(__name__)


async def keep_up(*tasks: Callable[[], None], every_s: float = _EVERY_S) -> None:
    """Run the tasks now and then until cancelled; one that fails is tried again the next time."""
    while True:
        for task in tasks:
            try:
                await run_in_threadpool(task)
            except (ApiError, OSError, ValueError) as error:
                _log.debug("upkeep: %s", error)
        await asyncio.sleep(every_s)
