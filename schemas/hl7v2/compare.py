"""Two HL7 v2 messages compared element by element."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterator
from difflib import SequenceMatcher
from itertools import zip_longest

from schemas.difference import Difference
from schemas.hl7v2.er7 import Er7
from schemas.hl7v2.segment import HEADERS, Segment

MAX_ALIGNED = 2000
"""Beyond as many segments on one side, segments are paired by name and number alone: alignment takes quadratic time."""


def differences(before: bytes, after: bytes, charset: str | None = None) -> list[Difference]:
    """What sets two messages apart, path by path in the order of the messages; raises `Hl7Error` for one without MSH.

    Segments are aligned first, so that an inserted one shows as itself and not as a change of all that follow; paths
    count segments as `before` does, those of new segments as `after` does. How segments end, and which delimiters
    separate the elements within them, is not a difference of content beyond MSH-1 and MSH-2. `charset` is for
    messages that do not name theirs.
    """
    return compare(Er7.parse(before, charset=charset), Er7.parse(after, charset=charset))


def compare(before: Er7, after: Er7) -> list[Difference]:
    """As `differences`, for messages that are parsed already."""
    found: list[Difference] = []
    for old, new in _pairs(_placed(before), _placed(after)):
        if old is None or new is None:
            path, segment = old or new or ("", None)
            text = "" if segment is None else segment.text
            found.append(Difference(path, text, "") if new is None else Difference(path, "", text))
        else:
            found.extend(_fields((before, after), old[1], new[1], old[0]))
    return found


_Placed = tuple[str, Segment]
_Sides = tuple[Er7, Er7]
_Pair = tuple[_Placed | None, _Placed | None]


def _placed(message: Er7) -> list[_Placed]:
    """Every segment with its path: `OBX`, `OBX[2]`."""
    seen: Counter[str] = Counter()
    placed = []
    for segment in message.segments:
        seen[segment.name] += 1
        number = seen[segment.name]
        placed.append((segment.name if number == 1 else f"{segment.name}[{number}]", segment))
    return placed


def _pairs(before: list[_Placed], after: list[_Placed]) -> Iterator[_Pair]:
    """The segments that belong together and are not the same; None opposite one that the other side does not have."""
    if max(len(before), len(after)) > MAX_ALIGNED:
        yield from _by_name(before, after)
        return
    old, new = [each.text for _, each in before], [each.text for _, each in after]
    for what, i, j, k, m in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if what != "equal":
            yield from _by_name(before[i:j], after[k:m])


def _by_name(before: list[_Placed], after: list[_Placed]) -> Iterator[_Pair]:
    waiting: defaultdict[str, deque[_Placed]] = defaultdict(deque)
    for each in after:
        waiting[each[1].name].append(each)
    paired = set()
    for old in before:
        same = waiting[old[1].name]
        new = same.popleft() if same else None
        if new is not None:
            paired.add(new[0])
        yield old, new
    yield from ((None, new) for new in after if new[0] not in paired)


def _fields(sides: _Sides, old: Segment, new: Segment, path: str) -> Iterator[Difference]:
    for number, texts in enumerate(zip_longest(old.fields, new.fields, fillvalue="")):
        if number <= 2 and old.name in HEADERS:
            if texts[0] != texts[1]:
                yield Difference(f"{path}-{number}", *texts)
        elif number:
            yield from _elements(sides, texts, f"{path}-{number}", 0)


def _elements(sides: _Sides, texts: tuple[str, str], path: str, level: int) -> Iterator[Difference]:
    """What differs within an element: level 0 parts repetitions, 1 components, 2 subcomponents, 3 is a plain text."""
    if level == 3:
        before, after = sides[0].plain(texts[0]), sides[1].plain(texts[1])
        if before != after:
            yield Difference(path, before, after)
        return
    parts = [text.split(_separators(side)[level]) for side, text in zip(sides, texts, strict=True)]
    several = max(map(len, parts)) > 1
    for number, pair in enumerate(zip_longest(*parts, fillvalue=""), start=1):
        place = path
        if several and level == 0 and number > 1:
            place = f"{path}[{number}]"
        elif several and level > 0:
            place = f"{path}.{number}"
        yield from _elements(sides, (pair[0], pair[1]), place, level + 1)


def _separators(message: Er7) -> tuple[str, str, str]:
    delimiters = message.delimiters
    return delimiters.repetition, delimiters.component, delimiters.subcomponent
