"""The segments of a message in the groups that its structure defines (HL7 v2.9, 2.12 and the chapters' syntaxes)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from schemas.finding import Finding
from schemas.hl7v2.structure_events import structures_for
from schemas.hl7v2.structure_tables import DEFAULT_VERSION, Tables, nearest_version, tables
from schemas.hl7v2.structure_walk import Placement, Walker
from schemas.hl7v2.validate_codes import finding

if TYPE_CHECKING:
    from schemas.hl7v2 import Er7, Segment

_LINE_END = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class Leaf:
    """A segment in its place; `index` counts from 0 through the message, `line` from 1 through the input."""

    segment: Segment
    index: int
    line: int

    @property
    def name(self) -> str:
        """The segment's name, `PID`."""
        return self.segment.name

    def __repr__(self) -> str:
        return f"<Leaf {self.name} line {self.line}>"


@dataclass(slots=True)
class Group:
    """A group of segments: `name` as structures print it (`ORDER_OBSERVATION`), `repetition` counted from 1.

    Iterating gives the segments (`Leaf`) and groups directly in it. The outermost group bears the structure's name.
    """

    name: str
    repetition: int = 1
    children: list[Leaf | Group] = field(default_factory=list)

    def __iter__(self) -> Iterator[Leaf | Group]:
        return iter(self.children)

    def walk(self) -> Iterator[Group]:
        """This group and every group beneath, in the order of the structure."""
        yield self
        for child in self.children:
            if isinstance(child, Group):
                yield from child.walk()

    def find(self, name: str) -> Group | None:
        """The first group beneath of that name, or None."""
        return next(iter(self.find_all(name)), None)

    def find_all(self, name: str) -> list[Group]:
        """Every group beneath of that name, in order; its full name (`ORU_R01_ORDER_OBSERVATION`) serves as well."""
        return [group for group in self.walk() if group is not self and group.name in (name, _short(name))]

    @property
    def leaves(self) -> list[Leaf]:
        """Every segment beneath, in the order of the message."""
        found = [child for group in self.walk() for child in group.children if isinstance(child, Leaf)]
        return sorted(found, key=lambda leaf: leaf.index)

    @property
    def segments(self) -> list[Segment]:
        """Every segment beneath, in the order of the message."""
        return [leaf.segment for leaf in self.leaves]

    def first(self, name: str) -> Segment | None:
        """The first segment of that name in this group or beneath it, or None."""
        return next((leaf.segment for leaf in self.leaves if leaf.name == name), None)

    def own(self, name: str) -> list[Segment]:
        """The segments of that name directly in this group: the NTE of an order, not those of its observations."""
        return [child.segment for child in self.children if isinstance(child, Leaf) and child.name == name]


@dataclass(slots=True)
class Tree(Group):
    """The whole message in groups, and what was noticed while grouping it.

    `structure` is empty when none is known for the message: its segments then stand in a row. `version` is that of the
    tables used.
    """

    structure: str = ""
    version: str = DEFAULT_VERSION
    findings: list[Finding] = field(default_factory=list)


def groups(er7: Er7) -> Tree:
    """The message in the groups of its structure. Never raises for what a message contains.

    A segment that is out of order stands in the group that defines it, one that the structure does not have in the
    group that was open, and so does a Z segment; the tree's findings tell (docs/validate.md).
    """
    found = resolve(er7)
    tree = Tree(
        found.structure or er7.message_type or "message", structure=found.structure, version=found.tables.version
    )
    tree.findings = found.findings
    node = found.tables.structure(found.structure) if found.structure else None
    leaves = [
        Leaf(segment, index, line)
        for index, (segment, line) in enumerate(zip(er7.segments, lines_of(er7), strict=True))
    ]
    if node is None:
        tree.children = [*leaves]
        return tree
    walker = Walker(node, found.tables, [leaf.name for leaf in leaves])
    _build(tree, walker.walk(), leaves)
    tree.findings += walker.findings([leaf.line for leaf in leaves])
    return tree


