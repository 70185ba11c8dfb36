"""People who are related to a patient, whichever segment names them: each is in the bundle once."""

from __future__ import annotations

from schemas.fhir import Element, Resource
from transforms.elements import append
from transforms.v2_to_fhir.datatypes.identifiers import identifier_key
from transforms.v2_to_fhir.profiles import claims
from transforms.v2_to_fhir.run import Run


def related_person(run: Run, patient: Resource, names: list[Element], relation: str, *identifiers: Element) -> Resource:
    """The RelatedPerson of that patient, who is identified by an identifier, else by name and `relation` together.

    `relation` is the code of the relationship as it was sent.
    """
    if identifiers:
        key = identifier_key(identifiers[0], run)
    elif names:
        name = names[0]
        key = (f"{name.get('family', '')} {' '.join(name.get('given', []))}".casefold(), relation)
    else:
        key = (run.control_id, f"{relation}{run.count('related person')}")
    person = run.add("RelatedPerson", patient["id"], *key)
    if claims(person, "us-core-relatedperson", run):
        person.setdefault("active", True)
    append(person, "identifier", *identifiers)
    person["patient"] = run.refer(patient)
    append(person, "name", *names)
    return person


def end_relation(person: Resource, run: Run) -> None:
    """A relation whose period is over is not active."""
    end = person.get("period", {}).get("end", "")
    if end and end[:10] < run.now.date().isoformat()[: len(end)]:
        person["active"] = False
