"""What was heard against what must be heard; each difference by its kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import NamedTuple

from bench.day.oracle import Expected, Heard, Notice
from bench.day.partners import Subscribers


class Compared(NamedTuple):
    """The differences by kind ("missing: of two panels, region, new admit"), which are none where all is right, and
    what came of those whose record has slips."""

    expected: int
    heard: int
    differences: Counter[str]
    doubtful: Counter[str]


def compare(expected: Expected, subscribers: Subscribers, left: Collection[tuple[str, str]]) -> Compared:
    """Compare; `left` are panels and control ids of messages that were left to a person."""
    heard = subscribers.heard
    differences: Counter[str] = Counter()
    doubtful: Counter[str] = Counter()
    for at, notice in expected.must.items():
        if at not in heard:
            where = "left to a person" if at in left else "missing"
            differences[_kind(where, expected, at, notice)] += 1
        elif not _agree(notice, heard[at]):
            differences[f"{_kind('wrong', expected, at, notice)}, heard {_said(heard[at])}"] += 1
    for at, notice in heard.items():
        if at not in expected.must and at not in expected.doubtful:
            differences[_kind("too many", expected, at, notice)] += 1
        if subscribers.times[at] > 1:
            differences[_kind("told twice", expected, at, notice)] += subscribers.times[at] - 1
    for at, notice in expected.may.items():
        if at in heard:
            doubtful["told" if _agree(notice, heard[at]) else "told otherwise"] += 1
        else:
            doubtful["left to a person" if at in left else "not told"] += 1
    for at in _beyond(expected, heard):
        doubtful[f"told besides ({expected.kinds[at[1]]})"] += 1
    return Compared(len(expected.must), sum(subscribers.times.values()), differences, doubtful)


def _beyond(expected: Expected, heard: Heard) -> list[tuple[str, str]]:
    return [at for at in heard if at in expected.doubtful and at not in expected.may]


def _agree(one: Notice, heard: Notice) -> bool:
    """Whether the two are the same; a FHIR bundle says the phase and not the event."""
    return (one.kind, one.phase) == (heard.kind, heard.phase) and heard.event in ("", one.event)


def _kind(what: str, expected: Expected, at: tuple[str, str], notice: Notice) -> str:
    return f"{what}: patient {expected.kinds.get(at[1], 'nobody sent')}, {at[0]}, {_said(notice)}"


def _said(notice: Notice) -> str:
    return f"{notice.kind} {notice.event or notice.phase}"
