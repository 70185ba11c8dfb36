"""The journal: the message store, the truth about every message."""

from engine.journal.database import JournalError
from engine.journal.entry import NO_KEYS, Entry, Event, Keys, State
from engine.journal.journal import Journal, Waiting
from engine.journal.tables import Status
from engine.journal.writer import Numbers, Work, resolve

__all__ = [
    "NO_KEYS",
    "Entry",
    "Event",
    "Journal",
    "JournalError",
    "Keys",
    "Numbers",
    "State",
    "Status",
    "Waiting",
    "Work",
    "resolve",
]
