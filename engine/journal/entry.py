"""What the stages tell the journal: a new row, a change of state, an event."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import orjson

from channels.store import Kept
from engine.journal.tables import Status
from schemas.finding import Finding, Severity
from schemas.message import NO_ATTRIBUTES, Message

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_LONGEST_KEY = 500  # characters; an index row of PostgreSQL holds 2,700 bytes


def microseconds(moment: datetime) -> int:
    """`moment` as the journal writes it."""
    return (moment - _EPOCH) // _MICROSECOND


def moment(value: int) -> datetime:
    """The time that the journal wrote as `value`."""
    return _EPOCH + timedelta(microseconds=value)


class Keys(NamedTuple):
    """What a message can be found by; `terms` are further values, of the site's own named paths among them (name,
    value)."""

    type: str = ""
    control_id: str = ""
    patient_id: str = ""
    terms: tuple[tuple[str, str], ...] = ()


NO_KEYS = Keys()


class Entry(NamedTuple):
    """A new row: `message` in `queue`. `body_of` names the message whose body this one shares, when it does. Of
    two with one `repeat_key` only the first becomes a row. It is left alone until it is `due`. `end` is the kind of end
    that delivers it: `direct`.
    """

    message: Message
    queue: str
    status: Status
    open: bool
    keys: Keys = NO_KEYS
    order_keys: tuple[str, ...] = ()
    body_of: str | None = None
    detail: str = ""
    settled: datetime | None = None
    repeat_key: str | None = None
    due: datetime | None = None
    end: str = ""


class State(NamedTuple):
    """The state that the row of message `id` moves on to; it replaces the former state whole."""

    id: str
    status: Status
    open: bool
    settled: datetime | None = None
    due: datetime | None = None
    attempts: int = 0
    first_attempt: datetime | None = None
    detail: str = ""
    reply: bytes = b""


class Event(NamedTuple):
    """A fact about `message` that its row does not keep: an attempt before the last, a repeat, an operator's act."""

    message: str
    at: datetime
    kind: str
    detail: str = ""
    reply: bytes = b""


def clean(text: str) -> str:
    """`text` as every database can hold it: no NUL, no lone surrogate."""
    if not text or (text.isascii() and "\0" not in text):
        return text
    return text.replace("\0", "�").encode("utf-8", "replace").decode()


def key_text(text: str) -> str:
    """`text` as a key that messages are found by, cut to what the index of every database can hold."""
    return clean(text[:_LONGEST_KEY])


def _written(attributes: Mapping[str, str]) -> str | None:
    if not attributes:
        return None
    return clean(orjson.dumps({name: clean(value) for name, value in attributes.items()}).decode())


def _written_findings(findings: tuple[Finding, ...]) -> str | None:
    if not findings:
        return None
    rows = [[clean(text) for text in (f.code, f.where, f.what, f.hint, f.severity)] for f in findings]
    return orjson.dumps(rows).decode()


def read_attributes(written: str | None) -> Mapping[str, str]:
    """The attributes that `message_row` wrote."""
    return NO_ATTRIBUTES if written is None else orjson.loads(written)


def read_findings(written: str | None) -> tuple[Finding, ...]:
    """The findings that `message_row` wrote."""
    if written is None:
        return ()
    return tuple(Finding(c, where, what, hint, Severity(s)) for c, where, what, hint, s in orjson.loads(written))


# In the order of the table, in which SQLAlchemy writes them.
MESSAGE_COLUMNS = (
    "id", "queue", "parent", "format", "size", "received", "type", "control_id", "patient_id", "attributes", "findings",
    "order_keys", "status", "open", "due", "attempts", "settled", "detail", "body_of", "body",
    "repeat_key",
)  # fmt: skip
STATE_COLUMNS = ("id", "status", "open", "settled", "due", "attempts", "first_attempt", "detail", "reply")
EVENT_COLUMNS = ("message", "at", "kind", "detail", "reply")
TERM_COLUMNS = ("name", "value", "message")
NOTICE = "notice.key"
"""The attribute of a message that tells a subscriber something: under which key that was told."""
NOTICE_COLUMNS = (
    *("message", "received_as", "at", "queue", "subscriber", "key", "kind", "event"),
    *("digest", "patient_id", "member", "sender", "end"),
)
REFERRAL = "referral.verdict"
"""The attribute of a message of a referral (docs/referrals.md): how it was treated."""
REFERRAL_COLUMNS = (
    *("message", "received_as", "at", "queue", "end", "referral", "act", "verdict", "state", "reason"),
    *("written", "digest", "control_id", "form", "sender", "to_form", "to_address"),
    *("patient", "patients", "filler", "party", "npi", "appointment"),
)
SUBSCRIPTION = "subscription.id"
"""The attribute of a message that tells a FHIR subscription of an event: which one, and by that its number."""
SUBSCRIPTION_EVENT_COLUMNS = ("subscription", "message", "at", "focus")
KEPT_COLUMNS = ("kind", "key", "value", "expires", "due")


