"""An ADT message as a practice is told it: version 2.5.1, its own number of the patient, all of it or the least."""

from __future__ import annotations

import hashlib
from functools import lru_cache

from schemas.hl7v2 import Er7, Segment
from schemas.hl7v2.structure_tables import tables
from transforms.notify.events import sender_of
from transforms.notify.notice import Notice, happened

VERSION = "2.5.1"

_NEW = {"arrival": "A01", "transfer": "A02", "discharge": "A03"}
_WITHDRAWN = {"arrival": "A11", "transfer": "A12", "discharge": "A13"}
_STRUCTURES = {"A02": "ADT_A02", "A03": "ADT_A03", "A11": "ADT_A09", "A12": "ADT_A12"}
_WITHOUT_BED = ("emergency", "observation", "outpatient")
_OURS = ("MSH", "EVN")


def _trigger_of(notice: Notice, sent: str) -> str:
    """The trigger event by which the practice is told; `sent` is the hospital's.

    An arrival stays A01 or A04; where it was another event, it is A04 for who is given no bed. An update is A08,
    whatever told of it, a withdrawal the cancellation of what was told.
    """
    if notice.kind == "update":
        return "A08"
    if notice.kind == "withdrawal":
        return _WITHDRAWN[notice.phase]
    if notice.phase == "arrival" and (sent == "A04" or (sent != "A01" and notice.event in _WITHOUT_BED)):
        return "A04"
    return _NEW[notice.phase]


def practice_adt(er7: Er7, notice: Notice, control_id: str) -> tuple[Er7, list[str]]:
    """The message for the practice, and the names of the segments that it leaves out.

    Its own number of the patient comes first in PID-3. Times stay as they are, and so does MSH-7, whose offset is that
    of all times without one. What MSH-4 says is in EVN-7 too, should the exchange put itself there.
    """
    trigger = _trigger_of(notice, er7.trigger_event)
    structure = _STRUCTURES.get(trigger, "ADT_A01")
    if notice.is_least:
        return _least(er7, notice, control_id, (trigger, structure)), []
    kept = [each for each in er7.segments if each.name in _OURS or each.name in _names(structure)]
    made = er7.only(each for each in kept if not (each.name in _OURS and each.occurrence > 1))
    for segment in made.segments:
        _cut(segment)
    _put_event(made, er7, control_id, trigger, structure)
    others = made.raw("PID-3")
    if notice.member:
        made.set_raw("PID-3", made.delimiters.repetition.join(filter(None, (_member(made, notice), others))))
    kept_names = {each.name for each in made.segments}
    return made, sorted({each.name for each in er7.segments if each.name and each.name not in kept_names})


def _member(made: Er7, notice: Notice) -> str:
    """The practice's own number of the patient, as CX."""
    made.set("PID-3", "")
    for part, text in ((1, notice.member), (4, notice.roster), (5, "PI")):
        made.set(f"PID-3.{part}", text)
    return made.raw("PID-3")


def _least(er7: Er7, notice: Notice, control_id: str, event: tuple[str, str]) -> Er7:
    """Whose event, which, when, where, and who treats them (42 CFR 482.24(d)(2)): nothing else."""
    made = er7.only(er7.named("MSH")[:1])
    for field in range(3, len(made.named("MSH")[0].fields) + 1):
        if field not in (4, 7, 11, 18):
            made.set(f"MSH-{field}", "")
    made.set("MSH-4", sender_of(er7))
    for name in ("EVN", "PID", "PV1"):
        made.add(name)
    _put_event(made, er7, control_id, *event)
    made.set("EVN-6", happened(er7))
    made.set("PID-1", "1")
    if notice.member:
        _member(made, notice)
    made.set_raw("PID-5", er7.raw("PID-5[1]"))
    made.set("PV1-1", "1")
    made.set("PV1-2", er7.get("PV1-2.1"))
    attending = [er7.raw(f"PV1-7[1].{part}") for part in range(2, 8)]
    made.set_raw("PV1-7", made.delimiters.component.join(["", *attending]) if any(attending) else "")
    made.set("PV1-19", _visit(notice))
    ends = {"arrival": "PV1-44", "discharge": "PV1-45"}.get(notice.phase)
    if ends is not None and (notice.kind, notice.phase) != ("withdrawal", "discharge"):
        made.set(ends, er7.get(f"{ends}.1") or (happened(er7) if notice.kind == "new" else ""))
    return made


def _visit(notice: Notice) -> str:
    """What joins the notices of one visit for their subscriber, and says nothing of the hospital's own number."""
    if not notice.visit:
        return ""
    return hashlib.sha256(f"{notice.subscriber}\n{notice.visit}".encode()).hexdigest()[:16]


def _put_event(made: Er7, er7: Er7, control_id: str, trigger: str, structure: str) -> None:
    d = made.delimiters
    made.set_raw("MSH-9", d.component.join(("ADT", trigger, structure)))
    made.set("MSH-10", control_id)
    made.set("MSH-12", VERSION)
    if not made.named("EVN"):
        made.add("EVN", after=made.named("MSH")[0])
    made.set("EVN-1", trigger)
    made.set("EVN-2", er7.get("EVN-2.1") or er7.get("MSH-7.1"))
    if not made.get("EVN-7"):
        made.set("EVN-7", sender_of(er7))


def _cut(segment: Segment) -> None:
    """Take away what later versions have added to a segment."""
    for field in range(len(segment.fields) - 1, _last(segment.name), -1):
        segment.remove(str(field))


@lru_cache
def _names(structure: str) -> frozenset[str]:
    """The segments of the message; MSH and EVN are the exchange's own, and software (SFT) is the sender's."""
    node = tables(VERSION).structure(structure)
    return node.names - {"MSH", "EVN", "SFT"} if node is not None else frozenset()


@lru_cache
def _last(segment: str) -> int:
    return max(tables(VERSION).fields(segment) or (0,))
