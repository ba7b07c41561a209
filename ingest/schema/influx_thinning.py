"""Old readings in InfluxDB: quarter-hour means in a retention policy of their own, as Parquet's upkeep makes them.

Pure: statements and what they answer. The bucket's default policy keeps every reading for a while and then forgets it;
``POLICY`` keeps the means. Ingest makes an hour's means when no agent can still hold readings of it, and notes how far
it is in ``PROGRESS``; from there on readers take the readings themselves.
"""

from __future__ import annotations

from typing import Final

from ingest.schema.influx import CABINETS, CIRCUITS, LAMPS, select
from ingest.schema.telemetry import LAMP_VALUES

POLICY: Final = "terang_thinned"
PROGRESS: Final = "thinning"  # measurement in the default policy: ``hours`` since 1970 that are thinned
HOUR_NS: Final = 3_600_000_000_000
THIN_S: Final = 900
_DEFAULT_POLICY: Final = "autogen"
_LONGEST_OUTBOX_DAYS: Final = 30
_SPARE_DAYS: Final = 7  # readings outlive their thinning by so much, should ingest stand still for a while
_MEANS: Final = tuple(column.name for column in LAMP_VALUES if column.is_mean)
_LAST: Final = tuple(column.name for column in LAMP_VALUES if not column.is_mean)


def full_days(full_resolution_days: int) -> int:
    """Days after which readings are thinned: never while an agent may still send some."""
    return max(full_resolution_days, _LONGEST_OUTBOX_DAYS)


def setup_statements(bucket: str, full_resolution_days: int, retention_days: int) -> tuple[str, ...]:
    """What an administrator tells InfluxDB 1 once, so that a bucket keeps what the city's settings say."""
    kept_days = full_days(full_resolution_days) + _SPARE_DAYS
    on, all_days = f"ON {_name(bucket)}", max(retention_days, kept_days)
    return (
        f'ALTER RETENTION POLICY "{_DEFAULT_POLICY}" {on} DURATION {kept_days}d SHARD DURATION 1d DEFAULT',
        f'CREATE RETENTION POLICY "{POLICY}" {on} DURATION {all_days}d REPLICATION 1 SHARD DURATION 7d',
    )


def policies_statement(bucket: str) -> str:
    """Asks which retention policies there are."""
    return f"SHOW RETENTION POLICIES ON {_name(bucket)}"


def thin_statements(start_ns: int, end_ns: int) -> tuple[str, ...]:
    """Make the means of a span, and keep its circuits and cabinets as they are; made again all lie on themselves.

    ``start_ns`` and ``end_ns`` are multiples of ``THIN_S``: so a span's means are the same in one piece or in several.
    """
    columns = [f'mean("{name}") AS "{name}"' for name in _MEANS] + [f'last("{name}") AS "{name}"' for name in _LAST]
    where = f"WHERE time >= {start_ns} AND time < {end_ns}"
    quarters = f"GROUP BY time({THIN_S}s), * fill(none)"
    means = f'SELECT {", ".join(columns)} INTO "{POLICY}"."{LAMPS}" FROM "{LAMPS}" {where} {quarters}'  # noqa: S608  # no foreign text in it
    whole = (
        f'SELECT * INTO "{POLICY}"."{name}" FROM "{name}" {where} GROUP BY *'  # noqa: S608  # as above
        for name in (CIRCUITS, CABINETS)
    )
    return means, *whole


def progress_statement() -> str:
    """Asks how many hours since 1970 are thinned."""
    return select(PROGRESS, ('last("hours") AS "hours"',))


def progress_line(hours: int, at_ns: int) -> str:
    """Notes how many are."""
    return f"{PROGRESS} hours={hours}i {at_ns}\n"


def _name(bucket: str) -> str:
    escaped = bucket.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
