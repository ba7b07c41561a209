"""The quiet time needed before a request to one device, learned from its answers.

Some meters ignore a request that comes within 10 to 100 ms after the last frame on the line, their own or a
neighbour's. Such a device answers after an idle line and is silent after a neighbour, again and again; a dead one is
silent after both, and a bad line now and then. Pure bookkeeping: gaps and outcomes go in, a pause comes out.
"""

from typing import Final

STEPS_S: Final = (0.0, 0.02, 0.05, 0.1, 0.15)  # pauses that are tried; the longest is the bound
TRIAL_S: Final = STEPS_S[-1]  # quiet time before a second attempt, which distinguishes the two cases
EVIDENCE: Final = 3  # times in a row before the first pause: loss on a bad line looks the same once or twice
MORE_EVIDENCE: Final = 2  # times in a row before a longer one
MAX_FAILED_TRIALS: Final = 2  # in a row: then the device is dead, and is not given the time any more
DIFFERENCE_S: Final = 0.01  # of two gaps that are not the same
FIRST_TEST: Final = 50  # answers after which a shorter pause is tried again
LONGEST_TEST: Final = 3200


class Quiet:
    """The pause that one device needs."""

    __slots__ = ("_evidence", "_n_answers", "_n_failed_trials", "_silent_s", "_step", "_test_after")

    def __init__(self) -> None:
        """Assume that it needs none."""
        self._step = 0
        self._evidence = 0
        self._silent_s: float | None = None  # gap after which the latest request was ignored
        self._n_failed_trials = 0
        self._n_answers = 0
        self._test_after = FIRST_TEST

    @property
    def learned_s(self) -> float:
        """The pause that was learned [s]; 0 = none."""
        return STEPS_S[self._step]

    def pause_s(self, attempt: int) -> float:
        """Return the quiet time to keep before the next request [s]; `attempt` 0 is the first of a sweep."""
        if attempt and self._silent_s is not None and self._n_failed_trials < MAX_FAILED_TRIALS:
            return TRIAL_S
        if self._step and self._n_answers >= self._test_after:
            return STEPS_S[self._step - 1]
        return STEPS_S[self._step]

    def answered(self, gap_s: float) -> None:
        """Learn from a reply to a request that came `gap_s` [s] after the last frame on the line."""
        silent_s, self._silent_s = self._silent_s, None
        self._n_failed_trials = 0
        if silent_s is None:
            self._answered_at_once(gap_s)
        elif gap_s < silent_s + DIFFERENCE_S:
            self._evidence = 0  # ignored and answered after the same gap: the line loses frames
        elif self._n_answers >= self._test_after:  # a shorter pause was tried, and is too short
            self._n_answers = 0
            self._test_after = min(2 * self._test_after, LONGEST_TEST)
        else:
            self._evidence += 1
            if self._evidence >= (MORE_EVIDENCE if self._step else EVIDENCE):
                self._lengthen(silent_s)

    def silent(self, gap_s: float) -> None:
        """Learn from a request that came `gap_s` [s] after the last frame on the line and was ignored."""
        if gap_s < TRIAL_S - DIFFERENCE_S:
            self._silent_s = gap_s
            return
        if self._silent_s is not None:
            self._n_failed_trials += 1
        self._silent_s = None
        self._evidence = 0

    def _answered_at_once(self, gap_s: float) -> None:
        self._n_answers += 1
        if self._step and gap_s < STEPS_S[self._step] - DIFFERENCE_S / 2:
            if self._n_answers > self._test_after:  # a shorter pause was tried, and is long enough
                self._step -= 1
                self._n_answers = 0
        elif self._step == len(STEPS_S) - 1 or gap_s < STEPS_S[self._step + 1]:
            self._evidence = 0

    def _lengthen(self, silent_s: float) -> None:
        longer = (step for step, pause_s in enumerate(STEPS_S) if pause_s >= silent_s + DIFFERENCE_S)
        self._step = max(self._step, next(longer, len(STEPS_S) - 1))
        self._evidence = self._n_answers = 0
