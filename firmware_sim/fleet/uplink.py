"""The mobile network of controllers whose agents are real: a relay to the broker that can lose its connections.

One thread serves all relays of a simulation. Bytes pass through unseen; owns no MQTT.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

from firmware_sim.errors import SimError
from languages.message import Message, why

_T = TypeVar("_T")
_CHUNK: Final = 65_536
_PATIENCE_S: Final = 10.0


class UplinkError(SimError):
    """A relay cannot be had."""


class Uplink:
    """One controller's way to the broker; ``port`` is where its agent connects."""

    def __init__(self, broker: tuple[str, int]) -> None:
        """Made by ``Network.open``."""
        self.port = 0
        self._broker = broker
        self._is_up = True
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    async def listen(self) -> None:
        """Accept an agent on a free port of this machine."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = int(self._server.sockets[0].getsockname()[1])

    async def set_up(self, *, is_up: bool) -> None:
        """Let the network come or go; a connection that stands is broken off without a good-bye."""
        self._is_up = is_up
        if not is_up:
            for writer in list(self._writers):
                writer.transport.abort()

    async def close(self) -> None:
        """Break everything off and listen no more."""
        await self.set_up(is_up=False)
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._is_up:
            writer.transport.abort()
            return
        try:
            far_reader, far_writer = await asyncio.open_connection(*self._broker)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, far_writer}
        try:
            await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))
        finally:
            self._writers -= {writer, far_writer}


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()
    with contextlib.suppress(OSError, RuntimeError):
        writer.close()


class Network:
    """All relays of a simulation, in one thread."""

    def __init__(self) -> None:
        """Nothing is relayed yet."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="uplinks", daemon=True)
        self._thread.start()
        self._uplinks: list[Uplink] = []

    def open(self, broker: tuple[str, int]) -> Uplink:
        """Open a relay to a broker.

        Raises:
            UplinkError: no port is free.
        """
        uplink = Uplink(broker)
        try:
            self._do(uplink.listen())
        except OSError as error:
            raise UplinkError(Message("sim.no_relay", reason=why(error))) from error
        self._uplinks.append(uplink)
        return uplink

    def set_up(self, uplink: Uplink, *, is_up: bool) -> None:
        """Let one controller's network come or go."""
        self._do(uplink.set_up(is_up=is_up))

    def close(self) -> None:
        """Close every relay and end the thread; a second call does nothing."""
        if self._loop.is_closed():
            return
        for uplink in self._uplinks:
            self._do(uplink.close())
        self._do(asyncio.sleep(0))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _do(self, work: Coroutine[Any, Any, _T]) -> _T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_PATIENCE_S)
