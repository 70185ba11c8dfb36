"""A digest: what has gathered for a subscriber, as little as it comes to, in one message."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from schemas.fhir import Resource, dumps
from schemas.hl7v2 import Er7, build_batch
from schemas.ids import derived_id
from schemas.message import FHIR, HL7V2, TEXT, Message

DIGEST = "deliver.digest"
"""The attribute of a message that waits to be told with others: in whose digest."""
_WAITING = (DIGEST, "deliver.after", "notice.key")
"""What those say that wait; by `notice.key` each is noted as told already."""


@dataclass(frozen=True, slots=True)
class Item:
    """What a digest tells of one thing that happened: `notice`, which stands for the notices with the ids `of`."""

    notice: Message
    of: tuple[str, ...]


def fold(notices: Sequence[Message]) -> tuple[list[Item], list[str]]:
    """What there is to tell of `notices`, in the order in which they came, and the ids of those that come to nothing.

    An update of what is in the same digest takes its place, and is told as what that was. What was taken back before it
    was told is not told, and neither is that it was taken back.
    """
    items: list[Item | None] = []
    live: dict[str, list[int]] = {}
    gone: list[str] = []
    for notice in notices:
        kind, places = notice.get("notice.kind"), live.setdefault(notice.get("notice.key"), [])
        before = items[places[-1]] if places else None
        if before is None or kind not in ("update", "withdrawal") or before.notice.get("notice.kind") == "withdrawal":
            places.append(len(items))
            items.append(Item(notice, (notice.id,)))
        elif kind == "update":
            items[places[-1]] = Item(_latest(before.notice, notice), (*before.of, notice.id))
        elif before.notice.get("notice.kind") == "new":
            items[places.pop()] = None
            gone += (*before.of, notice.id)
        else:
            items[places[-1]] = Item(notice, (*before.of, notice.id))
    return [each for each in items if each is not None], gone


def _latest(first: Message, update: Message) -> Message:
    """What `first` tells, by what is known since `update`: its event and time are those of the first."""
    attributes = {"notice.kind": first.get("notice.kind")}
    if first.format != HL7V2 or update.format != HL7V2 or first.er7.delimiters != update.er7.delimiters:
        return update.derive("digest", attributes=attributes)
    made = update.er7.copy()
    made.set_raw("MSH-9", first.er7.raw("MSH-9"))
    if first.er7.named("EVN"):
        if not made.named("EVN"):
            made.add("EVN", after=made.named("MSH")[0])
        made.set_raw("EVN", first.er7.raw("EVN"))
    return update.derive("digest", attributes=attributes, body=made.encode())


def together(told: Sequence[Message], id: str, now: datetime, *, one_by_one: bool) -> list[Message]:
    """The messages that a digest goes out in: `told` are the forms of its items. Their ids are derived from `id`.

    Texts become one text, FHIR messages a Bundle of the type batch, HL7 v2 messages a batch. With `one_by_one`, and in
    a form that has nothing of the kind, each goes on its own. None waits for a digest any more.
    """
    formats = {message.format for message in told}
    joined = None
    if len(told) > 1 and len(formats) == 1 and not one_by_one:
        joined = _joined(formats.pop(), told, id, now)
    if joined is None:
        return [_sent(message, derived_id(id, str(at)), now) for at, message in enumerate(told)]
    first = told[0]
    common = {
        name: text for name, text in first.attributes.items() if all(each.attributes.get(name) == text for each in told)
    }
    findings = tuple(dict.fromkeys(finding for each in told for finding in each.findings))
    whole = replace(first, body=joined, attributes={**common, "digest.count": str(len(told))}, findings=findings)
    return [_sent(whole, derived_id(id, "0"), now)]


def _sent(message: Message, id: str, now: datetime) -> Message:
    attributes = {name: text for name, text in message.attributes.items() if name not in _WAITING}
    return replace(message, id=id, received=now, attributes=attributes)


def _joined(format: str, messages: Sequence[Message], id: str, now: datetime) -> bytes | None:
    if format == TEXT:
        return _text([message.body.decode(errors="replace") for message in messages])
    if format == FHIR:
        return dumps(_batch([message.fhir for message in messages]))
    return _v2([message.er7 for message in messages], id, now) if format == HL7V2 else None


def _text(texts: Sequence[str]) -> bytes:
    numbered = [f"{number}. {text.strip()}\n" for number, text in enumerate(texts, start=1)]
    return "\n\n".join([f"{len(texts)} notices", *numbered]).encode()


def _batch(bundles: Sequence[Resource]) -> Resource:
    """Each is a notification of its own, about one patient: the recipient is asked to process one after another."""
    asked = {"method": "POST", "url": "$process-message"}
    return {
        "resourceType": "Bundle",
        "type": "batch",
        "entry": [{"resource": bundle, "request": asked} for bundle in bundles],
    }


def _v2(messages: Sequence[Er7], id: str, now: datetime) -> bytes:
    first = messages[0]
    return build_batch(
        [each.encode() for each in messages],
        control_id=id[-20:],
        now=now,
        sending_application=first.get("MSH-3.1"),
        sending_facility=first.get("MSH-4.1"),
        receiving_application=first.get("MSH-5.1"),
        receiving_facility=first.get("MSH-6.1"),
    )
