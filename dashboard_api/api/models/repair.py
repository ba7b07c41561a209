"""Repairs with their results, and photos."""

from __future__ import annotations

from typing import Any, Final

from pydantic import Field

from dashboard_api.api.models.answer import Answer, example
from dashboard_api.api.models.fault import FAULT_EXAMPLE, REPAIR_EXAMPLE, Fault, Repair

_LISTED: Final[dict[str, Any]] = {**REPAIR_EXAMPLE, "fault": FAULT_EXAMPLE}


class ListedRepair(Repair):
    """A repair with its fault as it is now."""

    model_config = example(_LISTED)

    fault: Fault


class RepairPage(Answer):
    """One page of repairs, newest first."""

    model_config = example({"items": [_LISTED], "next_cursor": None})

    items: list[ListedRepair]
    next_cursor: str | None = Field(description="`cursor` of the next page; null at the end")


class Photo(Answer):
    """A photo that is kept."""

    model_config = example(
        {
            "id": "01JDB2M7Z8Q5W3N4T6V9X0Y1KC",
            "url": "/api/v1/faults/01JDB2M7Z8Q5W3N4T6V9X0Y1KC/photos/01JDB2M7Z8Q5W3N4T6V9X0Y1KC",
        }
    )

    id: str
    url: str = Field(description="where it is served, relative to the API's own address")
