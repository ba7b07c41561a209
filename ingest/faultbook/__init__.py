"""The fault book: gives what detection confirms a life, a priority and a timeline, and keeps it in the database."""

from ingest.faultbook.book import Applied, FaultBook
from ingest.faultbook.fault_locator import FaultLocator

__all__ = ["Applied", "FaultBook", "FaultLocator"]
