"""Which place of a message structure each segment takes, for well-ordered and for damaged messages alike.

A segment takes the nearest place that leaves the fewest required ones empty. Going on in the open group comes before
repeating it, and that before leaving it. What has no place by order still gets one by name, and is reported.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from schemas.finding import Finding
from schemas.hl7v2.structure_tables import ANY_SEGMENT, Node, Tables
from schemas.hl7v2.validate_codes import finding

_ENVELOPE = frozenset(["FHS", "BHS", "BTS", "FTS", "ADD"])
"""Batch headers and trailers stand around messages, ADD continues any segment (2.10.2): no structure lists them."""


@dataclass(slots=True, eq=False)
class Instance:
    """One repetition of a group in the message; `counts` and `latest` go by the number of the child in `node`."""

    id: int
    parent: int
    node: Node
    repetition: int
    index: int
    """The segment that opened it."""
    position: int = -1
    counts: Counter[int] = field(default_factory=Counter)
    latest: dict[int, Instance] = field(default_factory=dict)
    held: set[str] = field(default_factory=set)
    """The names of the segments in it and beneath, as far as they came in order."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Segment number `index` stands in group `instance`, for which `opened` had to be made, outermost first."""

    index: int
    instance: int
    opened: tuple[Instance, ...]


@dataclass(frozen=True, slots=True)
class _Way:
    """From the instance at `depth` of the open ones, the numbers of the children down to the segment's place."""

    cost: int
    depth: int
    steps: tuple[int, ...]


@lru_cache(maxsize=8192)
def _descent(node: Node, name: str) -> tuple[int, tuple[int, ...]] | None:
    """The cheapest way from the start of a group to a segment: required places left empty, numbers of the children."""
    best: tuple[int, tuple[int, ...]] | None = None
    skipped = 0
    for number, child in enumerate(node.children):
        found = _into(child, name)
        if found is not None and (best is None or skipped + found[0] < best[0]):
            best = (skipped + found[0], (number, *found[1]))
        if child.least and not node.choice:
            skipped += 1
    return best


def _into(child: Node, name: str) -> tuple[int, tuple[int, ...]] | None:
    if child.is_group:
        return _descent(child, name) if name in child.names else None
    return (0, ()) if child.name == name else None


class Walker:
    """Walks one message, whose segments are called `names`, through the structure `root`."""

    def __init__(self, root: Node, tables: Tables, names: list[str]) -> None:
        self._tables = tables
        self._names = names
        self._instances = [Instance(0, 0, root, 1, 0)]
        self._open = [self._instances[0]]
        self._problems: list[tuple[str, int, str]] = []
        self._later = Counter(names)

    def walk(self) -> Iterator[Placement]:
        """The place of each segment, in the order of the message.

        A second MSH ends the message: it and what follows stand in the outermost group and are not checked.
        """
        header = 0
        for index, name in enumerate(self._names):
            header += name == "MSH"
            if header > 1:
                yield Placement(index, 0, ())
                continue
            self._later[name] -= 1
            yield self._place(index, name)

    def findings(self, lines: list[int]) -> list[Finding]:
        """What is wrong with the order of the segments, once the walk is over; `lines` are the segments' lines."""
        addresses = _addresses(self._names)
        found = [
            (index, finding(code, addresses[index], f"{what}, line {lines[index]}"))
            for code, index, what in self._problems
        ]
        for instance in self._instances:
            found += [(instance.index, each) for each in self._missing(instance, lines)]
        found.sort(key=lambda each: each[0])
        return [each for _, each in found]

    def _place(self, index: int, name: str) -> Placement:
        root = self._open[0]
        if name in _ENVELOPE and name not in root.node.names:
            return Placement(index, root.id, ())
        if name in root.node.names:
            way = self._way(name)
            if way is not None:
                return self._follow(index, way)
            return self._displace(index, name)
        known = self._tables.has_segment(name)
        if ANY_SEGMENT in root.node.names and (known or name.startswith("Z")):
            way = self._way(ANY_SEGMENT)
            if way is not None:
                return self._follow(index, way)
        elif known:
            self._problems.append(("V2-202", index, f"{root.node.name} has no segment {name}"))
        elif name and not name.startswith("Z"):
            self._problems.append(("V2-205", index, f"version {self._tables.version} has no segment of this name"))
        return Placement(index, self._open[-1].id, ())

    def _way(self, name: str) -> _Way | None:
        """The best way from where the walk stands to a place for `name`, None when there is none by order."""
        best: _Way | None = None
        abandoned = 0
        into_new = False
        for depth in range(len(self._open) - 1, -1, -1):
            instance = self._open[depth]
            again = _again(instance, name)
            if again is not None:
                way = _Way(abandoned + again[0], depth, again[1])
                repeats = into_new and not abandoned and self._repeats(depth + 1, name, again[0])
                if best is None or way.cost < best.cost or repeats:
                    best, into_new = way, False
            for cost, steps in _onward(instance, name):
                if best is None or abandoned + cost < best.cost:
                    best, into_new = _Way(abandoned + cost, depth, steps), len(steps) > 1
            abandoned += sum(1 for number, _ in _unfilled(instance) if number > instance.position)
        if best is not None and best.depth == 0 and self._comes_later(best):
            return None
        return best

    def _repeats(self, depth: int, name: str, skipped: int) -> bool:
        # ORC OBR OBX ORC OBR in OML_O21: the second ORC could begin a prior result inside the order as well. What began
        # the open repetition begins the next one, rather than another group inside it.
        return skipped > 0 or (depth < len(self._open) and self._names[self._open[depth].index] == name)

    def _comes_later(self, way: _Way) -> bool:
        # MSH PID EVN PV1: it is PID that is out of order, EVN is not missing.
        root = self._open[0]
        skipped = ((number, root.node.children[number]) for number in range(root.position + 1, way.steps[0]))
        return any(
            child.least and not child.is_group and not root.counts[number] and self._later[child.name] > 0
            for number, child in skipped
        )

    def _follow(self, index: int, way: _Way) -> Placement:
        del self._open[way.depth + 1 :]
        instance = self._open[-1]
        opened: list[Instance] = []
        for number in way.steps:
            instance.position = number
            instance.counts[number] += 1
            if instance.node.children[number].is_group:
                instance = self._make(instance, number, index)
                opened.append(instance)
                self._open.append(instance)
        for each in self._open:
            each.held.add(self._names[index])
        return Placement(index, instance.id, tuple(opened))

    def _displace(self, index: int, name: str) -> Placement:
        """The place by name of a segment that has none by order: in the innermost open group that defines it."""
        instance = next(each for each in reversed(self._open) if name in each.node.names)
        found = _descent(instance.node, name)
        assert found is not None
        opened: list[Instance] = []
        for number in found[1]:
            child = instance.node.children[number]
            if child.is_group and number in instance.latest:
                instance = instance.latest[number]
                continue
            instance.counts[number] += 1
            if child.is_group:
                instance = self._make(instance, number, index)
                opened.append(instance)
        last = instance.node.children[found[1][-1]]
        if instance.node.choice and instance.counts.total() > 1:
            self._problems.append(("V2-204", index, f"{self._label(instance)} takes only one of its segments"))
            return Placement(index, instance.id, tuple(opened))
        if last.most is not None and instance.counts[found[1][-1]] > last.most:
            most = "once" if last.most == 1 else f"{last.most} times"
            self._problems.append(("V2-204", index, f"{name} stands at most {most} in {self._label(instance)}"))
        else:
            self._problems.append(("V2-203", index, f"{name} is out of order in {self._label(instance)}"))
        return Placement(index, instance.id, tuple(opened))

    def _make(self, parent: Instance, number: int, index: int) -> Instance:
        node = parent.node.children[number]
        made = Instance(len(self._instances), parent.id, node, parent.counts[number], index)
        parent.latest[number] = made
        self._instances.append(made)
        return made

    def _missing(self, instance: Instance, lines: list[int]) -> Iterator[Finding]:
        place = self._label(instance)
        if instance.id:
            place += f", which begins on line {lines[instance.index]}"
        for _, child in _unfilled(instance):
            if child.is_group:
                yield finding("V2-206", child.short, f"required group {child.short} is missing in {place}")
            else:
                yield finding("V2-201", child.name, f"required segment {child.name} is missing in {place}")

    def _label(self, instance: Instance) -> str:
        if instance.repetition == 1 and instance.node.most == 1:
            return instance.node.short
        return f"{instance.node.short}[{instance.repetition}]"


