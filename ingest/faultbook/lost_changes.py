"""What detection has reported and the database no longer knows: of a restored backup, or of a promoted standby."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from sqlalchemy import Engine, select

from ingest.faultbook.fault import key_text
from ingest.model.finding import Change, Raised
from ingest.schema import life
from ingest.schema.tables import faults

_CHUNK: Final = 500  # places per statement, below every database's limit of parameters


def lost_changes(engine: Engine, reported: Iterable[Change]) -> list[Change]:
    """Those of the reported conditions that no open fault holds, and no fault that was changed since.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the database is not to be had.
    """
    words = {key_text(word.key): word for word in reported if isinstance(word, Raised)}
    places, known = list(words), set[str]()
    query = select(faults.c.place, faults.c.state, faults.c.updated_at_us)
    with engine.connect() as connection:
        for start in range(0, len(places), _CHUNK):
            for row in connection.execute(query.where(faults.c.place.in_(places[start : start + _CHUNK]))):
                if row.state != life.CLOSED or row.updated_at_us >= words[row.place].at_us:
                    known.add(row.place)
    return [word for place, word in words.items() if place not in known]
