"""Each row of the guide, tried: a message with the element and what the row asks for, and one without the element."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, lru_cache

import orjson

from schemas.fhir import dumps
from schemas.hl7v2 import Er7
from tests.corpus.facts import Fact, Rules, facts_of
from tests.transforms.v2_to_fhir.guide_conditions import VALUED, Need, needs
from tests.transforms.v2_to_fhir.guide_hosts import Host, header, host_of, hosts
from tests.transforms.v2_to_fhir.guide_paths import literal, matches, target
from tests.transforms.v2_to_fhir.guide_values import component, number_of, types, value
from transforms.v2_to_fhir import Options, convert
from transforms.v2_to_fhir.guide import Row, rows

NOW = datetime(2026, 3, 12, 8, 30, tzinfo=UTC)
MOST_HOSTS = 4
MOST_TRIES = 64

Parts = dict[int, str]
"""The encoded texts of the fields of a segment, or of the components of a field, by number."""


@dataclass(frozen=True, slots=True)
class Try:
    """Two messages that differ in the element alone, and the path at which the output is to differ."""

    whole: bytes
    without: bytes
    path: str
    constant: str
    is_there: bool = False
    """Whether the path need only be there: the element cannot be removed, or the row asks for its absence."""


@cache
def is_done(row: Row) -> bool:
    """Whether the conversion does what the row says, in any of the messages that it is tried in."""
    return any(shows(each) for _, each in zip(range(MOST_TRIES), tries(row), strict=False))


def tries(row: Row) -> Iterator[Try]:
    """The messages that a row is tried in."""
    match row.kind:
        case "message":
            yield from _message_tries(row)
        case "segment":
            yield from _segment_tries(row)
        case "datatype":
            yield from _data_type_tries(row)


def shows(attempt: Try) -> bool:
    """Whether the output differs at the path, and holds the constant there."""
    found = facts(attempt.whole)
    if not attempt.is_there:
        found = found - facts(attempt.without)
    return any(
        matches(attempt.path, fact.path) and attempt.constant in ("", fact.value, fact.value.lower()) for fact in found
    )


@lru_cache(maxsize=4096)
def facts(message: bytes) -> Counter[Fact]:
    """The facts of all resources that a message is converted to."""
    bundle = convert(Er7.parse(message), Options(), NOW).bundle
    if bundle is None:
        return Counter()
    read = orjson.loads(dumps(bundle))
    entries = read.get("entry", [])
    kinds = tuple((entry.get("fullUrl", ""), entry["resource"]["resourceType"]) for entry in entries)
    found: Counter[Fact] = Counter()
    for entry in entries:
        found.update(_of_resource(orjson.dumps(entry["resource"]), kinds))
    for name in ("type", "timestamp"):
        found[Fact(f"Bundle.{name}", str(read.get(name, "")))] += 1
    for name, text in read.get("identifier", {}).items():
        found[Fact(f"Bundle.identifier.{name}", str(text))] += 1
    # what is merely kept as it was sent is not done
    return Counter({fact: count for fact, count in found.items() if "(v2-element)" not in fact.path})


@lru_cache(maxsize=4096)
def _of_resource(resource: bytes, kinds: tuple[tuple[str, str], ...]) -> Counter[Fact]:
    """The facts of one resource among `kinds`; most are the same in one message after another."""
    read = orjson.loads(resource)
    found = facts_of(read, dict(kinds), _ALL)
    found[Fact(read["resourceType"], "")] += 1
    return found


_ALL = Rules()


def _message_tries(row: Row) -> Iterator[Try]:
    host = host_of(row)
    root = target("", [row.path]).strip(".")
    for need in _asked(host.condition, host.name):
        for parts in (full(host.name, need), minimal(host.name, need, 0)):
            segment = written(host.name, parts)
            yield Try(host.message(segment), host.message(""), root, "", is_there=host.name == "MSH")


def _segment_tries(row: Row) -> Iterator[Try]:
    number = number_of(row)
    for host in hosts(row.map)[:MOST_HOSTS]:
        path = target(row.target, [row.path])
        for need in _asked(row.condition, row.identifier.replace("-", ".")):
            for ask in _asked(host.condition, host.name):
                both = {**ask, **need}
                absent = both.get(f"{host.name}.{number}") == ""
                for parts in (full(host.name, both), minimal(host.name, both, number)):
                    if number and not absent:
                        parts.setdefault(number, _field(row, host.name, number, both))
                    yield _attempt(host, parts, number, path, row, is_there=absent)


def _attempt(host: Host, parts: Parts, number: int, path: str, row: Row, *, is_there: bool) -> Try:
    segment = written(host.name, parts)
    if number == 0:
        return Try(host.message(segment), host.message(""), path, literal(row.assignment), is_there=host.name == "MSH")
    is_there = is_there or (host.name == "MSH" and number in _OF_EVERY_MSH)
    left = {each: text for each, text in parts.items() if each != number}
    without = written(host.name, left)
    return Try(host.message(segment), host.message(without), path, literal(row.assignment), is_there)


def _data_type_tries(row: Row) -> Iterator[Try]:
    number = number_of(row)
    for chain in chains(row.map):
        outer = chain[0]
        field_number = number_of(outer)
        makes_its_own = outer.path == "$this" and row.target == "RelatedPerson"
        path = target(row.target if makes_its_own else outer.target, [*(each.path for each in chain), _place(row)])
        for host in hosts(outer.map)[:2]:
            for need in _asked(row.condition, row.identifier.replace("-", ".")):
                absent = number and need.get(f"{row.source}.{number}") == ""
                kept = host.name == "MSH" and field_number in _OF_EVERY_MSH
                for ask in _asked(host.condition, host.name):
                    for own in _asked(outer.condition, outer.identifier.replace("-", "."))[:2]:
                        both = {**ask, **own}
                        inner = {**(_inside(own, outer, row) if len(chain) == 1 else {}), **need}
                        for text, left in _fields(row, chain, inner, number):
                            # A full segment may say the same in another field; a sparse one lacks what the field needs.
                            for parts in (full(host.name, both), minimal(host.name, both, field_number)):
                                yield Try(
                                    host.message(written(host.name, {**parts, field_number: text})),
                                    host.message(written(host.name, {**parts, field_number: left})),
                                    path,
                                    literal(row.assignment),
                                    is_there=bool(absent) or kept,
                                )


def _fields(row: Row, chain: tuple[Row, ...], need: Need, number: int) -> Iterator[tuple[str, str]]:
    """The field that holds the component, and the field without; richly and sparsely filled."""
    for is_full, others in ((True, {}), (True, _SYSTEMS), (False, {}), (True, {10: ""}), (False, {3: "O77"})):
        if others is _SYSTEMS and row.source not in ("CWE", "CE", "CF", "CNE"):
            continue
        if others and others is not _SYSTEMS and row.source != "XON":
            continue
        parts = _components(row.source, need, number, is_full=is_full)
        parts.update({each: text for each, text in others.items() if others is _SYSTEMS or each != number})
        example = chain[-1].example
        if example and 1 in parts and row.source not in ("XCN", "XON", "CX", "EI", "HD"):
            parts[1] = example
        if number and need.get(f"{row.source}.{number}") != "":
            parts.setdefault(number, component(row.source, number, row.v2_type, row.example))
        left = {each: text for each, text in parts.items() if each != number} if number else {}
        texts = [joined(parts, "^"), joined(left, "^")]
        for each in reversed(chain[1:]):
            inner = number_of(each)
            around = _components(each.source, {}, inner, is_full=is_full)
            texts = [joined({**around, inner: text.replace("^", "&")}, "^") for text in texts]
        if len(chain) > 2 or texts[0] == texts[1]:
            texts = [text.replace("&&", "&") for text in texts]
        yield texts[0], texts[1]


_SYSTEMS = {3: "LN", 6: "I10", 12: "SCT"}
"""Names of coding systems that have a URI, for a coded field."""
_OF_EVERY_MSH = (9, 12)
"""Fields without which there is no message to convert."""


def _place(row: Row) -> str:
    """The row's path; those of an NDL that begin with an instance are of the Locations that it makes."""
    return f"x(Location.{row.path.partition('].')[2]})" if row.source == "NDL" and row.path[:1] == "[" else row.path


