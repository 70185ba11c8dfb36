"""What the way forward kept of a message because no map reads it: put back where it stood."""

from __future__ import annotations

from schemas.hl7v2 import Hl7Error, Path
from schemas.hl7v2.path import ALL
from transforms.fhir_node import Node
from transforms.fhir_to_v2.line import Line
from transforms.fhir_to_v2.run import NOT_KEPT, Run
from transforms.v2_to_fhir.extensions import V2_ELEMENT
from transforms.v2_to_fhir.leftovers import LEFT_OUT

Kept = tuple[Path, str]


def restore(run: Run) -> None:
    """Put back every element that is kept with a resource, into the segments of that resource or into new ones."""
    for resource in run.resources:
        if not resource.has("extension"):
            continue
        found = [each for each in (_kept(node, run) for node in resource.extensions(V2_ELEMENT)) if each]
        by_segment: dict[tuple[str, int], list[Kept]] = {}
        for kept in found:
            by_segment.setdefault((kept[0].segment, kept[0].occurrence), []).append(kept)
        if found:
            run.done.add(resource.path)
        given: set[int] = set()
        for (name, occurrence), elements in by_segment.items():
            line = _line_for(resource, name, occurrence, given, run)
            given.add(id(line))
            for path, text in elements:
                line.restore(path.field, path.repetition, path.component, path.subcomponent, text)


def _kept(node: Node, run: Run) -> Kept | None:
    where, text = node.extension("path").text("valueString"), node.extension("value").text("valueString")
    try:
        path = Path.parse(where)
    except Hl7Error:
        path = None
    if path is None or not path.field or ALL in (path.occurrence, path.repetition) or _is_large(path):
        run.tell(NOT_KEPT, node.path, "the path of this element is no place in a message; it is left out")
        return None
    if path.segment in ("MSH", "FHS", "BHS") and path.field < 3:
        return None
    return path, text.replace("\r", "").replace("\n", "")


def _is_large(path: Path) -> bool:
    return (path.repetition or 0) > 1000 or path.field > 300 or path.component > 100 or path.subcomponent > 100


def _line_for(resource: Node, name: str, occurrence: int, given: set[int], run: Run) -> Line:
    """The segment to put elements of the `occurrence`th segment `name` into."""
    named = [line for line in run.lines if line.name == name]
    own = [line for line in named if any(resource is source for source in line.sources)]
    if occurrence <= len(named) and named[occurrence - 1] in own:
        return named[occurrence - 1]
    free = [line for line in own if id(line) not in given]
    if free:
        return free[0]
    if name == "MSH":
        return run.lines[0]
    if name in ("EVN", "PID", "PV1", "PV2", "PD1") and len(named) >= occurrence:
        return named[occurrence - 1]
    return _insert(resource, Line(name, resource), named, occurrence, run)


def _insert(resource: Node, line: Line, named: list[Line], occurrence: int, run: Run) -> Line:
    """Put a new segment before the one that takes its number, else behind its resource's, else by the structure."""
    lines = run.lines
    if occurrence <= len(named):
        at = lines.index(named[occurrence - 1])
    else:
        behind = [number for number, each in enumerate(lines) if any(resource is source for source in each.sources)]
        is_own = behind and resource.peek("resourceType") != "MessageHeader"
        at = behind[-1] + 1 if is_own else _place(line.name, run)
        if named:
            at = max(at, lines.index(named[-1]) + 1)
    lines.insert(at, line)
    if (line.name, 1) in LEFT_OUT:
        line.put(1, str(occurrence))
    return line


def _place(name: str, run: Run) -> int:
    """Where the structure of the message has a segment of that name; at the end where it has none."""
    order = run.order
    if name not in order:
        return len(run.lines)
    rank = order.index(name)
    for number, line in enumerate(run.lines):
        if line.name in order and order.index(line.name) > rank:
            return number
    return len(run.lines)
