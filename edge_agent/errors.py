"""Exceptions of the agent, grouped by how the caller reacts.

========== ==================================================================================
type       what the caller does
========== ==================================================================================
Retryable  the same thing may work later: back off and try again
Discard    this one message, frame or value is worthless: count it, drop it, go on
Fatal      nothing will improve by itself: say so in one line and stop (exit code 2)
========== ==================================================================================
"""

EXIT_NOT_WELL = 1  # exit codes of terang-agent
EXIT_BAD_INPUT = 2


class AgentError(Exception):
    """Root of every error that the agent raises on purpose."""


class Retryable(AgentError):  # noqa: N818 - named after what the caller does
    """A temporary error: back off and try again."""


class Discard(AgentError):  # noqa: N818 - as above
    """Permanently invalid input: count it, drop it, continue."""


class Fatal(AgentError):  # noqa: N818 - as above
    """A permanent error: report where and why, and stop."""


class ConfigError(Fatal):
    """The agent's file, or a meter profile it names, cannot be used as it stands."""


class PortGone(Retryable):
    """The serial adapter cannot be opened, or has vanished."""


class BusHangs(Retryable):
    """The adapter's driver does not return from a call; the bus is left alone until it does."""


class NoReply(Retryable):
    """The meter did not answer within its time-out."""


class GarbledReply(Retryable):
    """Bytes came back, but no frame of this meter with a valid checksum among them."""


class DeviceRefused(Discard):
    """The meter answered with a Modbus exception.

    Attributes:
        code: the exception code, e.g. 2 for an illegal data address.
    """

    def __init__(self, code: int) -> None:
        """Keep the code, and say it in words."""
        super().__init__(f"Modbus exception {code} ({_EXCEPTION_WORDS.get(code, 'unknown')})")
        self.code = code


# Modbus Application Protocol Specification V1.1b3, section 7
_EXCEPTION_WORDS = {
    1: "illegal function",
    2: "illegal data address",
    3: "illegal data value",
    4: "server device failure",
    5: "acknowledge",
    6: "server device busy",
    8: "memory parity error",
    10: "gateway path unavailable",
    11: "gateway target failed to respond",
}
