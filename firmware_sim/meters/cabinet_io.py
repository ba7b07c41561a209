"""The Modbus I/O board of a cabinet, a map of Terang's own: contacts in, contactor coil out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from firmware_sim.errors import RegisterError
from firmware_sim.meters.registers import (
    ILLEGAL_ADDRESS,
    ILLEGAL_FUNCTION,
    ILLEGAL_VALUE,
    READ_COILS,
    READ_DISCRETE_INPUTS,
    WRITE_COIL,
    exception_reply,
    fields,
    read_bits,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from firmware_sim.meters.values import CabinetContacts


class CabinetIo:
    """The cabinet's I/O board, a map of Terang's own.

    Discrete inputs: 0 door open, 1 supply present, 2 contactor closed (feedback). Coil 0: the contactor's coil.
    """

    def __init__(
        self,
        snapshot: Callable[[], CabinetContacts],
        on_coil: Callable[[bool], None] = lambda _is_closed: None,
        is_coil_on: bool = False,
    ) -> None:
        """Read the contacts that ``snapshot`` gives.

        Args:
            snapshot: contacts at the instant of the request.
            on_coil: called with each command to the contactor.
            is_coil_on: state of the coil at first.
        """
        self._snapshot = snapshot
        self._on_coil = on_coil
        self.is_coil_on = is_coil_on

    def answer(self, pdu: bytes) -> bytes | None:
        """Return the reply's PDU; None if the board is dead."""
        contacts = self._snapshot()
        if contacts.is_silent:
            return None
        try:
            return self._serve(pdu, contacts)
        except RegisterError as error:
            return exception_reply(pdu[0], error.code)

    def _serve(self, pdu: bytes, contacts: CabinetContacts) -> bytes:
        if pdu[0] == READ_DISCRETE_INPUTS:
            inputs = (contacts.is_door_open, contacts.is_supply_present, contacts.is_contactor_closed)
            return read_bits(pdu, inputs)
        if pdu[0] == READ_COILS:
            return read_bits(pdu, (self.is_coil_on,))
        if pdu[0] == WRITE_COIL:
            coil, value = fields(pdu)
            if coil != 0:
                raise RegisterError(ILLEGAL_ADDRESS, f"coil {coil}")
            if value not in {0x0000, 0xFF00}:
                raise RegisterError(ILLEGAL_VALUE, f"coil value {value:#06x}")
            self.is_coil_on = value == 0xFF00
            self._on_coil(self.is_coil_on)
            return pdu[:5]
        raise RegisterError(ILLEGAL_FUNCTION, f"function {pdu[0]:#04x}")
