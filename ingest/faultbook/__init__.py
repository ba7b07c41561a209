"""The fault book: stores confirmed faults in the database, with state, priority and timeline."""

from ingest.faultbook.book import Applied, FaultBook
from ingest.faultbook.fault_locator import FaultLocator

__all__ = ["Applied", "FaultBook", "FaultLocator"]
