"""One message to several: the members of a batch, or the repeating groups of a message."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated

from pydantic import BeforeValidator, InstanceOf, WithJsonSchema

from schemas.finding import Finding, Severity
from schemas.hl7v2 import Er7
from schemas.hl7v2.batch import split_batch
from schemas.hl7v2.structure import Group, Leaf, groups
from schemas.message import HL7V2, Message
from transforms.step import StepError, step

MOST_PARTS = 10_000
"""How many messages one message may be split into."""
MOST_BYTES = 256 << 20
"""How many bytes the parts of one message may come to: each repeats what stands before the repeating part."""
LEFT_OUT = "SPLIT-101"

_WAYS = "write `split: batch`, `split: {by: ORC}` or `split: {group: ORDER_OBSERVATION}`"
_NAME = {"by": re.compile(r"[A-Z][A-Z0-9]{2}\Z"), "group": re.compile(r"[A-Z][A-Z0-9_]{1,60}\Z")}


@dataclass(frozen=True, slots=True)
class Way:
    """How to split: `batch`, `by` the segment called `name`, or by the `group` called `name`."""

    kind: str
    name: str = ""


def _way(written: object) -> object:
    if written == "batch":
        return Way("batch")
    if not isinstance(written, Mapping) or len(written) != 1:
        return written if isinstance(written, Way) else _refused(_WAYS)
    ((kind, name),) = written.items()
    if kind not in _NAME:
        return _refused(_WAYS)
    if not isinstance(name, str) or not _NAME[kind].match(name):
        return _refused(f"{kind} takes a name in capitals as the standard writes it; {_WAYS}")
    if kind == "by" and name == "MSH":
        return _refused("a message has one MSH; a file of several messages is a batch: write `split: batch`")
    return Way(kind, name)


def _refused(why: str) -> object:
    raise ValueError(why)


HowToSplit = Annotated[
    InstanceOf[Way],
    BeforeValidator(_way),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "const": "batch"},
                *(
                    {
                        "type": "object",
                        "properties": {kind: {"type": "string", "pattern": pattern.pattern.replace("\\Z", "$")}},
                        "required": [kind],
                        "additionalProperties": False,
                    }
                    for kind, pattern in _NAME.items()
                ),
            ]
        }
    ),
]


@step
def split(message: Message, how: HowToSplit, /) -> Message | list[Message]:
    """Make several messages of one: the members of a batch, or one for each repetition of a segment or group.

    `batch` gives each message of a file with FHS, BHS, BTS and FTS, or of several MSH in a row, byte for byte.

    `{by: ORC}` cuts before every ORC: each message has all segments before the first ORC, and those from one ORC up to
    the next. Name the segment that begins the repeating part.

    `{group: ORDER_OBSERVATION}` follows the structure that MSH-9 and MSH-12 name: each message has one such group, and
    what stands above and beside it (MSH, PID, the visit). Segments that would be in none of them are reported
    (SPLIT-101).

    The parts of one message keep its control id with a number behind it (`4711-1`, `4711-2`), so that every part is
    told apart and a repeat of the message gives the same ids. The attributes `split.number` and `split.count` say
    which part it is. A message that has only one part, or none to split at, goes on as it is.

    Args:
        how: `batch`, `{by: SEGMENT}` or `{group: GROUP}`.
    """
    if message.format != HL7V2:
        raise StepError(f"only HL7 v2 can be split, and the body is {message.format}", "put the step before this")
    if how.kind == "batch":
        return _members(message)
    er7 = message.er7
    findings: list[Finding] = []
    if how.kind == "by":
        parts = _by_segment(er7, how.name)
    else:
        parts = _by_group(er7, how.name)
        findings = _left_out(er7, parts)
    _limit(len(parts))
    if len(parts) < 2:
        return message
    made: list[Message] = []
    size = 0
    for number, indexes in enumerate(parts, start=1):
        made.append(_part(message, indexes, (number, len(parts)), findings))
        size += len(made[-1].body)
        if size > MOST_BYTES:
            raise StepError(f"the parts come to more than {MOST_BYTES >> 20} MB", "split it before it is sent")
    return made


def _members(message: Message) -> Message | list[Message]:
    batch = split_batch(message.body)
    _limit(len(batch.messages))
    if len(batch.messages) == 1 and not batch.enveloped:
        return message
    return [
        message.derive(
            f"split/{number}",
            body=member.body,
            attributes=_numbered(number, len(batch.messages)),
            findings=batch.findings,
        )
        for number, member in enumerate(batch.messages, start=1)
    ]


def _part(message: Message, indexes: list[int], place: tuple[int, int], findings: list[Finding]) -> Message:
    number, count = place
    er7 = message.er7
    part = er7.only([er7.segments[index] for index in indexes])
    if er7.control_id:
        part.set("MSH-10", f"{er7.control_id}-{number}")
    return message.derive(f"split/{number}", body=part.encode(), attributes=_numbered(number, count), findings=findings)


def _numbered(number: int, count: int) -> dict[str, str]:
    return {"split.number": str(number), "split.count": str(count)}


def _limit(count: int) -> None:
    if count > MOST_PARTS:
        raise StepError(f"the message has {count:,} parts, more than {MOST_PARTS:,}", "split it before it is sent")


def _by_segment(er7: Er7, name: str) -> list[list[int]]:
    starts = [index for index, segment in enumerate(er7.segments) if segment.name == name]
    head = list(range(starts[0])) if starts else []
    ends = [*starts[1:], len(er7.segments)]
    return [[*head, *range(start, end)] for start, end in zip(starts, ends, strict=False)]


def _by_group(er7: Er7, name: str) -> list[list[int]]:
    tree = groups(er7)
    if not tree.structure:
        raise StepError("the structure of the message is not known", "see MSH-9 and MSH-12, or write split: {by: ...}")
    return list(_parts(tree, name, []))


def _parts(group: Group, name: str, above: list[int]) -> Iterator[list[int]]:
    """The segments of each part: one group called `name`, and what stands above and beside it."""
    on_the_way = [
        child for child in group if isinstance(child, Group) and (child.name == name or child.find(name) is not None)
    ]
    repeating = {child.name for child in on_the_way}
    beside = list(above)
    for child in group:
        if isinstance(child, Leaf):
            beside.append(child.index)
        elif child.name not in repeating:
            beside += [leaf.index for leaf in child.leaves]
    for child in on_the_way:
        if child.name == name:
            yield sorted([*beside, *(leaf.index for leaf in child.leaves)])
        else:
            yield from _parts(child, name, beside)


def _left_out(er7: Er7, parts: list[list[int]]) -> list[Finding]:
    if len(parts) < 2:
        return []
    carried = {index for part in parts for index in part}
    left = [segment.name or "a line" for index, segment in enumerate(er7.segments) if index not in carried]
    if not left:
        return []
    what = f"{len(left)} segments are in no part: {', '.join(sorted(set(left)))}"
    return [Finding(LEFT_OUT, left[0], what, "split by a segment, or by a group above", Severity.WARNING)]
