"""The database behind the journal: opened, tuned and its errors put in an operator's words."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import IO, Any

from sqlalchemy import Engine, create_engine, event, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError, SQLAlchemyError


class JournalError(Exception):
    """The journal cannot do what was asked now; `hint` is the operator's next move."""

    def __init__(self, reason: str, hint: str) -> None:
        super().__init__(f"{reason} ({hint})")
        self.reason = reason
        self.hint = hint


_STANDSTILL = 5_000  # milliseconds
_HINTS = (
    ("disk is full", "the disk is full", "free space on the journal's disk; acceptance goes on by itself"),
    ("no space left", "the disk is full", "free space on the journal's disk; acceptance goes on by itself"),
    ("readonly", "the journal cannot be written", "make the journal's file and folder writable for the engine's user"),
    ("read-only", "the journal cannot be written", "make the journal's file and folder writable for the engine's user"),
    ("unable to open", "the journal cannot be opened", "create the journal's folder and make it writable"),
    ("locked", "the journal is locked by another process", "stop the other program that writes to this journal"),
    ("malformed", "the journal is damaged", "restore the journal from its backup, or move it away and start anew"),
    ("disk i/o", "the journal's disk fails", "look at the machine's disk; acceptance goes on when it answers again"),
    ("permission denied", "the journal cannot be written", "make its folder and file writable for the engine's user"),
    ("no such file", "the journal's folder cannot be made", "create the folder and make it writable"),
    ("password", "the database refuses the engine's user", "check user and password of `journal` in hie.yaml"),
    ("does not exist", "the database is not there", "create it, or check the name in `journal` in hie.yaml"),
)


def is_operational(error: Exception) -> bool:
    """Whether the database and not what was written is the reason: the disk, the connection, a lock (PEP 249)."""
    if isinstance(error, DBAPIError):
        return error.connection_invalidated or isinstance(error, OperationalError)
    return any(kind.__name__ == "OperationalError" for kind in type(error).__mro__)


def explained(error: Exception) -> JournalError:
    """`error` in an operator's words. The driver's own text may quote rows, so none of it is passed on."""
    text = str(getattr(error, "orig", error)).lower()
    for part, reason, hint in _HINTS:
        if part in text:
            return JournalError(reason, hint)
    if isinstance(error, OSError) or is_operational(error):
        return JournalError("the journal's database does not answer", "check that it runs and can be reached")
    return JournalError(
        f"the journal refused a write ({type(getattr(error, 'orig', error)).__name__})", "see the database's own log"
    )


def database_url(written: str) -> URL:
    """The URL `sqlite:///PATH` or `postgresql://...` with the driver this engine uses; raises `JournalError`."""
    try:
        url = make_url(written)
    except ArgumentError:
        raise JournalError(
            "the journal's URL cannot be read", "write sqlite:///PATH or postgresql://USER@HOST/NAME"
        ) from None
    if url.get_backend_name() == "sqlite":
        return url
    if url.get_backend_name() in ("postgresql", "postgres"):
        return url.set(drivername="postgresql+psycopg")
    raise JournalError(
        f"the journal cannot live in {url.get_backend_name()}", "write sqlite:///PATH or postgresql://USER@HOST/NAME"
    )


def lock(url: URL) -> IO[str] | None:
    """Take the lock beside a SQLite journal, until the file given is closed; raises `JournalError` when it is taken."""
    if not url.database or url.database == ":memory:":
        return None
    path = Path(f"{url.database}.lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("w")
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise JournalError(
            "another engine works on this journal", "stop it first, or let both share a PostgreSQL journal"
        ) from None
    except OSError as error:
        raise explained(error) from None
    return file


def connect(url: URL, *, reading: bool = False) -> Engine:
    """An engine for `url`. A `reading` one never takes the write lock; the other begins each transaction with it."""
    if url.get_backend_name() == "postgresql":
        # A process that stands still in the middle of a write, or is cut off, must not hold up the others for long.
        settings = {"options": f"-c idle_in_transaction_session_timeout={_STANDSTILL}"}
        return create_engine(
            url, paramstyle="format", pool_size=2, max_overflow=2, pool_pre_ping=True, connect_args=settings
        )
    if not reading and url.database and url.database != ":memory:":
        path = Path(url.database)
        path.parent.mkdir(parents=True, exist_ok=True)
        # Patients' data: for the engine's user alone. SQLite gives its other files the same mode.
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    engine = create_engine(url, connect_args={"check_same_thread": False, "timeout": 10.0, "cached_statements": 400})

    @event.listens_for(engine, "connect")
    def _tune(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        for pragma in (
            "auto_vacuum=INCREMENTAL",
            "journal_mode=WAL",
            "synchronous=FULL",
            # 8 MB for each connection: four times that made nothing faster, and 110 MB more of memory while a million
            # messages are delivered.
            "cache_size=-8192",
            "temp_store=MEMORY",
            # Checkpoints are made beside the writer, not in the middle of a sender's wait (writer.py).
            "wal_autocheckpoint=0",
            "journal_size_limit=67108864",
        ):
            connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    return engine


DatabaseError = (SQLAlchemyError, OSError)
"""What a database call may raise."""
