"""The board's real-time clock (RTC), and whether it is known to be right.

That the kernel took its time from an RTC at boot (``hctosys``) is no evidence: an RTC whose battery is empty starts
in 1970 or 2000 and is then overwritten with the time of the last shutdown, and one that keeps local time is hours off.
An RTC is believed when it agreed with NTP in the latest run of this agent, within a month, has run on since, and
agrees with the system's time now. The note of that agreement is a small file beside the outbox; it is deleted as soon
as the RTC disagrees. Source: Documentation/ABI/testing/sysfs-class-rtc of the Linux kernel.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from durable_files.bounded_read import read_bounded
from durable_files.whole_file import replace_file

LOG: Final = logging.getLogger(__name__)
RTC_FOLDER: Final = Path("/sys/class/rtc")
AGREEMENT_MS: Final = 60_000  # a clock of minutes is good enough for a schedule; an hour of zone is not
LONGEST_MS: Final = 30 * 86_400_000  # 100 ppm are four minutes a month
CONFIRM_S: Final = 3600.0
MAX_NOTE_BYTES: Final = 1000


class HardwareClock:
    """The RTC from which the kernel took its time, and the evidence for it."""

    def __init__(
        self,
        note: Path,
        system_ms: Callable[[], int],
        monotonic: Callable[[], float],
        folder: Path = RTC_FOLDER,
    ) -> None:
        """Judge the RTC by the note of the latest run.

        Args:
            note: file that says when the RTC agreed with NTP.
            system_ms: the system's Unix time.
            monotonic: a clock that never jumps [s].
            folder: the kernel's RTC devices.
        """
        self._note = note
        self._system_ms = system_ms
        self._monotonic = monotonic
        self._folder = folder
        self._confirmed_s = float("-inf")
        self.is_proven = self._is_proven()
        if not self.is_proven:
            self._forget()

    def agrees(self) -> bool | None:
        """Whether an RTC that set the system's time shows the same time now; None = there is no such RTC."""
        rtc_ms = self._read_ms()
        return None if rtc_ms is None else abs(rtc_ms - self._system_ms()) <= AGREEMENT_MS

    def confirm(self) -> None:
        """Compare the RTC with the system's time, which NTP confirms now; looks at it once an hour."""
        now_s = self._monotonic()
        if now_s - self._confirmed_s < CONFIRM_S:
            return
        self._confirmed_s = now_s
        agrees = self.agrees()
        if not agrees:
            if agrees is False:
                LOG.warning("the hardware clock does not show the time (UTC) that NTP gives; it is not used")
            self._forget()
            return
        with suppress(OSError):  # full storage: without the note the RTC is not used at the next start
            replace_file(self._note, json.dumps({"agreed_ms": self._system_ms()}).encode(), is_durable=False)

    def _is_proven(self) -> bool:
        rtc_ms, agreed_ms = self._read_ms(), self._agreed_ms()
        if rtc_ms is None or agreed_ms is None or not self.agrees():
            return False
        return agreed_ms <= rtc_ms + AGREEMENT_MS and rtc_ms - agreed_ms <= LONGEST_MS

    def _read_ms(self) -> int | None:
        for device in sorted(self._folder.glob("rtc*")):
            try:
                if (device / "hctosys").read_text(encoding="ascii").strip() == "1":
                    return 1000 * int((device / "since_epoch").read_text(encoding="ascii").strip()[:12])
            except (OSError, ValueError):
                continue
        return None

    def _agreed_ms(self) -> int | None:
        try:
            document: Any = json.loads(read_bounded(self._note, MAX_NOTE_BYTES))
            agreed_ms = document["agreed_ms"]
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            return None
        return agreed_ms if isinstance(agreed_ms, int) and not isinstance(agreed_ms, bool) else None

    def _forget(self) -> None:
        with suppress(OSError):
            self._note.unlink(missing_ok=True)
