"""Every error that the simulator raises on purpose; the type says what the caller can do about it."""

from __future__ import annotations


class SimError(Exception):
    """Root of the simulator's errors: one clear line for the person at the terminal.

    Its argument is a `Message`; errors that only a program can cause carry an English text.
    """


class PlantError(SimError):
    """A plant's arrays do not fit together: mend the input, nothing was built."""


class FrameError(SimError):
    """Bytes on the wire are no valid Modbus RTU frame: a device stays silent, as the standard asks."""


class RegisterError(SimError):
    """A request that a device must answer with an exception reply.

    Attributes:
        code: Modbus exception code, 1 function, 2 address, 3 value.
    """

    def __init__(self, code: int, reason: str) -> None:
        """Keep the exception code beside the reason."""
        super().__init__(reason)
        self.code = code


class BusError(SimError):
    """A bus could not be opened or is used in a state that does not allow it."""