def _inside(need: Need, outer: Row, row: Row) -> Need:
    """What the condition of the field asks of its components, as needs of the data type."""
    start = f"{outer.source}.{number_of(outer)}."
    return {f"{row.source}.{name.removeprefix(start)}": text for name, text in need.items() if name.startswith(start)}


@cache
def chains(data_type_map: str) -> tuple[tuple[Row, ...], ...]:
    """The rows that lead to a data type map: one of a segment map, then those of data type maps in between."""
    found: list[tuple[Row, ...]] = []
    through: list[Row] = []
    for row in rows():
        if row.uses.lower() == data_type_map.lower():
            if row.kind == "segment":
                found.append((row,))
            elif row.kind == "datatype" and row.map != data_type_map:
                through.append(row)
    plain = [each for each in found if not each[0].condition]
    found = [*plain, *(each for each in found if each[0].condition)][:MOST_HOSTS]
    for row in through[:4]:
        found += [(*outer, row) for outer in chains(row.map)[:2] if len(outer) < 3]
    return tuple(found)


def full(name: str, need: Need) -> Parts:
    """A segment with every field that the guide maps, as `need` asks."""
    parts = {number: value(kind, example) for number, (kind, example) in types("segment", name).items()}
    return _as_needed(parts, name, need, "segment")