def lines_of(er7: Er7) -> list[int]:
    """The line of the input that each segment begins on, from 1; every CR, LF or CR LF ends a line."""
    segments = er7.segments
    lines: list[int] = []
    line = er7.line_of(segments[0]) if segments else 1
    for segment in segments:
        lines.append(line)
        line += 1 if segment.end in ("\r", "\n", "\r\n") else len(_LINE_END.findall(segment.end))
        if "\n" in segment.wire or "\r" in segment.wire:
            line += len(_LINE_END.findall(segment.wire))
    return lines


@dataclass(slots=True)
class Resolved:
    """The tables and the structure that a message is read by; `structure` is empty when none is known."""

    tables: Tables
    structure: str
    findings: list[Finding]


def resolve(er7: Er7) -> Resolved:
    """Which tables and which structure rule `er7`, by MSH-12 and MSH-9, and what is odd about the two."""
    findings: list[Finding] = []
    rules = tables(_version(er7.version.strip(), findings))
    return Resolved(rules, _structure(er7, rules, findings), findings)


def _version(declared: str, findings: list[Finding]) -> str:
    if not declared:
        findings.append(finding("V2-101", "MSH-12", f"no version is given; checked as {DEFAULT_VERSION}"))
        return DEFAULT_VERSION
    nearest = nearest_version(declared)
    if nearest is None:
        findings.append(finding("V2-102", "MSH-12", f"this is no version of HL7 v2; checked as {DEFAULT_VERSION}"))
        return DEFAULT_VERSION
    if nearest != declared:
        findings.append(finding("V2-103", "MSH-12", f"there are no tables of this version; checked as {nearest}"))
    return nearest


def _structure(er7: Er7, rules: Tables, findings: list[Finding]) -> str:
    kind, event, declared = er7.message_type, er7.trigger_event or er7.get("EVN-1"), er7.structure
    if not kind:
        findings.append(
            finding("V2-104", "MSH-9", "the message type is not given; the order of segments is not checked")
        )
        return ""
    possible = [name for name in structures_for(kind, event, rules.version) if rules.structure(name) is not None]
    if declared:
        return _declared(declared, possible, rules, findings)
    if possible:
        return possible[0]
    if kind.startswith("Z") or event.startswith("Z"):
        findings.append(
            finding("V2-106", "MSH-9", "this is a local message type; the order of segments is not checked")
        )
    else:
        what = f"version {rules.version} has no structure for this message type and event"
        findings.append(finding("V2-105", "MSH-9", f"{what}; the order of segments is not checked"))
    return ""


def _declared(declared: str, possible: list[str], rules: Tables, findings: list[Finding]) -> str:
    known = rules.structure(declared) is not None
    if known and (not possible or declared in possible):
        return declared
    if known:
        findings.append(
            finding("V2-107", "MSH-9.3", f"the event's structure is {possible[0]}; checked as the message declares")
        )
        return declared
    if possible:
        what = f"version {rules.version} has no such structure; checked as {possible[0]}, the event's own"
        findings.append(finding("V2-108", "MSH-9.3", what))
        return possible[0]
    what = f"version {rules.version} has no such structure"
    findings.append(finding("V2-105", "MSH-9.3", f"{what}; the order of segments is not checked"))
    return ""


def _build(tree: Group, placements: Iterator[Placement], leaves: list[Leaf]) -> None:
    made: dict[int, Group] = {0: tree}
    for placement in placements:
        for opened in placement.opened:
            made[opened.id] = Group(opened.node.short, opened.repetition)
            made[opened.parent].children.append(made[opened.id])
        made[placement.instance].children.append(leaves[placement.index])


def _short(name: str) -> str:
    parts = name.split("_", 2)
    return parts[2] if len(parts) == 3 and len(parts[0]) == 3 and len(parts[1]) == 3 else name
