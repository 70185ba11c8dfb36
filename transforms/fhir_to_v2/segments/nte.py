"""NTE: notes, behind what they are about."""

from __future__ import annotations

from transforms.elements import CORE, OWN, R5
from transforms.fhir_node import Node
from transforms.fhir_to_v2.datatypes.codes import cwe_of
from transforms.fhir_to_v2.datatypes.people import xcn_of
from transforms.fhir_to_v2.datatypes.times import dtm_of
from transforms.fhir_to_v2.line import Encoded, Line
from transforms.fhir_to_v2.run import Run
from transforms.v2_to_fhir.extensions import V2_TEXT


def ntes_of(resource: Node, run: Run) -> None:
    """Annotation[NTE]: each note of a resource, one NTE for each of its lines."""
    kind = resource.peek("resourceType")
    notes = [*resource.all("note")]
    if resource.has("extension"):
        for url in (f"{R5}{kind}.note", f"{OWN}note"):
            notes += [each.one("valueAnnotation") for each in resource.extensions(url)]
    for note in notes:
        _write(note, resource, run)


def _write(note: Node, resource: Node, run: Run) -> None:
    kept = [each.text("valueString") for each in note.extensions(V2_TEXT)] if note.has("extension") else []
    text = note.text("text")
    texts: list[str] = [Encoded(each) for each in kept] or text.split("\n")
    kind = note.extension(f"{CORE}annotationType").one("valueCodeableConcept")
    source = note.extension(f"{OWN}note-source").one("valueCodeableConcept")
    source.one("coding").text("system")
    for each in texts:
        nte = run.line("NTE", resource)
        nte.put(1, str(_before(run) + 1))
        nte.put(2, source.one("coding").text("code"))
        if isinstance(each, Encoded):
            nte.fields[3] = [each]
        else:
            nte.put(3, each)
        _put_author(nte, note, run)
        nte.put(4, cwe_of(kind, run, "CommentType", "0364"))


def _put_author(nte: Line, note: Node, run: Run) -> None:
    if note.has("authorReference"):
        nte.put(5, xcn_of(note.one("authorReference"), run))
    nte.put(6, dtm_of(note, "time", run))


def _before(run: Run) -> int:
    """How many NTE stand directly before the one just begun."""
    count = 0
    for line in reversed(run.lines[:-1]):
        if line.name != "NTE":
            break
        count += 1
    return count
