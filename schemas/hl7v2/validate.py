"""Whether a message keeps the rules of its version, and where it does not (docs/validate.md)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING

from schemas.finding import Finding
from schemas.hl7v2.segment import HEADERS
from schemas.hl7v2.structure import groups, lines_of
from schemas.hl7v2.structure_tables import PRIMITIVES, VERSIONS, Element, Tables, tables
from schemas.hl7v2.validate_codes import finding
from schemas.hl7v2.validate_types import broken_rule, greatest_length, is_in_table

if TYPE_CHECKING:
    from schemas.hl7v2 import Er7, Segment
    from schemas.hl7v2.validate_profile import Profile

MOST_FINDINGS = 1000
"""No message gets more findings than this; the last one then says that there are more."""

_WITH_WITHDRAWN = "2.5.1"
"""The last version whose tables still have every field that later ones withdrew."""
_SENT_EARLY = {"CE": 9, "CM_MSG": 3}
"""Types to how many components they grew to: CE to CWE, MSH-9 to MSG. Senders write them before their version has
them, and no receiver stumbles."""
_NULL = '""'
_SEPARATED = ("component", "subcomponent")
_UNKNOWN_PART = ("V2-307", "V2-308")


def validate(er7: Er7, profile: Profile | None = None) -> list[Finding]:
    """What in `er7` breaks the rules of its version, and those of `profile`; empty when all is well.

    Never raises for what a message contains. The encoding comes first, then the structure, then the fields in the order
    of the message, then the profile. Of several messages in one, the first is checked. A finding names the place, the
    field's meaning and the rule, and never quotes the value.
    """
    found = list(islice(_all(er7, profile), MOST_FINDINGS + 1))
    if len(found) > MOST_FINDINGS:
        found[MOST_FINDINGS:] = [finding("V2-199", "MSH", f"only the first {MOST_FINDINGS} findings are listed")]
    return found


def _all(er7: Er7, profile: Profile | None) -> Iterator[Finding]:
    yield from er7.findings
    tree = groups(er7)
    yield from tree.findings
    rules = tables(tree.version)
    occurrences: dict[str, int] = {}
    for segment, line in zip(er7.segments, lines_of(er7), strict=True):
        occurrences[segment.name] = occurrences.get(segment.name, 0) + 1
        if occurrences.get("MSH", 0) > 1:
            break
        fields = rules.fields(segment.name)
        if fields is not None:
            yield from _Fields(er7, rules, segment, occurrences[segment.name], line).findings(fields)
    if profile is not None:
        yield from profile.findings(er7)


class _Fields:
    """The check of one segment's fields."""

    def __init__(self, er7: Er7, rules: Tables, segment: Segment, occurrence: int, line: int) -> None:
        self._er7 = er7
        self._rules = rules
        self._segment = segment
        self._line = line
        self._name = segment.name if occurrence == 1 else f"{segment.name}[{occurrence}]"
        self._delimiters = er7.delimiters

    def findings(self, fields: Mapping[int, Element]) -> Iterator[Finding]:
        """What is wrong with the segment, by `fields`, the rules of its fields."""
        values = self._segment.fields
        known = max(fields, default=0)
        for number in range(1, max(known + 1, len(values))):
            value = values[number] if number < len(values) else ""
            rule = fields.get(number)
            if not value:
                if rule is not None and rule.least:
                    yield self._finding("V2-301", f"{self._name}-{number}", f"{rule.meaning} is required")
                continue
            where = f"{self._name}-{number}"
            if number > known and not self._is_withdrawn(number):
                what = f"version {self._rules.version} ends {self._segment.name} with field {known}"
                yield self._finding("V2-303", where, what)
                return
            if rule is None or rule.withdrawn:
                yield self._finding(
                    "V2-304", where, f"version {self._rules.version} has withdrawn or reserved this field"
                )
            elif number > 2 or self._segment.name not in HEADERS:
                yield from self._field(where, number, rule, value)

    def _is_withdrawn(self, number: int) -> bool:
        """Whether an earlier version had this field, which the tables of this one leave out."""
        if VERSIONS.index(self._rules.version) <= VERSIONS.index(_WITH_WITHDRAWN):
            return False
        return number in (tables(_WITH_WITHDRAWN).fields(self._segment.name) or ())

    def _field(self, where: str, number: int, rule: Element, value: str) -> Iterator[Finding]:
        repetitions = value.split(self._delimiters.repetition)
        if rule.most is not None and len(repetitions) > rule.most:
            most = "does not repeat" if rule.most == 1 else f"has at most {rule.most} repetitions"
            yield self._finding("V2-302", where, f"{rule.meaning} {most}")
        datatype = rule.datatype
        if datatype == "varies":
            if self._segment.name != "OBX" or number != 5:
                return
            datatype = self._segment.fields[2].split(self._delimiters.component)[0]
            if not datatype:
                yield self._finding("V2-407", f"{self._name}-2", "value type is required where OBX-5 is valued")
                return
            if not self._rules.knows_datatype(datatype):
                what = f"version {self._rules.version} has no data type of this name"
                yield self._finding("V2-408", f"{self._name}-2", what)
                return
        place = f"{self._segment.name}-{number}"
        for count, repetition in enumerate(repetitions, 1):
            at = where if len(repetitions) == 1 else f"{where}[{count}]"
            yield from self._value(at, place, rule.meaning, datatype, rule.table, repetition, 0)

    def _value(
        self, at: str, place: str, meaning: str, datatype: str, table: str, text: str, level: int
    ) -> Iterator[Finding]:
        """The check of a field's repetition (`level` 0), a component (1) or a subcomponent (2)."""
        if not text or text == _NULL:
            return
        components = self._rules.components(datatype)
        if components and level < 2:
            yield from self._composite(at, meaning, datatype, components, text, level)
        elif datatype in PRIMITIVES or components:
            if level < 2:
                first, *others = text.split(self._separator(level))
                if any(others):
                    what = f"{meaning} has no {_SEPARATED[level]}s, its data type is {datatype}"
                    yield self._finding(_UNKNOWN_PART[level], at, what)
                text = first
            if not components:
                yield from self._primitive(at, place, meaning, datatype, table, text)

    def _composite(
        self, at: str, meaning: str, datatype: str, components: tuple[Element, ...], text: str, level: int
    ) -> Iterator[Finding]:
        parts = text.split(self._separator(level))
        for number, rule in enumerate(components, 1):
            part = parts[number - 1] if number <= len(parts) else ""
            if part and rule.withdrawn:
                what = f"version {self._rules.version} has withdrawn this component of {datatype}"
                yield self._finding("V2-304", f"{at}.{number}", what)
            elif part:
                inner = f"{meaning}, {rule.meaning}"
                yield from self._value(f"{at}.{number}", "", inner, rule.datatype, rule.table, part, level + 1)
            elif rule.least:
                yield self._finding("V2-306", f"{at}.{number}", f"{meaning}, {rule.meaning} is required in {datatype}")
        most = max(len(components), _SENT_EARLY.get(datatype, 0))
        if any(parts[most:]):
            what = f"{meaning} has {len(components)} {_SEPARATED[level]}s at most, its data type is {datatype}"
            yield self._finding(_UNKNOWN_PART[level], f"{at}.{most + 1}", what)

    def _primitive(self, at: str, place: str, meaning: str, datatype: str, table: str, text: str) -> Iterator[Finding]:
        if not text or text == _NULL:
            return
        broken = broken_rule(datatype, text)
        if broken is not None:
            yield self._finding(broken[0], at, f"{meaning}: {broken[1]}")
        if datatype == "ID" and table and not is_in_table(table, self._rules.codes(table), self._er7.decode_wire(text)):
            yield self._finding("V2-406", at, f"{meaning} is not in HL7 table {table} of version {self._rules.version}")
        most = greatest_length(self._rules.version, place, datatype)
        if most is not None and len(text) > most and len(self._er7.decode_wire(text)) > most:
            yield self._finding("V2-305", at, f"{meaning} has at most {most} characters")

    def _separator(self, level: int) -> str:
        return self._delimiters.component if level == 0 else self._delimiters.subcomponent

    def _finding(self, code: str, where: str, what: str) -> Finding:
        return finding(code, where, f"{what}, line {self._line}")
