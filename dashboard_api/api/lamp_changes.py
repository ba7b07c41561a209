"""Changes of the lamps' look since an earlier call: what the map polls."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from fastapi import Query, Request
from fastapi.responses import JSONResponse

from dashboard_api.context import ContextOf
from dashboard_api.formats.times import iso
from dashboard_api.live.changes import ChangeHistory
from dashboard_api.live.lamp_states import NAMES


def get_lamp_changes(
    request: Request,
    context: ContextOf,
    since: Annotated[str | None, Query(description="`mark` of the answer before", max_length=64)] = None,
) -> JSONResponse:
    """Lamps whose state or level changed since ``since``, as rows of the register: the feature ids of the tiles.

    ``reload`` = too much has changed, or ``since`` is not known any more: load the tiles anew.
    """
    _lamps, states = context.lamp_states()
    picture, state, level, mark = states.picture, states.state, states.level, states.mark
    history: ChangeHistory = request.app.state.lamp_changes
    found = history.since(since, mark, state, level)
    rows = np.zeros(0, np.int64) if found.rows is None else found.rows
    names = NAMES
    document = {
        "mark": mark,
        "at": None if picture is None else iso(picture.now_us),
        "reload": found.rows is None and since is not None,
        "row": rows.tolist(),
        "state": [names[code] for code in state[rows].tolist()],
        "level": [None if value == 255 else value for value in level[rows].tolist()],
    }
    return JSONResponse(document, headers={"Cache-Control": "no-store"})
