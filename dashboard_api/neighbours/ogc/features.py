"""Features as GeoJSON in bytes: each is serialised once, pages are joined from the pieces.

A page begins behind the id of the last feature of the page before, in the order of ids. So who pages through a
collection while it changes meets each feature that stays exactly once.
"""

from __future__ import annotations

import json
import threading
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from dashboard_api.context import Context
from dashboard_api.neighbours.ogc.mapping import STATE_NAMES, cabinet_properties, fault_properties, lamp_properties
from dashboard_api.neighbours.ogc.parameters import Box, ItemQuery, touches_antimeridian
from dashboard_api.store.public_rows import (
    PublicFilter,
    count_public_faults,
    extent_of_faults,
    one_public_fault,
    public_cabinets,
    public_faults,
    public_lamps,
)
from dashboard_api.store.register_rows import LampColumns
from languages.catalogue import Catalogue

_KEPT_LAMPS: Final = 200_000  # serialised lamps, some 500 bytes each
_STATES: Final = tuple(b',"state":"%b"}}' % name.encode() for name in STATE_NAMES)


@dataclass(frozen=True, slots=True)
class FeaturePage:
    """One page.

    Attributes:
        features: GeoJSON features in UTF-8.
        n_matched: features of all pages together, None where counting would cost more than the page.
        last_id: of the page's last feature, where another page follows; else None.
    """

    features: list[bytes]
    n_matched: int | None
    last_id: str | None


@dataclass(frozen=True, slots=True)
class Extent:
    """Where and when the features of a collection lie; None = nowhere, or no time."""

    bbox: Box | None
    first_us: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class LampOrder:
    """The lamps of one register in the order of their ids, (N,) each.

    Attributes:
        ids: sorted.
        row: int64 (N,) index in register order.
        latitude: float64 (N,) degrees; so longitude.
    """

    columns: LampColumns
    ids: list[str]
    row: npt.NDArray[np.int64]
    latitude: npt.NDArray[np.float64]
    longitude: npt.NDArray[np.float64]

    def in_box(self, box: Box) -> npt.NDArray[np.bool_]:
        """Whether each lamp lies in the box or on its edge, bool (N,)."""
        west, south, east, north = box
        longitude = self.longitude
        if west <= east:
            across = (longitude >= west) & (longitude <= east)
        else:
            across = (longitude >= west) | (longitude <= east)
        if touches_antimeridian(box):
            across |= np.abs(longitude) == 180
        return across & (self.latitude >= south) & (self.latitude <= north)


def _order(columns: LampColumns) -> LampOrder:
    lamp_ids: Sequence[str] = columns.properties["lamp_id"]
    row = np.array(sorted(range(len(lamp_ids)), key=lamp_ids.__getitem__), np.int64)
    ids = [lamp_ids[index] for index in row.tolist()]
    return LampOrder(columns, ids, row, columns.latitude[row], columns.longitude[row])


class LampFeatures:
    """The lamps. Safe to call from threads."""

    def __init__(self, context: Context) -> None:
        """Over the city's stores."""
        self._context = context
        self._lock = threading.Lock()
        self._order: LampOrder | None = None
        self._texts: dict[int, bytes] = {}  # place in the order -> feature without state

    def page(self, query: ItemQuery, catalogue: Catalogue) -> FeaturePage:  # noqa: ARG002  (as its siblings)
        """One page of lamps.

        Raises:
            UnavailableError: the database does not answer.
        """
        order = self._ordered()
        start = 0 if query.after is None else bisect_right(order.ids, query.after)
        if query.bbox is None and not query.equal:
            n_matched = len(order.ids)
            places = list(range(start, min(n_matched, start + query.limit)))
            is_more = start + query.limit < n_matched
        else:
            chosen = np.ones(len(order.ids), bool) if query.bbox is None else order.in_box(query.bbox)
            if "district" in query.equal:
                name, columns = query.equal["district"], order.columns
                number = columns.districts.index(name) if name in columns.districts[:-1] else -1
                chosen &= columns.district[order.row] == number
            matched = np.flatnonzero(chosen)
            n_matched = len(matched)
            behind = int(np.searchsorted(matched, start))
            places = matched[behind : behind + query.limit].tolist()
            is_more = behind + query.limit < n_matched
        last_id = order.ids[places[-1]] if is_more else None
        return FeaturePage(self._features(order, places), n_matched, last_id)

    def one(self, feature_id: str, catalogue: Catalogue) -> bytes | None:  # noqa: ARG002  (as its siblings)
        """A lamp's feature, None where there is no such lamp."""
        order = self._ordered()
        place = bisect_left(order.ids, feature_id)
        if place == len(order.ids) or order.ids[place] != feature_id:
            return None
        return next(iter(self._features(order, [place])), None)

    def extent(self) -> Extent:
        """The smallest box that holds all lamps."""
        columns = self._context.lamps()
        if not len(columns):
            return Extent(None)
        longitude, latitude = columns.longitude, columns.latitude
        return Extent((float(longitude.min()), float(latitude.min()), float(longitude.max()), float(latitude.max())))

    def _ordered(self) -> LampOrder:
        columns = self._context.lamps()
        with self._lock:
            if self._order is None or self._order.columns is not columns:
                self._order = _order(columns)
                self._texts = {}
            return self._order

    def _features(self, order: LampOrder, places: list[int]) -> list[bytes]:
        texts = self._texts_of(order, places)
        lamps, now = self._context.lamp_states()
        if lamps is not order.columns:  # another register has come into force since
            return [texts[place] + _STATES[0] for place in places if place in texts]
        states = now.state[order.row[places]].tolist()
        return [texts[place] + _STATES[state] for place, state in zip(places, states, strict=True) if place in texts]

    def _texts_of(self, order: LampOrder, places: list[int]) -> Mapping[int, bytes]:
        """Features without state; a lamp that has just left the register is left out."""
        with self._lock:
            kept = self._texts if self._order is order else {}
            found = {place: kept[place] for place in places if place in kept}
        missing = [place for place in places if place not in found]
        if not missing:
            return found
        place_of = {order.ids[place]: place for place in missing}
        extra = self._context.city.public.columns
        made = {
            place_of[row.lamp_id]: _feature(row.lamp_id, row, lamp_properties(row, extra))[:-2]
            for row in public_lamps(self._context.database, list(place_of))
        }
        with self._lock:
            # what was read after the register was replaced belongs to no order that is known
            if self._order is order and self._context.database.register_version() == order.columns.version:
                if len(self._texts) + len(made) > _KEPT_LAMPS:
                    self._texts = {}
                self._texts.update(made)
        return found | made


