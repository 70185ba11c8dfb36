"""The work list: what `worklist` ends hold, and what a person decides about it.

It changes rows and nothing else, so that it works beside a running engine: that asks for what was decided at each
message.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Literal

from sqlalchemy import Connection, delete, insert, select

from channels.ends import Outcome, OutcomeCode
from channels.worklist import ON_THE_LIST
from engine.journal import Journal
from engine.journal.answered import answer
from engine.journal.entry import clean, key_text, microseconds, moment, read_attributes
from engine.journal.history import find_id
from engine.journal.tables import Status, messages
from engine.journal.waiting import read_message
from engine.registry.persons import from_text
from engine.registry.reads import PANEL, link_text
from engine.registry.tables import changes, links, members
from schemas.message import Message
from transforms.matching import Person
from transforms.notify.person import person_of

Decided = Literal["same", "different", "done", "dismissed"]
"""What a person says: about a doubtful match whether it is the member; about anything else that it is seen to, or not
wanted."""


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
class Shown:
    """An item with its message, the patient as that has one, and the member as the roster has it."""

    item: Item
    message: Message
    patient: Person | None
    candidate: Person | None


@dataclass(frozen=True, slots=True)
class Settled:
    """What was settled; `alone` says that nothing else was made of the received message, so that to route it again
    repeats nothing."""

    item: Item
    alone: bool


_ITEM = select(
    *(messages.c.id, messages.c.parent, messages.c.queue, messages.c.received, messages.c.type),
    *(messages.c.patient_id, messages.c.detail, messages.c.attributes),
).where(messages.c.status == Status.PENDING.value, messages.c.open, messages.c.detail.startswith(ON_THE_LIST))


async def waiting(journal: Journal, most: int) -> list[Item]:
    """Up to `most` of what waits, the oldest first. Raises `JournalError`."""
    query = _ITEM.order_by(messages.c.seq).limit(most)
    return await journal.read(lambda connection: [_item(row) for row in connection.execute(query)])


async def show(journal: Journal, id: str) -> Shown:
    """The item that `id` names, or alone begins with it; raises `UnknownIdError`, `WorklistError`, `JournalError`."""
    return await journal.read(partial(_show, id))


async def settle(journal: Journal, id: str, decided: Decided, who: str, why: str, now: datetime) -> Settled:
    """Have the item be settled, with who decided and why in its history. `same` and `different` are remembered for
    each identifier of the patient. Raises `UnknownIdError`, `WorklistError`, `JournalError`."""
    return await journal.change(partial(_settle, id, decided, who, why, now))


def _item(row: Any) -> Item:
    attributes = read_attributes(row.attributes)
    panel, member = attributes.get("match.panel", ""), attributes.get("match.member", "")
    if attributes.get("match.verdict") != "review":
        panel = member = ""
    texts = (row.type or "", row.patient_id or "", row.detail.removeprefix(ON_THE_LIST), panel, member)
    return Item(row.id, row.parent, row.queue, moment(row.received), *texts)


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
    return Shown(item, message, person_of(message), candidate)


def _settle(id: str, decided: Decided, who: str, why: str, now: datetime, connection: Connection) -> Settled:
    shown = _show(id, connection)
    item = shown.item
    if decided in ("same", "different"):
        if not item.member:
            raise WorklistError(f"{item.id} is no doubtful match: settle it with --done or --dismiss")
        if shown.patient is None or not shown.patient.identifiers:
            raise WorklistError("the patient has no identifier to remember it by: settle it with --done or --dismiss")
        _link(connection, item, sorted(shown.patient.identifiers), decided == "same")
    code = OutcomeCode.REFUSED if decided == "dismissed" else OutcomeCode.DELIVERED
    text = f"settled by {who}: {decided}" + (f": {why}" if why else "")
    if not answer(connection, item.id, Outcome(code, text), now):
        raise WorklistError(f"{item.id} was settled by somebody else meanwhile")
    subject = f"{PANEL}{item.panel} {item.member}" if item.member else item.queue
    detail = f"message {item.id}" + (f": {why}" if why else "")
    row = {"at": microseconds(now), "who": clean(who), "what": f"worklist {decided}", "subject": subject}
    connection.execute(insert(changes).values(**row, detail=clean(detail)))
    others = select(messages.c.id).where(messages.c.parent == item.parent, messages.c.id != item.id).limit(1)
    return Settled(item, connection.execute(others).first() is None)


def _link(connection: Connection, item: Item, identifiers: Sequence[tuple[str, str]], same: bool) -> None:
    roster = f"{PANEL}{item.panel}"
    for pair in identifiers:
        identifier = key_text(link_text(*pair))
        which = (links.c.roster == roster, links.c.member == item.member, links.c.identifier == identifier)
        connection.execute(delete(links).where(*which))
        row = {"roster": roster, "member": item.member, "identifier": identifier, "same": same}
        connection.execute(insert(links).values(row))
