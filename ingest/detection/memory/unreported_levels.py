"""Lamps that their agent neither hears nor reports a level of: they were switched with the others of their controller.

Some agents send level 255 for a lamp whose reply is lost. The level reported before stands for it (``take_levels``);
but if it was cut off or fell silent on the other side of dusk or dawn, that level would stand all night, or all day.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ingest.detection.memory.command import Commands
from ingest.detection.memory.lamp_state import LampState
from ingest.detection.memory.suspects import Replies
from ingest.detection.memory.sweep import Sweep
from ingest.model.batch import LEVEL_UNKNOWN
from ingest.model.fleet import Fleet

UInt8 = npt.NDArray[np.uint8]
Int64 = npt.NDArray[np.int64]

_FULL = 100


def switch_unreported(sweep: Sweep, replies: Replies, commands: Commands, fleet: Fleet, state: LampState) -> None:
    """Switch the silent lamps without a level on or off, where all others of their record agree; dim steps are not."""
    if not (sweep.level_high == LEVEL_UNKNOWN).any():
        return  # every level of every record is reported
    chosen = np.flatnonzero((sweep.batch.level[replies.row] == LEVEL_UNKNOWN) & (replies.quality != 0))
    if not len(chosen):
        return
    lamp, record = replies.lamp[chosen], sweep.record_of(replies.row[chosen])
    least, most, level = sweep.level_low[record], commands.level[record], state.level[lamp]
    is_reported = least != LEVEL_UNKNOWN
    on = np.flatnonzero(is_reported & (least > 0) & (level == 0))
    off = np.flatnonzero(is_reported & (most == 0) & (level > 0) & (level <= _FULL))
    _switch(state, lamp[on], sweep.at_s[record[on]], np.where(fleet.is_dimmable[lamp[on]], most[on], _FULL))
    state.lit_from_s[lamp[on]] = sweep.at_s[record[on]]
    state.commanded_on[lamp[on]] = np.minimum(state.commanded_on[lamp[on]], 254) + 1
    _switch(state, lamp[off], sweep.at_s[record[off]], np.zeros(len(off)))


def _switch(state: LampState, lamp: Int64, at_s: Int64, level: npt.NDArray[np.generic]) -> None:
    state.level[lamp] = level.astype(np.uint8)
    state.switched_s[lamp] = at_s
    state.look_again(lamp)