def message_row(entry: Entry, *, without_body: bool = False) -> tuple[object, ...]:
    """`entry` as a row of MESSAGE_COLUMNS; `without_body` where that is written apart."""
    message, keys = entry.message, entry.keys
    return (
        message.id,
        entry.queue,
        message.parent,
        message.format,
        len(message.body),
        microseconds(message.received),
        key_text(keys.type) or None,
        key_text(keys.control_id) or None,
        key_text(keys.patient_id) or None,
        _written(message.attributes),
        _written_findings(message.findings),
        orjson.dumps([clean(key) for key in entry.order_keys]).decode() if entry.order_keys else None,
        entry.status.value,
        entry.open,
        None if entry.due is None else microseconds(entry.due),
        0,
        None if entry.settled is None else microseconds(entry.settled),
        clean(entry.detail) or None,
        entry.body_of,
        message.body if entry.body_of is None and not without_body else None,
        entry.repeat_key,
    )


def state_row(state: State) -> tuple[object, ...]:
    """`state` as a row of STATE_COLUMNS."""
    return (
        state.id,
        state.status.value,
        state.open,
        None if state.settled is None else microseconds(state.settled),
        None if state.due is None else microseconds(state.due),
        state.attempts,
        None if state.first_attempt is None else microseconds(state.first_attempt),
        clean(state.detail) or None,
        state.reply or None,
    )


def event_row(event: Event) -> tuple[object, ...]:
    """`event` as a row of EVENT_COLUMNS."""
    return (event.message, microseconds(event.at), event.kind, clean(event.detail) or None, event.reply or None)


def term_rows(entry: Entry) -> list[tuple[object, ...]]:
    """The search terms of `entry` as rows of TERM_COLUMNS; what was made of a message is found with that message."""
    id = entry.message.parent or entry.message.id
    return [(name, key_text(value), id) for name, value in entry.keys.terms if value]


def kept_row(kept: Kept) -> tuple[object, ...]:
    """`kept` as a row of KEPT_COLUMNS."""
    due = None if kept.due is None else microseconds(kept.due)
    return (kept.kind, kept.key, clean(kept.value), microseconds(kept.expires), due)


def notice_row(entry: Entry) -> tuple[object, ...]:
    """What `entry` tells a subscriber (docs/notifications.md names the attributes), as a row of NOTICE_COLUMNS."""
    message, attributes = entry.message, entry.message.attributes
    return (
        message.id,
        message.parent or message.id,
        microseconds(message.received),
        entry.queue,
        *(clean(attributes.get(name, "")) for name in ("subscriber.id", NOTICE, "notice.kind", "notice.event")),
        *(clean(attributes.get(name, "")) for name in ("notice.digest", "notice.patient", "subscriber.member")),
        clean(attributes.get("notice.sender", "")),
        entry.end or None,
    )


def referral_row(entry: Entry) -> tuple[object, ...]:
    """What `entry` says in a referral, by the attributes that `track_referral` set, as a row of REFERRAL_COLUMNS."""
    message = entry.message
    received = microseconds(message.received)

    def text(name: str) -> str:
        return clean(message.attributes.get(f"referral.{name}", ""))

    return (
        message.id,
        message.parent or message.id,
        received,
        entry.queue,
        entry.end or None,
        key_text(f"{text('authority')}|{text('id')}"),
        *(text(name) for name in ("act", "verdict", "state", "reason")),
        _time(text("at")) or received,
        *(text(name) for name in ("digest", "control_id", "form", "sender", "to.form", "to.address")),
        key_text(text("patients").partition("\n")[0]),
        *(text(name) for name in ("patients", "filler", "party", "npi")),
        _time(text("appointment")),
    )


def _time(written: str) -> int | None:
    try:
        return microseconds(datetime.fromisoformat(written))
    except (ValueError, TypeError):  # not written by a step of ours
        return None


def subscription_event_row(entry: Entry) -> tuple[object, ...]:
    """The event that `entry` tells a subscription of, as a row of SUBSCRIPTION_EVENT_COLUMNS: it has no number yet."""
    message = entry.message
    focus = key_text(message.attributes.get("subscription.focus", "")) or None
    return (message.attributes[SUBSCRIPTION], message.id, microseconds(message.received), focus)
