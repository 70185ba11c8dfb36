"""The work list: what `worklist` ends hold, and what a person decides about it.

Every message about a doubtful patient asks the same question, so a question is listed once, and one answer settles all
that waits for it. It changes rows and nothing else, so that it works beside a running engine: that asks for what was
decided at each message.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Literal, NamedTuple

from sqlalchemy import Connection, delete, func, insert, select

from channels.ends import Outcome, OutcomeCode
from channels.worklist import ON_THE_LIST
from engine.journal import Journal
from engine.journal.answered import answer
from engine.journal.entry import clean, key_text, microseconds, moment, read_attributes
from engine.journal.history import find_id
from engine.journal.replay import put_again
from engine.journal.tables import Status, messages
from engine.journal.waiting import WAITING, read_message, read_waiting
from engine.registry.persons import from_text
from engine.registry.reads import PANEL, link_text
from engine.registry.tables import changes, links, members
from schemas.error import BodyError
from schemas.message import Message
from transforms.matching import Person
from transforms.notify.person import person_of

Decided = Literal["same", "different", "done", "dismissed"]
"""What a person says: about a doubtful match whether it is the member; about anything else that it is seen to, or not
wanted."""

_AT_ONCE = 100  # messages whose bodies are in memory together
_IN_ORDER = timedelta(microseconds=1)
"""By how much later each message is due than the one before it, so that they are routed again in their order."""


class WorklistError(Exception):
    """The item cannot be settled so; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Item:
    """What waits in `queue` since `received`; `parent` is the received message. `panel` and `member` name the doubtful
    match, "" where it is something else."""

    id: str
    parent: str
    queue: str
    received: datetime
    type: str
    patient_id: str
    reason: str
    panel: str
    member: str


@dataclass(frozen=True, slots=True)
class Question:
    """What a person is asked, once for all `items` that wait for the answer, the oldest first: whether the patient with
    these identifiers is that member of that panel. Anything else is a question of its own. `id` is the oldest item's.
    """

    id: str
    patient_id: str
    reason: str
    panel: str
    member: str
    count: int
    first: datetime
    last: datetime
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """An item with its message, the patient as that has one, the member as the roster has it, and the patients of all
    items with the same question, this one's among them."""

    item: Item
    message: Message
    patient: Person | None
    candidate: Person | None
    question: Question
    patients: tuple[Person, ...]


@dataclass(frozen=True, slots=True)
class Settled:
    """What was settled, which received messages are `routed_again`, in that order, and which were not (`left`) though
    the patient is the member, since more was made of them, which would be made again."""

    items: tuple[Item, ...]
    routed_again: tuple[str, ...]
    left: tuple[str, ...]


class _Alike(NamedTuple):
    item: Item
    patient: Person | None


_RECEIVED = messages.alias("received")
_ITEM = (
    select(
        *(messages.c.seq, messages.c.id, messages.c.parent, messages.c.queue, messages.c.received),
        # What shares its body with the received message has no keys of its own.
        func.coalesce(messages.c.type, _RECEIVED.c.type).label("type"),
        func.coalesce(messages.c.patient_id, _RECEIVED.c.patient_id).label("patient_id"),
        *(messages.c.detail, messages.c.attributes),
    )
    .outerjoin(_RECEIVED, _RECEIVED.c.id == messages.c.parent)
    .where(messages.c.status == Status.PENDING.value, messages.c.open, messages.c.detail.startswith(ON_THE_LIST))
    .order_by(messages.c.seq)
)


async def waiting(journal: Journal, most: int) -> list[Question]:
    """Up to `most` questions for which something waits, the oldest first. Raises `JournalError`."""
    found: dict[object, list[Item]] = {}
    after = 0
    while page := await journal.read(partial(_page, after)):
        for seq, key, item in page:
            found.setdefault(key, []).append(item)
            after = seq
    return [_question(items) for items in list(found.values())[:most]]


async def show(journal: Journal, id: str) -> Shown:
    """The item that `id` names, or alone begins with it; raises `UnknownIdError`, `WorklistError`, `JournalError`."""
    return await journal.read(partial(_show, id))


