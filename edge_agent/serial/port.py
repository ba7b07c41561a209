"""The serial port: the only module that touches pyserial.

A port hands over whatever bytes have arrived and takes bytes to send; what they mean is not known here.
"""

import errno
import os
import select
import struct
import termios
from contextlib import suppress
from typing import Protocol

import serial

from edge_agent.config import BusConfig
from edge_agent.errors import PortGone

WRITE_TIMEOUT_S = 2.0
_READ_SIZE = 512
# All that opening, setting, reading, writing or closing a tty may raise when its adapter goes away at that moment.
# `termios.error` is no OSError; a descriptor that was closed in between gives TypeError, ValueError or AttributeError;
# a driver that does not know a request gives the rest.
PORT_ERRORS: tuple[type[Exception], ...] = (
    OSError,
    termios.error,
    serial.SerialException,
    ValueError,
    TypeError,
    AttributeError,
    NotImplementedError,
    OverflowError,
    struct.error,
)


class Port(Protocol):
    """A serial line. Every method raises `PortGone` when the adapter has vanished."""

    def write(self, data: bytes) -> None:
        """Send all bytes; return once the driver has them."""

    def read(self, timeout_s: float) -> bytes:
        """Return what has arrived, waiting up to `timeout_s` [s] for the first byte; empty after that."""

    def close(self) -> None:
        """Release the device; closing twice does no harm."""


class SerialPort:
    """A real tty (or a pseudo-terminal), opened exclusively."""

    def __init__(self, bus: BusConfig) -> None:
        """Open the device.

        Raises:
            PortGone: it is not there, is in use, or refuses the line settings.
        """
        device: serial.Serial | None = None
        try:
            device = serial.Serial(
                bus.port,
                baudrate=bus.baud,
                parity=bus.parity,
                stopbits=bus.stop_bits,
                timeout=0,
                write_timeout=WRITE_TIMEOUT_S,
                exclusive=True,
            )
            self._fd: int = device.fileno()
        except PORT_ERRORS as error:
            if device is not None:
                with suppress(*PORT_ERRORS):
                    device.close()
            raise PortGone(f"{bus.port}: {_words(error)}") from error
        self._serial = device
        self._name = bus.port
        with suppress(*PORT_ERRORS):
            # an FTDI chip holds bytes back for 16 ms otherwise; other drivers may not know the request
            self._serial.set_low_latency_mode(True)

    def write(self, data: bytes) -> None:
        """Send all bytes."""
        try:
            n_written = self._write_at_once(data)
            if n_written < len(data):  # a stuck line has filled the driver's buffer
                if not select.select((), (self._fd,), (), WRITE_TIMEOUT_S)[1]:
                    raise serial.SerialTimeoutException("Write timeout")
                self._serial.write(data[n_written:])
        except PORT_ERRORS as error:
            raise PortGone(f"{self._name}: {_words(error)}") from error

    def read(self, timeout_s: float) -> bytes:
        """Return what has arrived; wait up to `timeout_s` [s] for the first byte."""
        try:
            ready, _, _ = select.select((self._fd,), (), (), max(0.0, timeout_s))
            if not ready:
                return b""
            data = os.read(self._fd, _READ_SIZE)
        except PORT_ERRORS as error:
            raise PortGone(f"{self._name}: {_words(error)}") from error
        if not data:  # a tty that is ready and has nothing to read has hung up
            raise PortGone(f"{self._name}: the adapter has vanished")
        return data

    def _write_at_once(self, data: bytes) -> int:
        """Hand over what the driver takes without waiting: all of a request, unless the line is stuck.

        `serial.Serial.write` waits after each write until the next one would be possible: a system call for nothing.
        """
        try:
            return os.write(self._fd, data)
        except BlockingIOError:
            return 0

    def close(self) -> None:
        """Release the device."""
        with suppress(*PORT_ERRORS):
            self._serial.close()
        self._fd = -1  # its number may be another file's from now on


def open_port(bus: BusConfig) -> Port:
    """Open the bus's device; see `SerialPort`."""
    return SerialPort(bus)


def list_ports() -> list[tuple[str, str]]:
    """Return (device path, description) of the machine's serial ports, by-id paths where there are any."""
    from serial.tools import list_ports as tools  # noqa: PLC0415 - only `scan` without a port needs it

    return [(port.device, port.description) for port in tools.comports(include_links=True)]


def _words(error: Exception) -> str:
    number = getattr(error, "errno", None)
    if isinstance(error, termios.error) and error.args and isinstance(error.args[0], int):
        number = error.args[0]
    if number in {errno.EAGAIN, errno.EBUSY}:
        return "in use by another program (is the agent running?)"
    return os.strerror(number) if isinstance(number, int) else str(error) or type(error).__name__
