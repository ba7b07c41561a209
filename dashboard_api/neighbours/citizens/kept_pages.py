"""The citizens' pages as bytes that are kept until what they show has changed.

A form depends on language and branding, the lamps of a map on the register, a report's page on the database. Used from
the event loop; what takes longer runs in a thread.
"""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from functools import partial
from hashlib import blake2b
from html import escape
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from fastapi import Request
from starlette.concurrency import run_in_threadpool

from dashboard_api.context import Context
from dashboard_api.errors import ApiError
from dashboard_api.formats.look import Look, look_of
from dashboard_api.http.answer_cache import AnswerCache
from dashboard_api.http.compression import LEVEL
from dashboard_api.http.json_answer import language_headers
from dashboard_api.http.prepared_answer import Lines, PreparedAnswer, header_lines, prepared
from dashboard_api.neighbours.citizens.filled_page import MARK, FilledPage
from dashboard_api.neighbours.citizens.lamp_choice import Box, LampPlaces
from dashboard_api.neighbours.citizens.page import POLICY, outcome_page, report_form
from dashboard_api.neighbours.citizens.report_intake import ReportIntake
from languages.catalogue import Catalogue

MOST_LOGO_BYTES: Final = 50_000  # the whole page is to stay below 100 kB
_SCRIPT: Final = Path(__file__).with_name("map.js")
_MAP_LINES: Final = header_lines("application/json", {"Cache-Control": "public, max-age=60"})
_MOST_BYTES: Final = 4 << 20  # of maps, and as much of reports: some thousand of each
_MINUTE_US: Final = 60_000_000
_LOOK_S: Final = 1.0  # whether the register was replaced
_log = logging.getLogger(__name__)


class KeptPages:
    """Makes and keeps them; one per app."""

    def __init__(self, context: Context, intake: ReportIntake) -> None:
        """Over the city's stores."""
        self._context = context
        self._intake = intake
        self._forms: dict[str, tuple[Look, FilledPage]] = {}
        self._lines: dict[tuple[str, str], tuple[Lines, Lines]] = {}
        self._maps = AnswerCache(_MOST_BYTES)
        self._reports = AnswerCache(_MOST_BYTES)
        self._places: tuple[int, LampPlaces] | None = None
        self._loading = threading.Lock()
        script = _SCRIPT.read_bytes()
        # of the script's own bytes: another one has another address
        self._script_mark = blake2b(script, digest_size=6).hexdigest()
        sniff = {"X-Content-Type-Options": "nosniff"}
        self._script, self._script_for_ever = (
            prepared(script, header_lines("text/javascript; charset=utf-8", {"Cache-Control": control, **sniff}))
            for control in ("public, max-age=3600", "public, max-age=31536000, immutable")
        )

    def look(self) -> Look:
        """The look of the citizens' pages."""
        return look_of(self._context.city, MOST_LOGO_BYTES)

    @property
    def script_address(self) -> str:
        """Where the form's script is, for good."""
        return f"/lapor/map.js?v={self._script_mark}"

    def script(self, mark: str) -> PreparedAnswer:
        """The form's script; for ever under the address that names its bytes."""
        return self._script_for_ever if mark == self._script_mark else self._script

    def form(self, catalogue: Catalogue, place: str) -> PreparedAnswer:
        """The form, with ``place`` filled in."""
        look = self.look()
        kept = self._forms.get(catalogue.language)
        if kept is None or kept[0] != look:
            page = report_form(catalogue, look, {"place": MARK}, script=self.script_address)
            kept = self._forms[catalogue.language] = (look, FilledPage(page))
        body, packed = kept[1].filled(escape(place).encode())
        return prepared(body, self._html_lines(catalogue, "no-cache"), packed=packed)

    async def map(self, box: Box | None) -> PreparedAnswer:
        """The lamps of a box, or some of all.

        Raises:
            UnavailableError: the database does not answer.
        """
        version, places = await self.places()
        kept = self._maps.get(box, version)
        if kept is not None:
            return kept
        body = json.dumps(places.choice(box), ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
        return self._maps.keep(box, version, prepared(body, _MAP_LINES, level=LEVEL))

    async def places(self) -> tuple[int, LampPlaces]:
        """The register's lamps and its version, read in a thread where the register has changed.

        Raises:
            UnavailableError: the database does not answer.
        """
        version = await self._context.answer(self._context.database.register_version_cached)
        if self._places is None or self._places[0] != version:
            return await run_in_threadpool(self._load)
        return self._places

    def _load(self) -> tuple[int, LampPlaces]:
        with self._loading:
            lamps = self._context.lamps()
            if self._places is None or self._places[0] != lamps.version:
                places = LampPlaces(lamps.properties["lamp_id"], lamps.longitude, lamps.latitude)
                self._places = (lamps.version, places)
            return self._places

    async def report(self, catalogue: Catalogue, number: str) -> PreparedAnswer | None:
        """What became of a report; None = there is no such report.

        Raises:
            UnavailableError: the database does not answer.
        """
        now_us = self._context.now_us()
        revision = self._context.database.revision()  # before the page is made of what stands there
        key, mark, look = (number, catalogue.language), (revision, now_us // _MINUTE_US), self.look()
        kept = None if revision is None else self._reports.get(key, (mark, look))
        if kept is not None:
            return kept
        found = await self._context.answer(partial(self._intake.outcome, number), is_short=False)
        if found is None:
            return None
        zone = ZoneInfo(self._context.city.city.timezone)
        page = outcome_page(catalogue, look, zone, *found, now_us)
        made = prepared(page.encode(), self._html_lines(catalogue, "private, no-cache"), level=LEVEL)
        return made if revision is None else self._reports.keep(key, (mark, look), made)

    def _html_lines(self, catalogue: Catalogue, control: str) -> tuple[Lines, Lines]:
        lines = self._lines.get((catalogue.language, control))
        if lines is None:
            headers = {**language_headers(catalogue), "Content-Security-Policy": POLICY, "Cache-Control": control}
            lines = self._lines[catalogue.language, control] = header_lines("text/html; charset=utf-8", headers)
        return lines

    async def run(self) -> None:
        """Read a new register's lamps before somebody asks for them, until cancelled."""
        while True:
            try:
                await self.places()
            except ApiError as error:
                _log.debug("citizens' map: %s", error)
            await asyncio.sleep(_LOOK_S)


def kept_pages_of(request: Request) -> KeptPages:
    """The app's."""
    found: KeptPages = request.app.state.kept_pages
    return found
