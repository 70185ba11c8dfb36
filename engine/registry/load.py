"""Files into the registry: what has changed of one since it was loaded last, and nothing else.

A roster of a million members is loaded some at a time, each time in a transaction of its own that is over in hundredths
of a second, so that senders hardly wait for it. A load that was cut off is taken up again from its first line, and
finds what is there already.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterable, Sequence
from datetime import datetime
from functools import partial
from itertools import islice
from typing import Any, Generic, NamedTuple, TypeVar

from sqlalchemy import Connection, delete, func, insert, select

from engine.journal.entry import clean, microseconds
from engine.registry.rows import RosterError
from engine.registry.tables import changes, rosters

T = TypeVar("T")
X = TypeVar("X")

Step = Callable[[Connection], object]
"""The work of one transaction."""

Steps = Generator[Step, float | None, None]
"""The work of one transaction after another. It is told how many seconds the last one took, and makes the next one
larger or smaller by that."""

BUDGET = 0.01  # seconds of one transaction, for which a sender waits
_LEAST, _MOST = 20, 20_000
MAY_VANISH = 50
"""Percent of a file's entries that may leave at once, unless the site says otherwise."""
_FEW = 20  # entries: fewer may leave in any case, unless the file is empty
GONE = "gone"
"""The digest of a file that is there no more."""
_CONFIRM = "confirm"
_LOADING_LOCK = 0x686965_02  # PostgreSQL's advisory locks are numbers, told apart in one database


class Loaded(NamedTuple):
    """What loading a file changed."""

    added: int
    changed: int
    ended: int
    entries: int


class RefusedError(RosterError):
    """Too many would leave by the file of this digest."""

    def __init__(self, what: str, digest: str) -> None:
        super().__init__(what)
        self.digest = digest


class FileLoading(ABC, Generic[T]):
    """The loading of one file under the name `source`: `steps` gives the work of one transaction after another; then
    `loaded` says what came of it, None where what is loaded came from a file of the same digest already. `read` counts
    the entries so far.

    A file whose digest is GONE is there no more, and all leave. Of another one no more than `may_vanish` percent may
    leave at once, unless somebody confirmed that of this digest (`confirm`).
    """

    def __init__(
        self,
        source: str,
        digest_of: Callable[[], str],
        entries: Iterable[T],
        now: datetime,
        *,
        may_vanish: int = MAY_VANISH,
    ) -> None:
        self.source = source
        self.read = 0
        self._digest_of = digest_of
        self._digest = ""
        self._entries = entries
        self._now = now
        self._may_vanish = may_vanish
        self._is_new = True
        self._is_same = self._is_confirmed = False
        self._held = self._gone = 0
        self._counts = {"added": 0, "changed": 0, "ended": 0}

    @property
    def loaded(self) -> Loaded | None:
        """What came of it."""
        return None if self._is_same else Loaded(**self._counts, entries=self.read)

    def steps(self) -> Steps:
        """The work of one transaction after another; raises what the entries raise, and `RosterError` where too many
        would leave or the file changed meanwhile. Then nobody has left."""
        self._digest = self._digest_of()
        yield self._begin
        if self._is_same:
            return
        yield from self._taking()
        if self._digest_of() != self._digest:
            raise RosterError(f"{self.source}: the file changed while it was read")
        yield from self._counting()
        if self._is_refused():
            what = f"{self._gone} of {self._held} would leave at once"
            yield partial(self._note, "refuse", what)
            hint = "if that is right: hie registry import --shrink FILE"
            raise RefusedError(f"{self.source}: {what}; {hint}", self._digest)
        yield from self._leaving()
        yield self._finish

    def _begin(self, connection: Connection) -> None:
        held = connection.execute(select(rosters.c.digest).where(rosters.c.name == self.source)).scalar()
        self._is_new, self._is_same = held is None, held == self._digest
        self._is_confirmed = self._digest == GONE or is_confirmed(self.source, self._digest, connection)

    def _is_refused(self) -> bool:
        return not self._is_confirmed and too_many(self._held, self._gone, self.read, self._may_vanish)

    @abstractmethod
    def _taking(self) -> Steps:
        """The work that takes the entries in, and counts what is new or other than before."""

    @abstractmethod
    def _counting(self) -> Steps:
        """The work that counts who was `_held` before, and who of those is `_gone`."""

    @abstractmethod
    def _leaving(self) -> Steps:
        """The work that lets those go who are in the file no more, and counts them."""

    def _finish(self, connection: Connection) -> None:
        alone(connection)
        connection.execute(delete(rosters).where(rosters.c.name == self.source))
        at = microseconds(self._now)
        row = {"name": self.source, "digest": self._digest, "loaded": at, "entries": self.read}
        connection.execute(insert(rosters).values(row))
        detail = ", ".join(f"{number} {what}" for what, number in self._counts.items())
        self._note("remove" if self._digest == GONE else "load", detail, connection)

    def _note(self, what: str, detail: str, connection: Connection) -> None:
        """Note a change, unless the last one about the file says the same: a refusal is one, however often it is."""
        last = _last_change(self.source, connection)
        if last is None or what != "refuse" or (last.what, last.detail) != (what, detail):
            note(connection, self._now, "site files", what, self.source, detail)


def too_many(held: int, gone: int, entries: int, may_vanish: int) -> bool:
    """Whether more than `may_vanish` percent of those `held` are `gone`, or all are since there are no `entries`."""
    if not gone or may_vanish >= 100:
        return False
    return not entries or (gone >= _FEW and gone * 100 > may_vanish * held)


def alone(connection: Connection) -> None:
    """Let no other engine load until the end of this transaction; SQLite has but one."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_LOADING_LOCK)))


def note(connection: Connection, at: datetime, who: str, what: str, subject: str, detail: str) -> None:
    """Note who changed what in the registry."""
    row = {"at": microseconds(at), "who": clean(who), "what": what, "subject": clean(subject), "detail": clean(detail)}
    connection.execute(insert(changes).values(row))


def confirm(source: str, digest: str, who: str, at: datetime, connection: Connection) -> None:
    """Note that `who` wants the file of this digest loaded whoever leaves by it; GONE says that there is none more."""
    note(connection, at, who, _CONFIRM, source, digest)


def is_confirmed(source: str, digest: str, connection: Connection) -> bool:
    """Whether somebody confirmed that since the file was loaded last."""
    last = _last_change(source, connection, but="refuse")
    return last is not None and (last.what, last.detail) == (_CONFIRM, digest)


def _last_change(source: str, connection: Connection, but: str = "") -> Any:
    of_source = (changes.c.subject == source) & (changes.c.what != but)
    query = select(changes.c.what, changes.c.detail).where(of_source).order_by(changes.c.seq.desc())
    return connection.execute(query.limit(1)).first()


def paced(items: Iterable[X], work: Callable[[Sequence[X], Connection], object], first: int) -> Steps:
    """`work` on `items`, on `first` of them in the first transaction and then on as many as take BUDGET."""
    walk, size = iter(items), first
    while some := list(islice(walk, size)):
        seconds = yield partial(work, some)
        size = next_size(size, seconds)


def next_size(size: int, seconds: float | None) -> int:
    """How much the next transaction takes on where one of `size` took so many seconds."""
    if not seconds:
        return size
    return max(_LEAST, min(_MOST, int(size * max(0.2, min(1.5, BUDGET / seconds)))))
