"""The lamps of one cabinet in the order of its cables, with their present state."""

from __future__ import annotations

from typing import Any

import numpy as np
from fastapi.responses import JSONResponse

from dashboard_api.context import ContextOf
from dashboard_api.errors import NotFoundError
from dashboard_api.formats.times import number
from dashboard_api.live.lamp_states import NAMES
from dashboard_api.store.cabinet_lamps import COLUMNS, cabinet_lamps
from dashboard_api.store.register_rows import one_cabinet


def get_cabinet_lamps(context: ContextOf, cabinet_id: str) -> JSONResponse:
    """A cabinet's lamps as parallel arrays, circuit after circuit, each in the order of its poles."""
    if one_cabinet(context.database, cabinet_id) is None:
        raise NotFoundError("no_cabinet", cabinet_id=cabinet_id)
    rows = cabinet_lamps(context.database, cabinet_id)
    columns: dict[str, list[Any]] = {name: [row[1 + n] for row in rows] for n, name in enumerate(COLUMNS)}
    _lamps, states = context.lamp_states()
    index = np.array([row[0] for row in rows], np.int64)
    columns["state"] = [NAMES[code] for code in states.state[index].tolist()]
    columns["level"] = [None if value == 255 else value for value in states.level[index].tolist()]
    picture = states.picture
    power = [None] * len(rows) if picture is None else [number(w, 1) for w in picture.columns["power_w"][index]]
    columns["power_w"] = power
    return JSONResponse({"cabinet_id": cabinet_id, "n": len(rows), "columns": columns})
