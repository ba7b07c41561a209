"""One half-duplex line: sends a request after the required silence, and waits for its reply.

Owns the timing of the wire: 3.5 characters of silence between frames, time-outs computed from the moment
the last bit of the request left, draining what comes too late. It knows frames, but no meters. One thread
uses it.

Source: MODBUS over Serial Line V1.02, section 2.5.1.1 (t1.5, t3.5, and 1.75 ms above 19,200 baud).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from edge_agent.errors import DeviceRefused, GarbledReply, NoReply
from edge_agent.serial.frames import Reply, ReplyScanner, Request
from edge_agent.serial.port import Port

SILENCE_CHARACTERS = 3.5
GAP_CHARACTERS = 1.5
FAST_BAUD = 19200
FAST_SILENCE_S = 0.00175
# A USB adapter hands bytes over in lumps up to 16 ms apart, a busy machine wakes late: more than
# this between two bytes of a reply means that the rest of it is lost.
LUMP_S = 0.04
# A UART keeps back this many bytes before it hands over the first ones (PL011, 16550).
FIFO_CHARACTERS = 16
# After a failed exchange the line has to be quiet for so long; a babbling one is given up on after so long.
SETTLE_CHARACTERS = 8
BABBLE_S = 0.3


@dataclass(slots=True)
class LineCounters:
    """What happened on the line since it was opened.

    Attributes:
        n_requests: requests sent.
        n_silent: time-outs without a byte.
        n_garbled: replies without one valid frame.
        n_stray_bytes: bytes that came when nobody was asked, or around a valid frame.
    """

    n_requests: int = 0
    n_silent: int = 0
    n_garbled: int = 0
    n_stray_bytes: int = 0

    def plus(self, other: "LineCounters") -> "LineCounters":
        """Return the sums of both."""
        return LineCounters(
            self.n_requests + other.n_requests,
            self.n_silent + other.n_silent,
            self.n_garbled + other.n_garbled,
            self.n_stray_bytes + other.n_stray_bytes,
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """A good reply.

    Attributes:
        data: its data bytes.
        turnaround_s: from the end of the request's silence to the reply's first byte, as seen from here.
    """

    data: bytes
    turnaround_s: float


class Line:
    """A port, its timing, and whether its adapter echoes.

    Attributes:
        character_s: time of one character [s].
        silence_s: least silence between two frames [s].
        counters: what happened on it.
        is_echoing: its adapter sends our own requests back to us.
        gap_s: how long the line was quiet before the latest request [s].
    """

    def __init__(
        self,
        port: Port,
        baud: int,
        bits_per_character: int,
        monotonic: Callable[[], float],
        sleep: Callable[[float], None],
    ) -> None:
        """Take over a port that was just opened."""
        self._port = port
        self._monotonic = monotonic
        self._sleep = sleep
        self.character_s = bits_per_character / baud
        self.silence_s = FAST_SILENCE_S if baud > FAST_BAUD else SILENCE_CHARACTERS * self.character_s
        self.counters = LineCounters()
        self.is_echoing = False
        self.gap_s = 0.0
        self._quiet_since = monotonic()
        self._frame_end = monotonic()

    def exchange(self, request: Request, timeout_s: float, pause_s: float = 0.0) -> Answer:
        """Send a request and return the data of its reply; `gap_s` then says how long the line was quiet before it.

        Args:
            request: what to send.
            timeout_s: longest wait for the first byte of the reply, after the request and its silence.
            pause_s: quiet time that this device needs before a request, if that is longer than the wire's silence.

        Raises:
            NoReply: not one byte came.
            GarbledReply: bytes came, but not this reply.
            DeviceRefused: the meter answered with an exception.
            PortGone: the adapter has vanished.
        """
        self._await_silence(pause_s)
        scanner = ReplyScanner(request, is_echoing=self.is_echoing)
        self.counters.n_requests += 1
        self.gap_s = max(0.0, self._monotonic() - self._frame_end)
        self._port.write(request.wire)
        sent_at = self._monotonic() + len(request.wire) * self.character_s
        reply, first_byte_at = self._receive(scanner, sent_at, timeout_s, request.reply_length)
        self._quiet_since = self._frame_end = self._monotonic()
        self.is_echoing = self.is_echoing or scanner.is_echo_seen
        if reply is None:
            self._settle()
            if not scanner.n_received:
                self._frame_end = sent_at
            self._complain(request, scanner)
        if reply.exception is None and not scanner.n_noise:
            # woken late on a busy machine: the frame, which has no gap over 1.5 characters, ended before now
            n_after_first = request.reply_length - 1 + GAP_CHARACTERS
            self._quiet_since = min(self._quiet_since, first_byte_at + n_after_first * self.character_s)
            self._frame_end = self._quiet_since
        self.counters.n_stray_bytes += scanner.n_noise
        if reply.exception is not None:
            raise DeviceRefused(reply.exception)
        return Answer(reply.data, max(0.0, first_byte_at - sent_at - self.silence_s))

    def drain(self, wait_s: float) -> None:
        """Wait for a late reply [s] and throw it away."""
        late = self._port.read(wait_s)
        self.counters.n_stray_bytes += len(late)
        if late:
            self._settle()

    def close(self) -> None:
        """Release the port."""
        self._port.close()

    def _await_silence(self, pause_s: float) -> None:
        """Keep 3.5 characters of silence, or a longer pause; throw away what arrives, since nobody was asked."""
        rest = max(self._quiet_since + self.silence_s, self._frame_end + pause_s) - self._monotonic()
        if rest > 0.0:
            self._sleep(rest)
        stray = self._port.read(0)
        if stray:
            self.counters.n_stray_bytes += len(stray)
            self._settle()
            self._frame_end = self._monotonic()

    def _receive(
        self, scanner: ReplyScanner, sent_at: float, timeout_s: float, reply_length: int
    ) -> tuple[Reply | None, float]:
        """Collect bytes until the reply is complete or cannot come any more."""
        held_back_s = min(FIFO_CHARACTERS, reply_length) * self.character_s
        deadline = sent_at + self.silence_s + timeout_s + held_back_s
        last_end = deadline + 2 * reply_length * self.character_s + LUMP_S
        first_byte_at = 0.0
        is_last = False
        while not is_last:
            now = self._monotonic()
            # The thread may not have run until after the deadline: what has arrived by then is still read.
            chunk = self._port.read(max(0.0, deadline - now))
            is_last = now >= last_end or (now >= deadline and not chunk)
            reply = scanner.feed(chunk) if chunk else None
            if not chunk or not scanner.n_received:  # nothing, or so far an echo only
                continue
            now = self._monotonic()
            first_byte_at = first_byte_at or now - (len(chunk) - 1) * self.character_s
            if reply is not None:
                return reply, first_byte_at
            missing_s = scanner.n_missing * self.character_s
            deadline = min(now + missing_s + LUMP_S, last_end)
            # Sleep through the frame instead of waking for each byte; not past `last_end`, which may be over. It costs
            # no time of the line: the silence that follows is counted from the frame's end, not from waking up.
            nap_s = min(missing_s, deadline - now)
            if nap_s > self.character_s:
                self._sleep(nap_s)
        return scanner.finish(), first_byte_at

    def _settle(self) -> None:
        """After a failure: let a late or garbled reply run out, so that the next meter is not given it."""
        quiet_s = SETTLE_CHARACTERS * self.character_s
        give_up_at = self._monotonic() + BABBLE_S
        while self._monotonic() < give_up_at:
            late = self._port.read(quiet_s)
            if not late:
                break
            self.counters.n_stray_bytes += len(late)
        self._quiet_since = self._monotonic() - self.silence_s

    def _complain(self, request: Request, scanner: ReplyScanner) -> NoReturn:
        if scanner.n_received:
            self.counters.n_garbled += 1
            raise GarbledReply(f"address {request.address}: {scanner.n_received} bytes without a valid frame")
        self.counters.n_silent += 1
        raise NoReply(f"address {request.address}: no reply")
