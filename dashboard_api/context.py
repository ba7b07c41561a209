"""What every request may use: the city, its stores, its clock, its words. Made once per app and passed in."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Final, TypeVar
from zoneinfo import ZoneInfo

from fastapi import Depends, Query, Request
from starlette.concurrency import run_in_threadpool

from dashboard_api.access.admission import Admission
from dashboard_api.access.anchors import keep_anchor
from dashboard_api.access.guard import Gate, address_of
from dashboard_api.access.key_file import FILE_NAME, KeyFile
from dashboard_api.access.oidc import OidcProvider
from dashboard_api.access.principal import Principal
from dashboard_api.access.rate_limits import RateLimits
from dashboard_api.access.refusals import Refusals
from dashboard_api.access.sign_in import SignIn
from dashboard_api.errors import BadRequestError
from dashboard_api.formats.times import iso
from dashboard_api.http.asked_language import asked_language, problem_words
from dashboard_api.live.lamp_states import LampStates, derive
from dashboard_api.live.picture import LivePicture, LiveReader
from dashboard_api.readings.store import ReadingStore, open_readings
from dashboard_api.store.audit import Actor, AuditLog, Name
from dashboard_api.store.engine import Database
from dashboard_api.store.fault_cache import FaultCache
from dashboard_api.store.photos import PhotoFolder
from dashboard_api.store.register_rows import LampColumns, load_lamp_columns
from dashboard_api.store.reports import close_settled
from dashboard_api.store.standing_faults import StandingFaults, marks
from ingest.schema.access_tables import ACCOUNTS_LOST_FILE
from ingest.schema.city import City
from languages.catalogue import Catalogue, load_languages, read_own_words

T = TypeVar("T")
# ingest's clock is taken for the city's where the two are further apart than this: a night is being replayed
_REPLAY_US: Final = 300 * 1_000_000
_LARGE: Final = 100_000  # lamps


def wall_us() -> int:
    """Now, UTC microseconds."""
    return time.time_ns() // 1000


class Context:
    """The city's stores, its clock and its words."""

    def __init__(self, city: City, clock: Callable[[], int] = wall_us, *, is_loopback: bool = True) -> None:
        """Prepare the stores; nothing is opened before its first use. ``is_loopback``: only this machine can ask.

        Raises:
            UnusableError: a URL of ``city.toml`` is broken.
            CatalogueError: a catalogue of words cannot be read.
        """
        self.city = city
        self.database = Database(city)
        self.faults = FaultCache(self.database)
        self.live = LiveReader(city.data_folder)
        self.photos = PhotoFolder(city.data_folder)
        self.readings: ReadingStore = open_readings(city)
        self.languages = load_languages(own=city.words_folder)
        self.own_words = read_own_words(city.words_folder)
        self.key_file = KeyFile(
            city.data_folder / FILE_NAME if city.web.key_file is None else city.folder / city.web.key_file
        )
        self.audit = AuditLog(lambda: self.key_file.derived("audit"), clock)
        self.admission = Admission(
            self.database,
            clock,
            is_loopback=is_loopback,
            is_always_closed=bool(city.oidc.issuer),
            are_accounts_lost=(city.data_folder / ACCOUNTS_LOST_FILE).exists,
        )
        limits = RateLimits(city.web.public_per_minute, city.web.session_per_minute)
        self.refusals = Refusals(self.database, self.audit, clock)
        self.gate = Gate(
            self.admission,
            limits,
            city.web.allowed_origins,
            self.refusals,
            is_in_process=self.database.is_in_process,
        )
        self.sign_in = SignIn(self.database, self.admission, self.audit, self.refusals, self.key_file.derived, clock)
        self.oidc = OidcProvider(city.oidc, city.oidc_secret, clock)
        self._clock = clock
        self._lock = threading.Lock()
        self._lamps: LampColumns | None = None
        self._standing = StandingFaults(self.database)
        self._deriving = threading.Lock()
        self._states: LampStates | None = None
        self._made_of: tuple[LampColumns, LivePicture | None, int] | None = None

    def now_us(self) -> int:
        """The city's present time: that of ingest where it replays another time, else the wall clock's."""
        wall = self._clock()
        picture = self.live.read()
        if picture is None:
            return wall
        # the picture's now has aged by what passed since it was written
        now = picture.now_us + max(0, wall - picture.written_at_us)
        return now if abs(now - wall) > _REPLAY_US else wall

    def wall_us(self) -> int:
        """The wall clock's time, UTC microseconds."""
        return self._clock()

    def lamps(self) -> LampColumns:
        """The register's lamps as columns, read anew when the register was replaced.

        Raises:
            UnavailableError: the database does not answer.
        """
        return self._lamps_of(self.database.register_version())

    def _lamps_of(self, version: int) -> LampColumns:
        with self._lock:
            if self._lamps is None or self._lamps.version != version:
                self._lamps = load_lamp_columns(self.database)
                if len(self._lamps) >= _LARGE:
                    # A full collection of garbage goes through every entry of these columns and holds the interpreter
                    # meanwhile: 80 ms for a million lamps, 500 ms the first time. There is no garbage in them.
                    gc.collect()
                    gc.freeze()
            return self._lamps

    def picture(self, lamps: LampColumns) -> LivePicture | None:
        """The live picture, if it belongs to the same version of the register."""
        picture = self.picture_of(lamps.version)
        return None if picture is None or len(picture) != len(lamps) else picture

    def picture_of(self, register_version: int) -> LivePicture | None:
        """The live picture, if it belongs to that version of the register."""
        picture = self.live.read()
        return None if picture is None or picture.register_version != register_version else picture

    def lamp_states(self) -> tuple[LampColumns, LampStates]:
        """The register's lamps and what each does now, derived anew when picture, register or a fault changed.

        Raises:
            UnavailableError: the database does not answer.
        """
        mark, version = self.states_mark()
        lamps = self._lamps_of(version)
        states = self._states
        if states is None or states.mark != mark:
            with self._deriving:
                states = self._states
                if states is None or states.mark != mark:
                    generation, standing = self._standing.read(lamps)
                    picture = self.picture(lamps)
                    made_of = (lamps, picture, generation)
                    if states is not None and made_of == self._made_of:
                        states = replace(states, mark=mark)
                    else:
                        states = derive(mark, len(lamps), lamps.metering, picture, standing)
                    self._states, self._made_of = states, made_of
        return lamps, states

    def states_mark(self) -> tuple[str, int]:
        """The mark under which lamps' states are derived now, and the register's version.

        Raises:
            UnavailableError: the database does not answer.
        """
        seq, version = marks(self.database)
        picture = self.picture_of(version)
        return f"{version}-{0 if picture is None else picture.number}-{seq}", version

    def upkeep(self) -> tuple[Callable[[], None], ...]:
        """What is to be done now and then beside the requests."""
        return (
            self.admission.write_use,
            self.refusals.write,
            self.sign_in.throttle.forget_old,
            self.keep_anchor,
            self.close_reports,
            self.database.keep_reports,
        )

    def keep_anchor(self) -> None:
        """Write the audit log's head, and today's anchor if there is none yet.

        Raises:
            UnavailableError: the database does not answer.
            UnusableError: the audit key cannot be read.
            OSError: the files cannot be written.
        """
        today = datetime.fromtimestamp(self._clock() / 1e6, ZoneInfo(self.city.city.timezone)).date()
        keep_anchor(self.database, lambda: self.key_file.derived("audit"), self.city.data_folder, today.isoformat())

    def close_reports(self) -> None:
        """Close citizens' reports that have their outcome; their contacts are deleted with it.

        Raises:
            UnavailableError: the database does not answer.
        """
        close_settled(self.database, self.now_us())

    def live_age_s(self) -> float | None:
        """Seconds since ingest wrote the live picture; None = it has written none."""
        picture = self.live.read()
        return None if picture is None else round(picture.age_us(self._clock()) / 1e6, 1)

    def newest_record_age_s(self) -> float | None:
        """Seconds from the newest reading of the live picture to the city's now; None = there is none."""
        picture = self.live.read()
        newest_us = 0 if picture is None else int(picture.columns["at_us"].max(initial=0))
        return None if not newest_us else round((self.now_us() - newest_us) / 1e6, 1)

    def live_figures(self, picture: LivePicture | None) -> dict[str, str | float | None]:
        """Time and age of the picture whose states an answer shows; null where it shows none."""
        if picture is None:
            return {"live_at": None, "live_age_s": None}
        age_s = round(picture.age_us(self._clock()) / 1e6, 1)
        return {"live_at": iso(picture.now_us), "live_age_s": age_s}

    async def answer(self, task: Callable[[], T], *, is_short: bool = True) -> T:
        """Run a task that reads the stores without blocking the event loop.

        A round trip to a thread costs as much as a short query on a local file, and meanwhile loop and thread contend
        for the interpreter: so a short task runs in the loop. What may take longer than a few milliseconds, and
        whatever waits for a server, runs in a thread.
        """
        if is_short and self.database.is_in_process:
            return task()
        return await run_in_threadpool(task)

    def close(self) -> None:
        """Close the stores."""
        self.database.close()
        self.readings.close()