async def settle(
    journal: Journal, id: str, decided: Decided, who: str, why: str, now: datetime, *, again: bool = False
) -> Settled:
    """Have every item with the question of that item be settled, with who decided and why in its history.

    `same` and `different` are remembered for each identifier of the patient. After `same` the received messages are
    routed again in the order in which they came, where nothing else was made of them; with `again` all of them are,
    whatever was decided. What comes in meanwhile stays on the list. Raises `UnknownIdError`, `WorklistError`,
    `JournalError`.
    """
    shown = await show(journal, id)
    return await journal.change(partial(_settle, shown, decided, who, why, now, again))


def _item(row: Any) -> Item:
    attributes = read_attributes(row.attributes)
    panel, member = attributes.get("match.panel", ""), attributes.get("match.member", "")
    if attributes.get("match.verdict") != "review":
        panel = member = ""
    texts = (row.type or "", row.patient_id or "", row.detail.removeprefix(ON_THE_LIST), panel, member)
    return Item(row.id, row.parent, row.queue, moment(row.received), *texts)


def _question(items: Sequence[Item]) -> Question:
    first = items[0]
    times = [each.received for each in items]
    about = (first.id, first.patient_id, first.reason, first.panel, first.member)
    return Question(*about, len(items), min(times), max(times), tuple(items))


def _page(after: int, connection: Connection) -> list[tuple[int, object, Item]]:
    """The items that come next after the place `after`: the place and the question of each."""
    rows = connection.execute(_ITEM.where(messages.c.seq > after).limit(_AT_ONCE)).all()
    items = [_item(row) for row in rows]
    patients = dict(_patients(connection, [each.id for each in items if each.member]))
    return [(row.seq, _key(item, patients.get(item.id)), item) for row, item in zip(rows, items, strict=True)]


def _key(item: Item, patient: Person | None) -> object:
    """What the items with one question have in common. Without an identifier nobody knows who else is that patient."""
    if not item.member or patient is None or not patient.identifiers:
        return item.id
    return item.panel, item.member, patient.identifiers


def _patients(connection: Connection, ids: Sequence[str]) -> Iterator[tuple[str, Person | None]]:
    """The patient of each of the messages."""
    for some in _some(ids):
        for found in read_waiting(connection, WAITING.where(messages.c.id.in_(some))):
            id = found.message.id
            message = found.message if found.loaded else read_message(connection, id)
            yield id, None if message is None else _patient(message)


def _patient(message: Message) -> Person | None:
    try:
        return person_of(message)
    except BodyError:
        return None


def _show(id: str, connection: Connection) -> Shown:
    found = find_id(connection, id)
    row = connection.execute(_ITEM.where(messages.c.id == found)).first()
    message = read_message(connection, found)
    if row is None or message is None:
        raise WorklistError(f"{found} is not on the work list, or settled already; `hie worklist list` says what is")
    item = _item(row)
    candidate = None
    if item.member:
        of_roster = (members.c.roster == f"{PANEL}{item.panel}", members.c.member == item.member)
        query = select(members.c.person).where(*of_roster).order_by(members.c.seq.desc()).limit(1)
        text = connection.execute(query).scalar()
        candidate = None if text is None else from_text(text)
    patient = _patient(message)
    alike = _alike(connection, item, patient)
    question = _question([each.item for each in alike])
    patients = tuple(dict.fromkeys(each.patient for each in alike if each.patient is not None))
    return Shown(item, message, patient, candidate, question, patients)


def _alike(connection: Connection, item: Item, patient: Person | None, known: Sequence[Item] = ()) -> list[_Alike]:
    """The open items with the same question, `item` among them; `known` are those of which that was found before."""
    key = _key(item, patient)
    if key == item.id:
        return [_Alike(item, patient)]
    about = [_item(row) for row in connection.execute(_ITEM)]
    about = [each for each in about if (each.panel, each.member) == (item.panel, item.member)]
    before = {each.id for each in known}
    patients = dict(_patients(connection, [each.id for each in about if each.id not in before]))
    found = (_Alike(each, patient if each.id in before else patients[each.id]) for each in about)
    return [each for each in found if _key(*each) == key]


