"""The loggers that management systems made, as they work now."""

from __future__ import annotations

from collections.abc import Iterator

from dashboard_api.errors import BadRequestError
from dashboard_api.neighbours.talq.devices import Devices, DeviceSource
from dashboard_api.neighbours.talq.groups import Groups, GroupSource
from dashboard_api.neighbours.talq.loggers import Logger, logger_of
from dashboard_api.store.engine import Database
from dashboard_api.store.talq_documents import LOGGERS, Documents, read_documents


class LoggerSource:
    """The loggers of a city. Safe to call from threads."""

    def __init__(self, database: Database, devices: DeviceSource, groups: GroupSource) -> None:
        """Over the city's stores."""
        self._database = database
        self._devices = devices
        self._groups = groups

    def documents(self) -> Documents:
        """The loggers as they were put in, by address.

        Raises:
            UnavailableError: the database does not answer.
        """
        return read_documents(self._database, LOGGERS)

    def loggers(self) -> list[Logger]:
        """The loggers with their lists looked up.

        Raises:
            UnavailableError: the database does not answer.
        """
        documents = self.documents()
        if not documents:
            return []
        devices = self._devices.devices()
        return list(_working(documents, devices, self._groups.groups(devices)))

    def one(self, address: str) -> Logger | None:
        """A logger with its lists looked up.

        Raises:
            UnavailableError: the database does not answer.
        """
        return next((one for one in self.loggers() if one.address == address), None)


def _working(documents: Documents, devices: Devices, groups: Groups) -> Iterator[Logger]:
    for document in documents.values():
        try:
            yield logger_of(document, devices, groups, is_checked=True)
        except BadRequestError:  # of an earlier version, with another idea of what can be followed
            continue
