"""Sampling profiles of periodic loggers: at which moments a sample is due. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from dashboard_api.errors import BadRequestError
from dashboard_api.neighbours.talq.errors import RefusedError
from dashboard_api.neighbours.talq.program_model import Part, Text
from dashboard_api.neighbours.talq.programs import TOO_MUCH
from languages.message import Message

MOST_PROFILES: Final = 10
SHORTEST_S: Final = 60
LONGEST_S: Final = 31 * 86_400
_PERIOD: Final = re.compile(r"P(?:(\d{1,4})D)?(?:T(?:(\d{1,5})H)?(?:(\d{1,6})M)?(?:(\d{1,8})S)?)?", re.ASCII)
_SECONDS: Final = (86_400, 3600, 60, 1)


class SamplingProfile(Part):
    """When samples are taken."""

    samplingStartTime: Text  # noqa: N815  (the data model's name)
    samplingPeriod: Text | None = None  # noqa: N815
    samplingEndTime: Text | None = None  # noqa: N815


@dataclass(frozen=True, slots=True)
class Profile:
    """Samples from a moment on, in a period, up to a moment or for good [us, UTC]."""

    start_us: int
    period_us: int
    end_us: int | None = None

    def newest_us(self, now_us: int) -> int | None:
        """The newest moment of a sample that is not after ``now_us``, None = there was none yet."""
        last_us = now_us if self.end_us is None else min(now_us, self.end_us)
        if last_us < self.start_us:
            return None
        return self.start_us + (last_us - self.start_us) // self.period_us * self.period_us


def newest_sample_us(profiles: Sequence[Profile], now_us: int) -> int | None:
    """The newest moment of a sample of any profile, None = there was none yet."""
    found = [at_us for one in profiles if (at_us := one.newest_us(now_us)) is not None]
    return max(found, default=None)


def profiles_of(described: Sequence[SamplingProfile] | None, where: str) -> tuple[Profile, ...]:
    """Profiles as they work.

    Raises:
        BadRequestError: not as the data model describes them.
        RefusedError: a single sample, or a period that is too short or too long.
    """
    if not described:
        raise BadRequestError("bad_member", where=where, reason=Message("value.missing"))
    if len(described) > MOST_PROFILES:
        raise RefusedError(TOO_MUCH, where, Message("value.many", n=MOST_PROFILES))
    return tuple(_profile(one, where) for one in described)


def _profile(one: SamplingProfile, where: str) -> Profile:
    start_us = _moment_us(one.samplingStartTime, f"{where}.samplingStartTime")
    end_us = None if one.samplingEndTime is None else _moment_us(one.samplingEndTime, f"{where}.samplingEndTime")
    if end_us is not None and end_us < start_us:
        raise BadRequestError("bad_member", where=f"{where}.samplingEndTime", reason=Message("talq.ends_before"))
    where = f"{where}.samplingPeriod"
    if one.samplingPeriod is None:
        raise RefusedError(TOO_MUCH, where, Message("talq.sampled_once"))
    match = _PERIOD.fullmatch(one.samplingPeriod)
    if match is None or not any(match.groups()):
        raise BadRequestError("bad_member", where=where, reason=Message("talq.period"))
    period_s = sum(int(n) * seconds for n, seconds in zip(match.groups(), _SECONDS, strict=True) if n)
    if not SHORTEST_S <= period_s <= LONGEST_S:
        raise RefusedError(TOO_MUCH, where, Message("talq.sampling_period", least=SHORTEST_S, most=LONGEST_S))
    return Profile(start_us, period_s * 1_000_000, end_us)


def _moment_us(text: str, where: str) -> int:
    try:
        at = datetime.fromisoformat(text)
        at_us = None if at.tzinfo is None else round(at.timestamp() * 1e6)
    except (ValueError, OverflowError):
        at_us = None
    if at_us is None:
        raise BadRequestError("bad_member", where=where, reason=Message("value.time"))
    return at_us
