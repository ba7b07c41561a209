"""Sends one document to one address; nothing of the answer is read but its status."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

import httpx

_TIMEOUT: Final = httpx.Timeout(10.0)
_MOST_S: Final = 30.0  # until the status is there, however slowly a head comes in
_LONGEST_REASON: Final = 200


def is_success(status: int | str) -> bool:
    """Whether a status says that all is well."""
    return isinstance(status, int) and 200 <= status < 300


class Sender:
    """A client that follows no redirection, asks no proxy and keeps no cookie."""

    def __init__(self, transport: httpx.AsyncBaseTransport | None = None) -> None:
        """``transport``: another way out than the network."""
        limits = httpx.Limits(max_connections=20, max_keepalive_connections=10)
        self._client = httpx.AsyncClient(
            timeout=_TIMEOUT, follow_redirects=False, trust_env=False, limits=limits, transport=transport
        )

    async def send(self, method: str, address: str, body: bytes, headers: Mapping[str, str]) -> str | None:
        """Why it did not arrive; None where the other side answered with a status of 200 to 299."""
        found = await self.status(method, address, body, headers)
        if isinstance(found, str):
            return found
        return None if is_success(found) else f"status {found}"

    async def status(self, method: str, address: str, body: bytes, headers: Mapping[str, str]) -> int | str:
        """The status that the other side answered with, or in words why there was no answer."""
        try:
            async with (
                asyncio.timeout(_MOST_S),
                self._client.stream(method, address, content=body, headers=dict(headers)) as answer,
            ):
                return answer.status_code
        except TimeoutError:
            return f"no answer within {_MOST_S:.0f} s"
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, OSError) as error:
            return f"{type(error).__name__}: {error}"[:_LONGEST_REASON]

    async def close(self) -> None:
        """Close its connections."""
        await self._client.aclose()
