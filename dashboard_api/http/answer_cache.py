"""A bounded cache of prepared answers; the one that was not asked for longest goes first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable

from dashboard_api.http.prepared_answer import PreparedAnswer


class AnswerCache:
    """Answers by key, each under a mark of what it was made of. Used from the event loop alone."""

    def __init__(self, most_bytes: int) -> None:
        """Nothing is kept yet; all answers weigh at most ``most_bytes``."""
        self._most_bytes = most_bytes
        self._kept: OrderedDict[Hashable, tuple[Hashable, PreparedAnswer]] = OrderedDict()
        self.n_bytes = 0

    def __len__(self) -> int:
        """Answers that are kept."""
        return len(self._kept)

    def get(self, key: Hashable, mark: Hashable) -> PreparedAnswer | None:
        """The answer of ``key``, None where there is none or it was made of something else than ``mark`` names."""
        found = self._kept.get(key)
        if found is None or found[0] != mark:
            return None
        self._kept.move_to_end(key)
        return found[1]

    def keep(self, key: Hashable, mark: Hashable, answer: PreparedAnswer) -> PreparedAnswer:
        """Keep ``answer``, and return it."""
        old = self._kept.pop(key, None)
        self.n_bytes += answer.n_bytes - (0 if old is None else old[1].n_bytes)
        self._kept[key] = (mark, answer)
        while self.n_bytes > self._most_bytes:
            _key, (_mark, gone) = self._kept.popitem(last=False)
            self.n_bytes -= gone.n_bytes
        return answer