class CabinetFeatures:
    """The cabinets: a few hundred, read anew for each page."""

    def __init__(self, context: Context) -> None:
        """Over the city's stores."""
        self._context = context

    def page(self, query: ItemQuery, catalogue: Catalogue) -> FeaturePage:  # noqa: ARG002  (as its siblings)
        """One page of cabinets; those without a place are in every box.

        Raises:
            UnavailableError: the database does not answer.
        """
        rows = sorted(public_cabinets(self._context.database), key=lambda row: str(row.cabinet_id))
        matched = [row for row in rows if query.bbox is None or _is_in_box(row, query.bbox)]
        start = 0 if query.after is None else bisect_right(matched, query.after, key=lambda row: str(row.cabinet_id))
        shown = matched[start : start + query.limit]
        last_id = shown[-1].cabinet_id if start + query.limit < len(matched) else None
        return FeaturePage([self._feature(row) for row in shown], len(matched), last_id)

    def one(self, feature_id: str, catalogue: Catalogue) -> bytes | None:  # noqa: ARG002  (as its siblings)
        """A cabinet's feature, None where there is no such cabinet."""
        rows = public_cabinets(self._context.database)
        return next((self._feature(row) for row in rows if row.cabinet_id == feature_id), None)

    def extent(self) -> Extent:
        """The smallest box that holds all cabinets with a place."""
        rows = [row for row in public_cabinets(self._context.database) if _has_place(row)]
        if not rows:
            return Extent(None)
        longitude, latitude = [row.longitude for row in rows], [row.latitude for row in rows]
        return Extent((min(longitude), min(latitude), max(longitude), max(latitude)))

    def _feature(self, row: Any) -> bytes:
        return _feature(row.cabinet_id, row, cabinet_properties(row, self._context.city.public.columns))


class FaultFeatures:
    """The faults, closed ones too, but for those that another one explains."""

    def __init__(self, context: Context) -> None:
        """Over the city's stores."""
        self._context = context

    def page(self, query: ItemQuery, catalogue: Catalogue) -> FeaturePage:
        """One page of faults; those without a place are in every box. They are counted for the first page.

        Raises:
            BadRequestError: the filter names what there is not.
            UnavailableError: the database does not answer.
        """
        wanted = PublicFilter(
            after=query.after,
            bbox=query.bbox,
            touches_antimeridian=query.bbox is not None and touches_antimeridian(query.bbox),
            interval=query.interval,
            equal=query.equal,
            where=query.where,
        )
        rows = public_faults(self._context.database, wanted, query.limit + 1)
        shown = rows[: query.limit]
        n_matched = len(shown) if query.after is None else None
        if len(rows) > query.limit and query.after is None:
            n_matched = count_public_faults(self._context.database, wanted)
        last_id = shown[-1].id if len(rows) > query.limit else None
        return FeaturePage(
            [_feature(row.id, row, fault_properties(row, catalogue)) for row in shown], n_matched, last_id
        )

    def one(self, feature_id: str, catalogue: Catalogue) -> bytes | None:
        """A fault's feature, None where there is no such fault."""
        row = one_public_fault(self._context.database, feature_id)
        return None if row is None else _feature(row.id, row, fault_properties(row, catalogue))

    def extent(self) -> Extent:
        """The smallest box that holds all faults with a place, and when the first one opened."""
        return Extent(*extent_of_faults(self._context.database))


def sources_of(context: Context) -> Mapping[str, LampFeatures | FaultFeatures | CabinetFeatures]:
    """The collections' features by collection id."""
    made: dict[str, Callable[[Context], LampFeatures | FaultFeatures | CabinetFeatures]] = {
        "lamps": LampFeatures,
        "faults": FaultFeatures,
        "cabinets": CabinetFeatures,
    }
    return {name: make(context) for name, make in made.items()}


def _has_place(row: Any) -> bool:
    return row.latitude is not None and row.longitude is not None


def _is_in_box(row: Any, box: Box) -> bool:
    if not _has_place(row):
        return True
    west, south, east, north = box
    across = west <= row.longitude <= east if west <= east else row.longitude >= west or row.longitude <= east
    across = across or (touches_antimeridian(box) and abs(row.longitude) == 180)
    return bool(across and south <= row.latitude <= north)


def _feature(feature_id: str, row: Any, properties: Mapping[str, Any]) -> bytes:
    geometry = {"type": "Point", "coordinates": [row.longitude, row.latitude]} if _has_place(row) else None
    feature = {"type": "Feature", "id": feature_id, "geometry": geometry, "properties": properties}
    return json.dumps(feature, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
