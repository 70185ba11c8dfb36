"""What no map has read: kept with the resource that its segment became, or left out for a reason; never in silence."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from schemas.fhir import Element, Resource
from schemas.finding import Severity
from transforms.elements import add_extension
from transforms.v2_to_fhir.encoded import in_standard
from transforms.v2_to_fhir.extensions import kept_element
from transforms.v2_to_fhir.run import Run
from transforms.v2_to_fhir.source import SourceSegment

KEPT = "FHIR-101"
NOT_CARRIED = "FHIR-102"
Z_SEGMENT_DROPPED = "FHIR-103"

_SET_ID = "it numbers the segments of the message, and the order of the resources says the same"
_SET_IDS = (
    *(
        "PID",
        "NK1",
        "PV1",
        "AL1",
        "IAM",
        "DG1",
        "PR1",
        "DB1",
        "IN1",
        "IN3",
        "GT1",
        "OBX",
        "OBR",
        "NTE",
        "SPM",
        "SCH",
        "AIG",
    ),
    *("AIL", "AIP", "AIS", "RGS", "TQ1", "FT1", "TXA", "PRB", "GOL", "PTH", "SAC", "PRD", "CTD", "RXD"),
)
LEFT_OUT: dict[tuple[str, int], str] = {
    **{(name, 1): _SET_ID for name in _SET_IDS if name not in ("SCH", "PRB", "GOL", "PTH", "PRD", "CTD", "RXD", "SAC")},
    ("MSH", 12): "the version of HL7 v2 that the message is written in; the resources are FHIR R4",
    ("MSH", 13): "a sequence number of the sender's link, of no meaning beyond it",
    ("MSH", 14): "a continuation pointer of the sender's link, of no meaning beyond it",
    ("MSH", 15): "how the message is to be acknowledged; that was done when it came",
    ("MSH", 16): "how the message is to be acknowledged; that was done when it came",
    ("MSH", 18): "the character set of the message; FHIR is always UTF-8",
    ("MSH", 20): "how the message switches character sets; FHIR is always UTF-8",
    ("EVN", 1): "the trigger event, which MSH-9 gives",
    ("OBX", 2): "the data type of OBX-5, which the value's own type says",
}
"""The fields that no resource needs, and why."""


class Leftover(NamedTuple):
    """An element that no map has read: its field, its address, its encoded text."""

    field: int
    where: str
    text: str


def leftovers(segment: SourceSegment, run: Run) -> Iterator[Leftover]:
    """What was not read of `segment`, without what is left out for a reason."""
    for field, where, wire in segment.unread():
        if (segment.name, field) not in LEFT_OUT:
            yield Leftover(field, where, in_standard(run.er7.decode_wire(wire), run.er7.delimiters))


def sweep(run: Run) -> None:
    """Keep what is left of every segment with the resource that it became, and report it by field."""
    keep = run.options.unmapped_field == "keep"
    before = run.header
    for segment in run.segments:
        if segment.name.startswith("Z"):
            segment.target = _z_target(segment, run)
            if segment.target is None:
                continue
        else:
            # A segment without a map of its own belongs to what stands before it.
            before = segment.target = segment.target or before
        rest = list(leftovers(segment, run))
        if not rest:
            continue
        if keep:
            add_extension(segment.target, *[_kept(each) for each in rest])
        for field in dict.fromkeys(each.field for each in rest):
            where = segment.where(field)
            if keep:
                what = "no map reads this; it is kept as an extension"
                run.tell(KEPT, where, what, severity=Severity.INFORMATION)
            else:
                run.tell(NOT_CARRIED, where, "no map reads this, and it is not carried", "write unmapped_field: keep")


def _kept(left: Leftover) -> Element:
    """The extension that keeps an element: its address and its encoded text, a null included."""
    return kept_element(left.where, left.text)


def _z_target(segment: SourceSegment, run: Run) -> Resource | None:
    """The resource that a Z segment is kept with, by the site's choice; None when it is dropped."""
    if segment.target is not None:
        return segment.target
    match run.options.z_segments:
        case "drop":
            what = "a local segment that the site drops"
            run.tell(Z_SEGMENT_DROPPED, segment.where(), what, "write z_segments: basic to keep it")
            return None
        case "extension":
            return run.patient or run.header
        case _:
            basic = run.add("Basic", run.sender, run.control_id, segment.where())
            basic["code"] = {"text": f"HL7 v2 segment {segment.name}"}
            if run.patient is not None:
                basic["subject"] = run.refer(run.patient)
            return basic