def minimal(name: str, need: Need, number: int) -> Parts:
    """A segment with what it cannot be without and what `need` asks for."""
    kept = _BASE_FIELDS.get(name, ())
    parts = {each: value(kind, example) for each, (kind, example) in types("segment", name).items() if each in kept}
    parts.pop(number, None)
    return _as_needed(parts, name, need, "segment")


_BASE_FIELDS = {
    "PID": (3, 5),
    "NK1": (2, 3),
    "PV1": (2, 19),
    "OBR": (2, 3, 4, 25),
    "OBX": (2, 3, 11),
    "ORC": (1, 2, 3),
    "SPM": (2, 4),
    "RXA": (3, 5, 20),
    "SCH": (1, 2),
    "TXA": (2, 12),
    "AL1": (2, 3),
    "IAM": (2, 3),
    "DG1": (3, 5),
    "IN1": (2, 3),
    "PR1": (3,),
    "AIS": (3, 4),
    "AIG": (3, 8),
    "AIL": (3, 6),
    "AIP": (3, 6),
    "NTE": (3,),
    "PRT": (4, 5),
    "ROL": (3, 4),
}


def _components(data_type: str, need: Need, number: int, *, is_full: bool) -> Parts:
    known = types("datatype", data_type)
    wanted = {each for each in known if is_full} | {1, number} - {0}
    if not is_full and data_type in ("XTN",):
        wanted -= {1}
    parts = {each: component(data_type, each, known.get(each, ("ST", ""))[0], "") for each in wanted}
    return _as_needed(parts, data_type, need, "datatype")


def _as_needed(parts: Parts, name: str, need: Need, kind: str) -> Parts:
    """The parts with what `need` says of `name`: emptied, valued, or set."""
    known = types(kind, name)
    for address, wanted in need.items():
        owner, _, rest = address.partition(".")
        first, _, inner = rest.partition(".")
        if owner != name or not first.isdigit():
            continue
        number = int(first)
        v2_type, example = known.get(number, ("ST", ""))
        text = value(v2_type, example) if kind == "segment" else component(name, number, v2_type, example)
        if inner:
            parts[number] = _with_component(parts.get(number) or text, int(inner), wanted)
        elif wanted == "":
            parts.pop(number, None)
        elif wanted == "~2":
            parts[number] = f"{parts.get(number) or text}~{text}"
        elif wanted == VALUED:
            parts.setdefault(number, text)
        elif kind == "segment" and "^" in text:
            parts[number] = _with_component(text, 1, wanted)
        else:
            parts[number] = wanted
    if kind == "segment" and name == "OBX" and not need.get("OBX.5.1"):
        observation = parts.get(2, "NM")
        if 5 in parts or "OBX.2" in need:
            parts[5] = _observed(observation, parts.get(5, ""), need)
    return parts


def _observed(kind: str, held: str, need: Need) -> str:
    text = value(kind)
    for address, wanted in need.items():
        if address.startswith("OBX.5.") and wanted != VALUED:
            text = _with_component(text, int(address.rpartition(".")[2]), wanted)
    return f"{text}~{text}" if "~" in held else text


def _with_component(text: str, number: int, wanted: str) -> str:
    parts = text.split("^")
    parts += [""] * (number - len(parts))
    parts[number - 1] = (parts[number - 1] or "X") if wanted == VALUED else wanted
    return "^".join(parts)


def _field(row: Row, name: str, number: int, need: Need) -> str:
    return _as_needed({number: value(row.v2_type, row.example)}, name, need, "segment").get(number, "")


def _asked(condition: str, own: str) -> list[Need]:
    return needs(condition, own)[:4] or [{}]


def written(name: str, parts: Parts) -> str:
    """A segment as text; MSH keeps what makes it one."""
    if name == "MSH":
        return _header(parts)
    return "|".join([name, *(parts.get(number, "") for number in range(1, max(parts, default=0) + 1))])


def _header(parts: Parts) -> str:
    fields = header("ADT_A01").split("|")
    for number, text in parts.items():
        if number > 2 and number not in _OF_EVERY_MSH:
            fields += [""] * (number - len(fields))
            fields[number - 1] = text
    for number in range(3, 26):
        if number not in parts and number not in _OF_EVERY_MSH and number <= len(fields):
            fields[number - 1] = ""
    return "|".join(fields)


def joined(parts: Parts, separator: str) -> str:
    """The parts as text."""
    return separator.join(parts.get(number, "") for number in range(1, max(parts, default=0) + 1))