def _settle(
    shown: Shown, decided: Decided, who: str, why: str, now: datetime, again: bool, connection: Connection
) -> Settled:
    item = shown.item
    if decided in ("same", "different"):
        if not item.member:
            raise WorklistError(f"{item.id} is no doubtful match: settle it with --done or --dismiss")
        if shown.patient is None or not shown.patient.identifiers:
            raise WorklistError("the patient has no identifier to remember it by: settle it with --done or --dismiss")
    items = [each.item for each in _alike(connection, item, shown.patient, shown.question.items)]
    received = _received(connection, items)
    code = OutcomeCode.REFUSED if decided == "dismissed" else OutcomeCode.DELIVERED
    text = f"settled by {who}: {decided}" + (f": {why}" if why else "")
    settled = tuple(each for each in items if answer(connection, each.id, Outcome(code, text), now))
    if item not in settled:
        raise WorklistError(f"{item.id} was settled by somebody else meanwhile")
    if decided in ("same", "different") and shown.patient is not None:
        _link(connection, item, sorted(shown.patient.identifiers), decided == "same")
    subject = f"{PANEL}{item.panel} {item.member}" if item.member else item.queue
    others = f" and {len(settled) - 1} more" if len(settled) > 1 else ""
    detail = f"message {item.id}{others}" + (f": {why}" if why else "")
    row = {"at": microseconds(now), "who": clean(who), "what": f"worklist {decided}", "subject": subject}
    connection.execute(insert(changes).values(**row, detail=clean(detail)))
    if not again and decided != "same":
        return Settled(settled, (), ())
    of_settled = {each.parent for each in settled}
    left = set() if again else _told(connection, settled)
    routed_again = [row for row in received if row.id in of_settled - left]
    for place, row in enumerate(routed_again):
        if row.status != Status.RECEIVED:  # else it waits for that already
            put_again(connection, row.id, now + place * _IN_ORDER)
    order = (row.id for row in received if row.id in left)
    return Settled(settled, tuple(row.id for row in routed_again), tuple(order))


def _received(connection: Connection, items: Sequence[Item]) -> list[Any]:
    """The messages of which `items` were made, in the order in which they came. They are locked before what was made
    of them, as retention and `hie replay` do."""
    rows: list[Any] = []
    query = select(messages.c.seq, messages.c.id, messages.c.status).order_by(messages.c.id).with_for_update()
    for some in _some({each.parent for each in items}):
        rows += connection.execute(query.where(messages.c.id.in_(some)))
    return sorted(rows, key=lambda row: int(row.seq))


def _told(connection: Connection, items: Sequence[Item]) -> set[str]:
    """Those of the received messages of which more than `items` was made: to route them again would repeat that."""
    ids = {each.id for each in items}
    found: set[str] = set()
    for some in _some({each.parent for each in items}):
        made = connection.execute(select(messages.c.id, messages.c.parent).where(messages.c.parent.in_(some)))
        found.update(row.parent for row in made if row.id not in ids)
    return found


def _some(ids: Collection[str]) -> Iterator[list[str]]:
    """`ids` in their order, a few at a time."""
    ordered = sorted(ids)
    for first in range(0, len(ordered), _AT_ONCE):
        yield ordered[first : first + _AT_ONCE]


def _link(connection: Connection, item: Item, identifiers: Sequence[tuple[str, str]], same: bool) -> None:
    roster = f"{PANEL}{item.panel}"
    for pair in identifiers:
        identifier = key_text(link_text(*pair))
        which = (links.c.roster == roster, links.c.member == item.member, links.c.identifier == identifier)
        connection.execute(delete(links).where(*which))
        row = {"roster": roster, "member": item.member, "identifier": identifier, "same": same}
        connection.execute(insert(links).values(row))