def _addresses(names: list[str]) -> list[str]:
    """`PID`, `OBX`, `OBX[2]`: each segment with its place among those of its name."""
    seen: Counter[str] = Counter()
    addresses: list[str] = []
    for name in names:
        seen[name] += 1
        addresses.append(name if seen[name] == 1 else f"{name}[{seen[name]}]")
    return addresses


def _onward(instance: Instance, name: str) -> Iterator[tuple[int, tuple[int, ...]]]:
    """The ways from where `instance` stands to a later place for `name`, with the required places they leave empty."""
    node, position = instance.node, instance.position
    if node.choice and position >= 0:
        return
    skipped = 0
    for number in range(position + 1, len(node.children)):
        child = node.children[number]
        found = _into(child, name)
        if found is not None and not _is_full(instance, number):
            yield skipped + found[0], (number, *found[1])
        if child.least and not node.choice and not instance.counts[number]:
            skipped += 1


def _again(instance: Instance, name: str) -> tuple[int, tuple[int, ...]] | None:
    """The way to repeat the place where `instance` stands: only by what begins it, or by what it already has."""
    number = instance.position
    if number < 0 or _is_full(instance, number):
        return None
    found = _into(instance.node.children[number], name)
    if found is None or (found[0] and not _wraps(instance.latest.get(number), name, *found)):
        return None
    return found[0], (number, *found[1])


def _is_full(instance: Instance, number: int) -> bool:
    most = instance.node.children[number].most
    return most is not None and instance.counts[number] >= most


def _wraps(current: Instance | None, name: str, cost: int, steps: tuple[int, ...]) -> bool:
    """Whether a segment in the middle of the group `current` begins its next repetition.

    ORC OBR OBX OBR OBX: the second OBR begins a new order, whose ORC is missing. But a second PV1 begins no new
    patient: only places directly in the repeated group may be left empty, and it must stand where the segment stood.
    """
    if current is None or current.position != steps[0] or name not in current.held:
        return False
    return cost == sum(1 for child in current.node.children[: steps[0]] if child.least)


def _unfilled(instance: Instance) -> Iterator[tuple[int, Node]]:
    """The required places of a group that nothing has filled, with their numbers."""
    if instance.node.choice:
        return
    for number, child in enumerate(instance.node.children):
        if child.least and not instance.counts[number] and child.name != ANY_SEGMENT:
            yield number, child
