"""Detection without any shortcut: every rule judges every reading. Slow, for comparison with the fast path.

Shares no code with the screen, its bands and blocks, the stable regions or the counters' steps.
"""

import numpy as np

from ingest.detection.engine import Detection
from ingest.detection.memory.debounce import Debounce, Verdicts
from ingest.detection.memory.suspects import MEASURED, Replies, Suspects
from ingest.detection.snapshot import arrays_of

GOOD = 0
# Of the lamp state: see ``LampState.sweeps_silent``. The schedule of the sweep at hand is no memory.
NOT_COMPARED = {"silent_sweeps", "is_away", "scheduled"}
ELAPSED_MAX = 65535


class ExactScreen:
    """Keeps every reading, and gives all of them to the rules."""

    def forget(self):
        pass

    def look(self, sweep, state):
        batch = sweep.batch
        rows = [
            row
            for record in range(batch.n_records)
            if sweep.is_live[record]
            for row in range(int(batch.lamp_start[record]), int(batch.lamp_start[record + 1]))
            if batch.lamp[row] >= 0
        ]
        suspects, replies = [], []
        for row in rows:
            lamp, is_good = int(batch.lamp[row]), batch.quality[row] == GOOD
            was_good, was_away = state.quality[lamp] == GOOD, bool(state.is_away[lamp])
            is_frozen = all(
                getattr(batch, name)[row] == getattr(state, name)[lamp]
                for name in ("voltage_v", "power_w", "current_a")
            )
            suspects.append((row, lamp, is_frozen and is_good, state.power_w[lamp], was_good))
            if not is_good or was_away:
                replies.append((row, lamp, batch.quality[row], was_good and not was_away))
                if not (was_good and not was_away):
                    sweeps = min(int(state.silent_sweeps[lamp]), 253) + (1 if was_away else 2)
                    state.silent_sweeps[lamp], state.is_away[lamp] = (0, False) if is_good else (sweeps, True)
            state.level_raw[lamp], state.quality[lamp] = batch.level[row], batch.quality[row]
            for name in ("voltage_v", "current_a", "power_factor", "temperature_c"):
                getattr(state, name)[lamp] = getattr(batch, name)[row]
            if is_good:
                state.power_w[lamp], state.status[lamp] = batch.power_w[row], batch.status[row]
        return self._suspects(batch, suspects), self._replies(replies)

    @staticmethod
    def _suspects(batch, found):
        row, lamp, frozen, before, was_good = zip(*found, strict=True) if found else ([],) * 5
        row = np.array(row, np.int64)
        return Suspects(
            row=row,
            lamp=np.array(lamp, np.int64),
            is_frozen=np.array(frozen, np.bool_),
            before_w=np.array(before, np.float32),
            was_good=np.array(was_good, np.bool_),
            is_plain=np.zeros(len(row), np.bool_),
            reported=np.zeros(len(row), np.uint16),
            measured=np.array([getattr(batch, name)[row] for name in MEASURED], np.float32),
        )

    @staticmethod
    def _replies(found):
        row, lamp, quality, is_first = zip(*found, strict=True) if found else ([],) * 4
        return Replies(
            row=np.array(row, np.int64),
            lamp=np.array(lamp, np.int64),
            quality=np.array(quality, np.uint8),
            is_first=np.array(is_first, np.bool_),
        )


class ExactDebounce(Debounce):
    """The counters lamp by lamp."""

    def step(self, item, at_s, dt_s, holds, heals, judges, is_gated, is_active=None):  # noqa: ARG002  # counted anew
        opened, cleared = [], []
        rule = self.confirm
        for i, n in enumerate(item.tolist()):
            if not judges[i]:
                continue
            if not (heals if self.is_open[n] else holds)[i]:
                self.count[n] = self.elapsed_s[n] = 0
                continue
            if self.count[n] == 0:
                self.elapsed_s[n] = 0
                if not self.is_open[n]:
                    self.since_s[n] = at_s[i]
            else:
                self.elapsed_s[n] = min(int(self.elapsed_s[n]) + min(int(dt_s[i]), ELAPSED_MAX // 2), ELAPSED_MAX)
            self.count[n] = min(int(self.count[n]) + 1, 255)
            samples, seconds = (
                (rule.clear_samples, rule.clear_seconds) if self.is_open[n] else (rule.samples, rule.seconds)
            )
            if self.count[n] >= samples and self.elapsed_s[n] >= 0.99 * seconds and not is_gated[i]:
                (cleared if self.is_open[n] else opened).append(i)
                self.is_open[n] = not self.is_open[n]
                self.count[n] = self.elapsed_s[n] = 0
        is_running = self.is_open[item] | (self.count[item] != 0)
        return Verdicts(np.array(opened, np.int64), np.array(cleared, np.int64), is_running)


class ExactDetection(Detection):
    """The same face; nothing is passed over."""

    def _set_up(self, fleet):
        super()._set_up(fleet)
        self._screen = ExactScreen()
        self._bands.set = lambda *_args, **_more: None
        steadiness = self._rules.steadiness
        steadiness.covers = lambda suspects: np.zeros(len(suspects.row), np.bool_)
        steadiness.note = lambda *_args: None
        self._rules.debounce[:] = [ExactDebounce(fleet.n_lamps, d.confirm) for d in self._rules.debounce]


def memory_of(detection):
    """All that a detection remembers, as arrays by name, in a form that does not depend on shortcuts.

    A run that is long enough, and waits, may stand still: only that it is long enough counts.
    """
    memory = {"flags": detection._state.flags.copy()}
    state = detection._state
    memory["silent"] = state.sweeps_silent(np.arange(len(state.flags)))
    for kind, parts in detection._parts(state.marks()).items():
        for name, holder in parts:
            arrays = {field: values.copy() for field, values in arrays_of(holder).items()}
            if isinstance(holder, Debounce):
                arrays = _runs(holder, arrays)
            if name == "lost":  # a run of lost replies is dropped when the lamp answers, or when it is lost again
                is_lost = (state.quality != GOOD) | ~(state.voltage_v >= 50) | arrays["is_open"]
                arrays = {field: np.where(is_lost, values, 0) for field, values in arrays.items()}
            for field, values in arrays.items():
                if field not in NOT_COMPARED:
                    memory[f"{kind}/{name}/{field}"] = values
    return memory


def _runs(debounce, arrays):
    rule = debounce.confirm
    is_open, count = arrays["is_open"], arrays["count"]
    samples = np.where(is_open, rule.clear_samples, rule.samples)
    seconds = np.ceil(np.where(is_open, rule.clear_seconds, rule.seconds))
    is_running = count > 0
    return {
        "is_open": is_open,
        "count": np.minimum(count, samples),
        "elapsed_s": np.where(is_running, np.minimum(arrays["elapsed_s"], seconds), 0),
        "since_s": np.where(is_running | is_open, arrays["since_s"], 0),
    }


def differences(fast, exact):
    """Names of what two detections remember otherwise, each with the first place and the two values."""
    left, right = memory_of(fast), memory_of(exact)
    found = []
    for name, values in left.items():
        other = right[name]
        is_same = (values == other) | ((values != values) & (other != other))  # noqa: PLR0124  # NaN
        if not np.all(is_same):
            at = tuple(int(i) for i in np.argwhere(~is_same)[0])
            found.append(f"{name}{list(at)}: fast {values[at]}, exact {other[at]}")
    return found
