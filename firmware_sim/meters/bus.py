"""A shared RS-485 line on a pseudo-terminal: one master at its slave side, many devices behind it.

Bytes take their time on the wire: a request is complete 3.5 byte times after its last byte *would* have arrived, the
device thinks, and its reply becomes readable as it would leave a UART. All times are laid out on the line's own
clock, so a late wake-up of this process delays one reply but adds up to nothing.
"""

from __future__ import annotations

import contextlib
import os
import termios
import time
import tty
from typing import TYPE_CHECKING, Final

from firmware_sim.errors import BusError, FrameError
from firmware_sim.meters import rtu
from firmware_sim.meters.bus_loop import BusLoop
from firmware_sim.meters.lamp_meters import PZEM_GENERAL_ADDRESS, Pzem
from firmware_sim.meters.line import LineFaults, LineTiming, damage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np

    from firmware_sim.meters.registers import Meter

#: Without timing, bytes that never became a request are forgotten after this long [s].
_INSTANT_PATIENCE_S: Final = 0.05
#: A read in which another device answers: values that no mains has, with a valid checksum.
_OTHER_DEVICE_VALUES: Final = bytes.fromhex("0005 0000 3714 0a5e 0019 0000 1a45 0c67 0017 0000")


class MeterBus:
    """One line and its devices.

    ``timing`` and ``faults`` may be replaced while it runs. ``n_requests`` counts frames that arrived whole.
    """

    def __init__(
        self,
        meters: Mapping[int, Meter],
        timing: LineTiming,
        faults: LineFaults,
        rng: np.random.Generator,
        *,
        loop: BusLoop | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Open the pseudo-terminal.

        Args:
            meters: devices by address 1..247.
            timing: of the line.
            faults: of the line.
            rng: draws the faults.
            loop: serves several lines in one thread; None = a loop of its own.
            clock: seconds, rising.

        Raises:
            BusError: an address outside 1..247, or no pseudo-terminal left.
        """
        for address in meters:
            if not 1 <= address <= 247:
                raise BusError(f"address {address}: a device has one of 1..247")
        try:
            self._master_fd, self._slave_fd = os.openpty()
        except OSError as error:
            raise BusError(f"no pseudo-terminal: {error.strerror}") from error
        tty.setraw(self._slave_fd)
        os.set_blocking(self._master_fd, False)
        #: Path of the serial port that an agent opens.
        self.port = os.ttyname(self._slave_fd)
        self.meters = dict(meters)
        self.timing = timing
        self.faults = faults
        self.n_requests = 0
        self._rng = rng
        self._clock = clock
        self._own_loop = loop is None
        self._loop = BusLoop() if loop is None else loop
        self._heard = bytearray()
        self._line_free_s = 0.0
        self._quiet_s = 0.0  # of the line, before the request that is being heard
        self._outbox: list[tuple[float, bytes]] = []
        self._is_closed = False

    def start(self) -> None:
        """Let the devices listen.

        Raises:
            BusError: the bus was closed.
        """
        if self._is_closed:
            raise BusError(f"bus {self.port} is closed")
        self._loop.add(self)
        if self._own_loop:
            self._loop.start()

    def close(self) -> None:
        """Take the devices off the line and close the pseudo-terminal; a second call does nothing."""
        if self._is_closed:
            return
        self._is_closed = True
        self._loop.remove(self)
        if self._own_loop:
            self._loop.close()
        os.close(self._master_fd)
        os.close(self._slave_fd)

    def fileno(self) -> int:
        """Return the descriptor on which requests arrive."""
        return self._master_fd

    def hear(self) -> None:
        """Take in what the master sent; its bytes occupy the line from now on."""
        try:
            data = os.read(self._master_fd, 4096)
        except OSError:  # no reader has the port open just now
            return
        now_s = self._clock()
        if not self._heard:
            self._quiet_s = now_s - self._line_free_s
        self._line_free_s = max(now_s, self._line_free_s) + len(data) * self.timing.byte_s
        if self.faults.is_stuck:
            return
        if self.timing.is_baud_checked and not self._is_baud_right():
            data = bytes(len(data))
        if self.faults.has_echo:
            self._outbox.append((self._line_free_s, data))
        self._heard += data

    def next_s(self) -> float | None:
        """Return when the line has something to do next, on the bus's clock; None = only when it hears something."""
        due = self._outbox[0][0] if self._outbox else None
        if self._heard:
            end = self._line_free_s + self.timing.silence_s
            if self.timing.is_instant and not self._is_whole():
                end += _INSTANT_PATIENCE_S
            due = end if due is None else min(due, end)
        return due

    def advance(self) -> None:
        """Do all that is due by now: end requests, let devices answer, deliver reply bytes."""
        now_s = self._clock()
        if self._heard:
            end = self._line_free_s + self.timing.silence_s
            if self.timing.is_instant and not self._is_whole():
                end += _INSTANT_PATIENCE_S
            if now_s >= end:
                request = bytes(self._heard)
                self._heard.clear()
                self._answer(request, end)
        while self._outbox and self._outbox[0][0] <= now_s:
            _, chunk = self._outbox.pop(0)
            if not self.faults.is_stuck:
                with contextlib.suppress(BlockingIOError):  # nobody reads: a UART's buffer overflows too
                    os.write(self._master_fd, chunk)

    def _is_baud_right(self) -> bool:
        """Return whether the master set its port to the line's baud rate."""
        wanted = getattr(termios, f"B{self.timing.baud}", None)
        return bool(termios.tcgetattr(self._slave_fd)[5] == wanted)

    def _is_whole(self) -> bool:
        length = rtu.request_length(bytes(self._heard))
        return length is not None and len(self._heard) >= length

    def _answer(self, request: bytes, end_s: float) -> None:
        """Let every device on the line hear a request that ended at ``end_s``, and lay out what they send."""
        faults = self.faults
        if faults.request_error and self._rng.random() < faults.request_error:
            return
        try:
            address, pdu = rtu.unwrap(request)
        except FrameError:
            return
        self.n_requests += 1
        replies = [
            self._spoilt(device_address, rtu.wrap(address, reply))
            for device_address, meter in self.meters.items()
            if device_address not in faults.unreachable
            and _listens(device_address, meter, address)
            and self._quiet_s * self.timing.speed >= faults.quiet_needed_s.get(device_address, 0.0)
            and not self._happens(faults.no_reply_from, device_address)
            and (reply := meter.answer(pdu)) is not None
        ]
        if address == 0 or (faults.no_reply and self._rng.random() < faults.no_reply):
            return
        if faults.other_device and self._rng.random() < faults.other_device:
            replies = [_other_device(address, pdu)]
        if not replies:
            return
        start_s = end_s + self.timing.thinking_s
        reply = damage(_collide(replies), faults, self._rng)
        if faults.late_reply and self._rng.random() < faults.late_reply:
            self._send(reply, start_s + faults.late_s / self.timing.speed)
        else:
            self._send(reply, start_s)
            self._line_free_s = max(self._line_free_s, start_s + len(reply) * self.timing.byte_s)

    def _happens(self, chances: Mapping[int, float], address: int) -> bool:
        chance = chances.get(address, 0.0)
        return bool(chance and self._rng.random() < chance)

    def _spoilt(self, address: int, reply: bytes) -> bytes:
        """A device's reply as its own bad contact leaves it."""
        if not self._happens(self.faults.garbled_from, address):
            return reply
        bit = int(self._rng.integers(8 * len(reply)))
        return reply[: bit // 8] + bytes((reply[bit // 8] ^ 1 << bit % 8,)) + reply[bit // 8 + 1 :]

    def _send(self, reply: bytes, start_s: float) -> None:
        """Lay a reply on the line from ``start_s`` on, in the chunks in which a UART hands it over."""
        step = max(1, self.timing.fifo_bytes)
        for first in range(0, len(reply), step):
            chunk = reply[first : first + step]
            self._outbox.append((start_s + (first + len(chunk)) * self.timing.byte_s, chunk))
        self._outbox.sort(key=lambda item: item[0])


def _listens(own: int, meter: Meter, address: int) -> bool:
    """Return whether a device takes a request for ``address`` as its own; 0 is for all."""
    return address in {own, 0} or (address == PZEM_GENERAL_ADDRESS and isinstance(meter, Pzem))


def _collide(replies: list[bytes]) -> bytes:
    """Return what is heard when several devices send at once: a dominant 0 wins over a 1."""
    heard = bytearray(replies[0])
    for reply in replies[1:]:
        for index in range(min(len(heard), len(reply))):
            heard[index] &= reply[index]
        heard += reply[len(heard) :]
    return bytes(heard)


def _other_device(address: int, pdu: bytes) -> bytes:
    """Return a well-formed reply of a device that is not the one asked for: same address, foreign registers."""
    count = 2 * int.from_bytes(pdu[3:5], "big") if len(pdu) >= 5 else 20
    data = (_OTHER_DEVICE_VALUES * (count // len(_OTHER_DEVICE_VALUES) + 1))[:count]
    return rtu.wrap(address, bytes((pdu[0], count & 0xFF)) + data)
