"""Search: received messages by what an operator knows of them, newest first, a page at a time.

Every question walks down one index in the order of ids, which is the order of time, and looks at a limited number of
rows. However large the journal is, and however rare what is sought, an answer therefore takes milliseconds; a page may
then hold fewer rows than asked for, and says where to go on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Select, and_, exists, func, literal, or_, select
from sqlalchemy.sql.expression import literal_column

from engine.journal.entry import key_text
from engine.journal.journal import Journal
from engine.journal.summary import Summary, summaries
from engine.journal.tables import CONTROL_ID, PATIENT_ID, SOUGHT, TYPE, Status, messages, terms
from schemas.ids import first_id_at

MOST_ROWS = 1000
"""The largest page."""

_MOST_EXAMINED = 5_000  # rows, by one question
_WITHIN = ("^", "/")  # what stands between a type and its event or kind: ADT^A01, Bundle/message
_MOST_WALKS = 32  # queues or types that one question walks side by side
_MOST_TYPES = 500  # kinds of messages; a sender of nonsense may make more

Where = ColumnElement[bool]
_child = messages.alias("child")
_root = messages.alias("root")
_term = terms.alias("term")


@dataclass(frozen=True, slots=True)
class Search:
    """What is sought; what is empty does not matter.

    `type` is a message type with or without its event (`ADT`, `ADT^A01`); `status` is the state of the message or of
    one of its deliveries; with `route` (`practice` or `adt/practice`) it is the state of a delivery there. `terms` are
    the site's own named paths: name and value. `since` is included, `until` is not.
    """

    channel: str = ""
    route: str = ""
    type: str = ""
    control_id: str = ""
    patient_id: str = ""
    status: Status | None = None
    since: datetime | None = None
    until: datetime | None = None
    terms: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """Some of what was sought, newest first; `before` is where to go on, None when there is no more."""

    rows: tuple[Summary, ...]
    before: str | None


async def search(journal: Journal, wanted: Search, *, limit: int = 50, before: str | None = None) -> Page:
    """The next `limit` received messages that are `wanted`, older than place `before`. Raises `JournalError`.

    A page with fewer rows, even with none, is the last one only when its `before` is None.
    """
    limit = max(1, min(limit, MOST_ROWS))
    wanted = replace(
        wanted,
        control_id=key_text(wanted.control_id),
        patient_id=key_text(wanted.patient_id),
        terms=tuple((name, key_text(value)) for name, value in wanted.terms),
    )
    channel, slash, route = wanted.route.rpartition("/")
    if slash:
        if wanted.channel not in ("", channel):
            return Page((), None)
        wanted = replace(wanted, channel=channel, route=route)
    return await journal.read(lambda connection: _page(connection, wanted, limit, before))


@dataclass(frozen=True, slots=True)
class _Walk:
    """A range of an index, from its greatest `key` down; `where` are the conditions that the index serves."""

    where: tuple[Where, ...] = ()
    key: Column[Any] = messages.c.id

    def select(self, *columns: Any) -> Select[Any]:
        chosen = select(*columns)
        if self.key is terms.c.message:
            chosen = chosen.select_from(terms.join(messages, messages.c.id == terms.c.message))
        return chosen.where(*self.where).order_by(self.key.desc())


@dataclass(frozen=True, slots=True)
class _Found:
    """The roots found on one walk by their keys, and the key down to which the walk is complete (None: to its end)."""

    roots: Sequence[tuple[Any, str, str]]
    floor: Any


def _page(connection: Connection, wanted: Search, limit: int, before: str | None) -> Page:
    walks, of_children, conditions = _plan(connection, wanted)
    if not walks:
        return Page((), None)
    budget = max(_MOST_EXAMINED // len(walks), limit)
    with _in_index_order(connection):
        found = [_walk(connection, walk, wanted, of_children, conditions, limit, before, budget) for walk in walks]
    floors = [each.floor for each in found if each.floor is not None]
    floor = max(floors, default=None)
    rows = sorted((row for each in found for row in each.roots if floor is None or row[0] >= floor), reverse=True)
    taken = rows[:limit]
    if len(rows) > limit:
        place: str | None = taken[-1][1]
    elif floor is not None:
        place = floor if isinstance(floor, str) else _id_at(connection, floor)
    else:
        place = None
    return Page(summaries(connection, list(dict.fromkeys(row[2] for row in taken))), place)


@contextmanager
def _in_index_order(connection: Connection) -> Iterator[None]:
    """Have PostgreSQL walk as told: it thinks a page hard to fill, and would fetch and sort all that a walk may see."""
    if connection.dialect.name != "postgresql":
        yield
        return
    ways = ("enable_bitmapscan", "enable_sort")
    for way in ways:
        connection.exec_driver_sql(f"SET LOCAL {way} = off")
    yield
    for way in ways:
        connection.exec_driver_sql(f"SET LOCAL {way} = on")


def _plan(connection: Connection, wanted: Search) -> tuple[list[_Walk], bool, list[Where]]:
    """The walks that find what is `wanted`, the most selective there are; whether they go over children and roots
    alike rather than over roots; and the conditions that are left to check on each row."""
    if wanted.control_id:
        walks = [_Walk((messages.c.control_id == wanted.control_id,)), _by_term(CONTROL_ID, wanted.control_id)]
        return walks, False, _of_root(messages, wanted)
    if wanted.patient_id:
        walks = [_Walk((messages.c.patient_id == wanted.patient_id,)), _by_term(PATIENT_ID, wanted.patient_id)]
        return walks, False, _of_root(messages, wanted)
    if wanted.terms:
        return [_by_term(*wanted.terms[0])], False, _of_root(messages, wanted)
    if wanted.status in SOUGHT:
        # The partial index is used only where the state is written out.
        walks = [_Walk((messages.c.status == _written(wanted.status),))]
        return walks, True, _of_any(wanted)
    if wanted.status in (Status.RECEIVED, Status.QUEUED):
        walks = [
            _Walk((messages.c.open, messages.c.queue == queue), messages.c.seq) for queue in _queues(connection, wanted)
        ]
        return _few(walks), True, _of_any(wanted)
    if wanted.type and (types := _types(connection, wanted.type)) is not None:
        walks = [walk for type in types for walk in (_Walk((messages.c.type == type,)), _by_term(TYPE, type))]
        return walks, False, _of_root(messages, wanted)
    if wanted.route or wanted.status is Status.DELIVERED:
        walks = [_Walk((messages.c.queue == queue,)) for queue in _queues(connection, wanted)]
        return _few(walks), True, _of_any(wanted)
    if wanted.channel:
        return [_Walk((messages.c.queue == wanted.channel,))], False, _of_root(messages, wanted)
    return [_Walk()], False, _of_root(messages, wanted)


def _by_term(name: str, value: str) -> _Walk:
    return _Walk((terms.c.name == name, terms.c.value == value), terms.c.message)


def _few(walks: list[_Walk]) -> list[_Walk]:
    return walks if len(walks) <= _MOST_WALKS else [_Walk()]


def _walk(
    connection: Connection,
    walk: _Walk,
    wanted: Search,
    of_children: bool,
    conditions: list[Where],
    limit: int,
    before: str | None,
    budget: int,
) -> _Found:
    key: Any = walk.key
    bounds: list[Where] = []
    if key is messages.c.seq:
        if before is not None:
            bounds.append(key < _seq_of(connection, before))
        bounds.extend(_time(messages.c.id, wanted))
    else:
        if before is not None:
            bounds.append(key < before)
        bounds.extend(_time(key, wanted))
    floor = connection.execute(walk.select(key).where(*bounds).limit(1).offset(budget)).scalar()
    root = func.coalesce(messages.c.parent, messages.c.id) if of_children else messages.c.id
    query = walk.select(key, messages.c.id, root).where(*bounds, *conditions)
    if floor is not None:
        query = query.where(key >= floor)
    if of_children:
        query = query.where(_is_last_of_its_root(wanted, walk.key))
    rows = [(row[0], row[1], row[2]) for row in connection.execute(query.limit(limit + 1))]
    if len(rows) > limit:
        return _Found(rows[:limit], rows[limit - 1][0])
    return _Found(rows, floor)


def _of_root(table: Any, wanted: Search) -> list[Where]:
    """What must hold of a received message, in terms that tempt no planner to use another index."""
    conditions: list[Where] = [table.c.parent.is_(None)]
    if wanted.channel:
        conditions.append(_plain(table.c.queue) == wanted.channel)
    for column, name, value in (
        (table.c.control_id, CONTROL_ID, wanted.control_id),
        (table.c.patient_id, PATIENT_ID, wanted.patient_id),
    ):
        if value:
            conditions.append(or_(_plain(column) == value, _holds(table, name, _term.c.value == value)))
    if wanted.type:
        conditions.append(_is_of_type(table, wanted.type))
    conditions.extend(_holds(table, name, _term.c.value == value) for name, value in wanted.terms)
    if wanted.route:
        state = [_plain(_child.c.status) == wanted.status] if wanted.status is not None else []
        conditions.append(exists().where(_child.c.parent == table.c.id, _on_route(_child.c.queue, wanted), *state))
    elif wanted.status is not None:
        of_child = exists().where(_child.c.parent == table.c.id, _plain(_child.c.status) == wanted.status)
        conditions.append(or_(_plain(table.c.status) == wanted.status, of_child))
    return conditions


def _of_any(wanted: Search) -> list[Where]:
    """What must hold of a row, received message or delivery, that is sought by its own state or route."""
    conditions = _of_state(messages.c, wanted)
    if wanted.channel and not wanted.route:
        of_channel = _plain(messages.c.queue).startswith(f"{wanted.channel}/", autoescape=True)
        conditions.append(or_(_plain(messages.c.queue) == wanted.channel, of_channel))
    if wanted.type:
        id = func.coalesce(messages.c.parent, messages.c.id)
        conditions.append(exists().where(_root.c.id == id, _is_of_type(_root, wanted.type)))
    return conditions


def _of_state(row: Any, wanted: Search) -> list[Where]:
    conditions: list[Where] = []
    if wanted.status is not None:
        conditions.append(_plain(row.status) == wanted.status)
    if wanted.route:
        conditions.append(_on_route(row.queue, wanted))
    return conditions


def _is_last_of_its_root(wanted: Search, key: Column[Any]) -> Where:
    """Of several children of one message that match, the last alone stands for it: each message is listed once."""
    after = _child.c.seq > messages.c.seq if key is messages.c.seq else _child.c.id > messages.c.id
    later = exists().where(_child.c.parent == messages.c.parent, after, *_of_state(_child.c, wanted))
    if wanted.status is None or wanted.route:
        return ~later
    # The received message itself may be in the same state as one that was made of it before.
    itself = exists().where(_child.c.parent == messages.c.id, *_of_state(_child.c, wanted))
    return and_(~later, ~itself)


def _on_route(queue: Any, wanted: Search) -> Where:
    if wanted.channel:
        return _plain(queue) == f"{wanted.channel}/{wanted.route}"
    return _plain(queue).endswith(f"/{wanted.route}", autoescape=True)


def _holds(table: Any, name: str, of_value: Where) -> Where:
    return exists().where(_term.c.message == table.c.id, _term.c.name == name, of_value)


def _is_of_type(table: Any, wanted: str) -> Where:
    return or_(_is_type(table.c.type, wanted), _holds(table, TYPE, _is_type(_term.c.value, wanted)))


def _is_type(type: Any, wanted: str) -> Where:
    if "^" in wanted:
        return _plain(type) == wanted
    inner = (_plain(type).startswith(f"{wanted}{mark}", autoescape=True) for mark in _WITHIN)
    return or_(_plain(type) == wanted, *inner)


def _plain(column: Any) -> ColumnElement[str]:
    """`column` in a form that no index serves, so that the one which is walked is used."""
    plain: ColumnElement[str] = column + literal_column("''")
    return plain


def _written(status: Status | None) -> ColumnElement[str]:
    return literal_column(f"'{status}'")


def _time(id: Any, wanted: Search) -> Iterable[Where]:
    if wanted.since is not None:
        yield id >= first_id_at(wanted.since)
    if wanted.until is not None:
        yield id < first_id_at(wanted.until)


def _seq_of(connection: Connection, id: str) -> int:
    query = select(messages.c.seq).where(messages.c.id <= id).order_by(messages.c.id.desc()).limit(1)
    return connection.execute(query).scalar() or 0


def _id_at(connection: Connection, seq: int) -> str | None:
    return connection.execute(select(messages.c.id).where(messages.c.seq == seq)).scalar()


def _queues(connection: Connection, wanted: Search) -> list[str]:
    """The queues in which what is `wanted` may lie."""
    found = distinct(connection, messages.c.queue, _MOST_TYPES)
    if wanted.status is Status.RECEIVED:
        return [queue for queue in found if queue == (wanted.channel or queue) and "/" not in queue]
    split = [(queue, *queue.split("/", 1)) for queue in found if "/" in queue]
    return [
        queue
        for queue, channel, route in split
        if channel == (wanted.channel or channel) and route == (wanted.route or route)
    ]


def _types(connection: Connection, wanted: str) -> list[str] | None:
    """The types that `wanted` stands for; None when there are too many to walk them side by side."""
    if "^" in wanted:
        return [wanted]
    found = distinct(connection, messages.c.type, _MOST_TYPES)
    named = distinct(connection, terms.c.value, _MOST_TYPES, terms.c.name == TYPE)
    begins = tuple(wanted + mark for mark in _WITHIN)
    types = sorted({type for type in (*found, *named) if type == wanted or type.startswith(begins)})
    return types if max(len(found), len(named)) < _MOST_TYPES and 2 * len(types) <= _MOST_WALKS else None


def distinct(connection: Connection, column: Column[Any], most: int, *where: Where) -> list[str]:
    """The first `most` texts that an indexed `column` holds `where` the index begins so, each found by one step down
    the index."""
    least = select(func.min(column).label("value")).where(column > literal(""), *where).cte("found", recursive=True)
    inner = select(func.min(column)).where(column > least.c.value, *where).scalar_subquery()
    walk = least.union_all(select(inner).where(least.c.value.is_not(None)))
    return [value for value in connection.execute(select(walk.c.value).limit(most)).scalars() if value is not None]