# These three are coroutines although they wait for nothing: FastAPI would send each plain function to a thread, for
# every request, and the way there and back costs as much as a small query.


async def context_of(request: Request) -> Context:
    """The app's context."""
    context: Context = request.app.state.context
    return context


async def principal_of(request: Request) -> Principal:
    """Who sends a request, as the route's guard has found out."""
    principal: Principal = request.state.principal
    return principal


async def actor_of(request: Request) -> Actor:
    """Who acts by a request, and from where: for the timeline and the audit log."""
    principal = await principal_of(request)
    return Actor(Name(principal.id, principal.name), address_of(request.scope))


def language_wish(request: Request, context: Context) -> str | None:
    """The language that a request asks for and that there is: ``?lang=``, else ``Accept-Language``, else None."""
    return asked_language(request.scope, context.languages)


async def catalogue_of(
    request: Request,
    lang: Annotated[
        str | None,
        Query(description="language of the words in the answer; default: by Accept-Language, else the city's own"),
    ] = None,
) -> Catalogue:
    """The words of an answer.

    Raises:
        BadRequestError: ``lang`` names a language that there is not.
    """
    context = await context_of(request)
    if lang is not None and lang not in context.languages:
        raise BadRequestError("not_one_of", name="lang", value=lang, known=list(context.languages.codes))
    return context.languages[language_wish(request, context) or context.city.city.language]


def problem_catalogue(request: Request) -> Catalogue:
    """The words of a problem document: the language that the request asks for, else English, for programmers."""
    context: Context = request.app.state.context
    return problem_words(request.scope, context.languages)


ContextOf = Annotated[Context, Depends(context_of)]
CatalogueOf = Annotated[Catalogue, Depends(catalogue_of)]
PrincipalOf = Annotated[Principal, Depends(principal_of)]
ActorOf = Annotated[Actor, Depends(actor_of)]
