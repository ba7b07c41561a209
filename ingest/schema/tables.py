"""The relational tables: register, faults and their timeline, controllers, commands, maintenance.

Times are UTC microseconds since 1970 (``…_at_us``, BigInteger); lists and free properties are JSON. The same
definitions serve SQLite (WAL) and PostgreSQL; alembic migrations build them.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ColumnClause,
    Connection,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    literal_column,
    text,
)

metadata: Final = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)
# SQLite gives growing rowids to INTEGER keys alone
_SERIAL: Final = BigInteger().with_variant(Integer, "sqlite")

# One row: the version of the register that is in `lamps` and `cabinets`, and when it was imported.
register = Table(
    "register",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("imported_at_us", BigInteger, nullable=False),
    Column("source", Text, nullable=False),
    Column("digest", String(64), nullable=False),  # SHA-256 over both CSV files
)

lamps = Table(
    "lamps",
    metadata,
    Column("lamp_id", String(128), primary_key=True),
    Column("row", Integer, nullable=False, index=True),  # 0-based register order: the index in every column
    Column("cabinet_id", String(128), index=True),
    Column("circuit", String(64)),
    Column("position", Integer),
    Column("position_source", String(16)),
    Column("latitude", Float, nullable=False),
    Column("longitude", Float, nullable=False),
    Column("rated_power_w", Float),
    Column("technology", String(8), nullable=False),
    Column("bus", String(64)),
    Column("address", Integer),
    Column("profile", String(64)),
    Column("phase", String(1)),
    Column("is_dimmable", Boolean, nullable=False),
    Column("street", Text),
    Column("district", Text),
    Column("village", Text),
    Column("road_class", Text),
    Column("installed_on", String(10)),
    Column("extra", JSON, nullable=False),  # unknown columns of the register, shown as they are
    Index("ix_lamps_place", "latitude", "longitude"),
)

cabinets = Table(
    "cabinets",
    metadata,
    Column("cabinet_id", String(128), primary_key=True),
    Column("controller_id", String(128), index=True),
    Column("name", Text),
    Column("latitude", Float),
    Column("longitude", Float),
    Column("district", Text),
    Column("village", Text),
    Column("supply_account", String(64)),
    Column("supply_va", Float),
    Column("transformer", Text),
    Column("metered", String(16)),
    Column("switching", String(16)),
    Column("extra", JSON, nullable=False),
)

faults = Table(
    "faults",
    metadata,
    Column("id", String(26), primary_key=True),  # ULID
    Column("code", String(40), nullable=False),
    Column("level", String(12), nullable=False),
    Column("severity", String(12), nullable=False),
    Column("priority", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("place", Text, nullable=False, index=True),  # code + place in one key: one fault per cause and place
    Column("opened_at_us", BigInteger, nullable=False),
    Column("updated_at_us", BigInteger, nullable=False),
    Column("closed_at_us", BigInteger),
    Column("is_verified", Boolean, nullable=False),  # telemetry proved the repair
    Column("lamp_id", String(128), index=True),
    Column("lamp_ids", JSON, nullable=False),
    Column("cabinet_id", String(128), index=True),
    Column("controller_id", String(128)),
    Column("bus", String(64)),
    Column("circuit", String(64)),
    Column("span_after", String(128)),
    Column("span_before", String(128)),
    Column("latitude", Float),
    Column("longitude", Float),
    Column("street", Text),
    Column("district", Text),
    Column("caused_by", String(26)),  # id of the fault that explains it; such a one is left out of lists
    Column("assignee", Text),
    Column("version", Integer, nullable=False),  # what people see change; a new priority alone is no new version
    Column("evidence", JSON, nullable=False),
    Column("started_at_us", BigInteger),  # work on it began; of an assigned fault
    Column("deferred_until_us", BigInteger),  # it cannot be repaired before; of an acknowledged fault
    # Grows by one with every UPDATE of the row, whoever writes it: who keeps what it made of a row knows by this number
    # whether it still holds.
    Column("revision", Integer, nullable=False, server_default=text("0"), onupdate=text("revision + 1")),
    Index("ix_faults_order", "state", "priority", "id"),
    Index("ix_faults_age", "opened_at_us", "id"),
)
# What lists of faults that are not closed are read from: a few thousand, beside all that ever closed. Each index holds
# what such a list filters by, orders by and answers, so that no row is fetched for a fault that is not on the page.
_CLOSED: Final[ColumnClause[str]] = literal_column(
    "'closed'"
)  # written out, since a parameter would hide it from the planners
FAULT_IS_OPEN: Final = faults.c.state != _CLOSED
_LISTED: Final = (faults.c.id, faults.c.caused_by, faults.c.state, faults.c.revision)
for _name, _columns in (
    ("priority", (faults.c.priority.desc(),)),
    ("age", (faults.c.opened_at_us.desc(),)),
    ("district", (faults.c.district, faults.c.priority.desc())),
    ("code", (faults.c.code, faults.c.priority.desc())),
    ("place", (faults.c.latitude, faults.c.longitude, faults.c.priority)),
    ("level", (faults.c.level, faults.c.priority)),
):
    Index(f"ix_faults_open_{_name}", *_columns, *_LISTED, sqlite_where=FAULT_IS_OPEN, postgresql_where=FAULT_IS_OPEN)

# The timeline of every fault, and the feed that the live events are read from: `seq` only grows.
fault_events = Table(
    "fault_events",
    metadata,
    Column("seq", _SERIAL, primary_key=True, autoincrement=True),
    Column("fault_id", String(26), ForeignKey("faults.id"), nullable=False, index=True),
    Column("at_us", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    Column("kind", String(24), nullable=False),
    Column("state", String(16), nullable=False),  # after this event
    Column("version", Integer, nullable=False),  # of the fault after this event
    Column("note", Text),
    Column("action_id", String(26)),  # the client's ULID: a repeat gets the same answer
    Column("data", JSON, nullable=False),
    UniqueConstraint("action_id"),
)
_REPAIR: Final[ColumnClause[str]] = literal_column("'repair'")
_IS_REPAIR: Final = fault_events.c.kind == _REPAIR
Index("ix_fault_events_repairs", fault_events.c.seq, sqlite_where=_IS_REPAIR, postgresql_where=_IS_REPAIR)
_EVENTS_LOCK: Final = 0x7465_7265  # any number, the same for all of Terang's processes


def wait_for_events(connection: Connection) -> None:
    """Let nobody else write ``fault_events`` until this transaction ends; the last lock to take, before the insert.

    PostgreSQL gives ``seq`` at the insert and shows the row at the commit. Two writers at once could show the higher
    one first, and a reader that asks for what came after the newest one it knows would pass over the other for good.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the database is not to be had.
    """
    if connection.dialect.name == "postgresql":  # SQLite has one writer at a time anyway
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _EVENTS_LOCK})


# Where each controller's session and outbox stand; everything up to `stored_sequence` is durable.
controllers = Table(
    "controllers",
    metadata,
    Column("controller_id", String(128), primary_key=True),
    Column("epoch", String(20), nullable=False),  # UInt64 as decimal text: neither store has an unsigned 64-bit column
    Column("stored_sequence", BigInteger, nullable=False),
    Column("is_online", Boolean, nullable=False),
    Column("last_seen_us", BigInteger, nullable=False),
    Column("agent_version", Text),
    Column("sweep_interval_s", Integer),
)

commands = Table(
    "commands",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("requested_at_us", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    Column("kind", String(16), nullable=False),  # dim
    Column("lamp_ids", JSON, nullable=False),
    Column("level", Integer),  # %, null = back to schedule
    Column("until_us", BigInteger),
    Column("state", String(16), nullable=False, index=True),  # queued, sent, confirmed, failed
    Column("updated_at_us", BigInteger, nullable=False),
    Column("result", JSON, nullable=False),
)

maintenance = Table(
    "maintenance",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("cabinet_id", String(128)),
    Column("circuit", String(64)),
    Column("lamp_id", String(128)),
    Column("from_us", BigInteger, nullable=False),
    Column("until_us", BigInteger, nullable=False, index=True),
    Column("actor", Text, nullable=False),
    Column("note", Text),
)

# Energy of each cabinet by hour, from its counters; written by ingest's roll-up, renewed when late readings arrive.
energy_hours = Table(
    "energy_hours",
    metadata,
    Column("cabinet_id", String(128), primary_key=True),
    Column("hour_us", BigInteger, primary_key=True, autoincrement=False),  # the hour's start
    Column("measured_wh", Float, nullable=False),
    Column("interpolated_wh", Float, nullable=False),
    Column("estimated_wh", Float, nullable=False),  # of lamps without any counter: lit hours x expected power
    Column("lit_hours", Float, nullable=False),  # mean over the cabinet's lamps
)

# The time of each cabinet's oldest reading: before it, nothing of the cabinet is estimated.
cabinets_heard = Table(
    "cabinets_heard",
    metadata,
    Column("cabinet_id", String(128), primary_key=True),
    Column("first_us", BigInteger, nullable=False),
)
