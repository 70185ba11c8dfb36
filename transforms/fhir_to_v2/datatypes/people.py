"""Practitioner, PractitionerRole and kin to XCN."""

from __future__ import annotations

from transforms.fhir_node import EMPTY, Node
from transforms.fhir_to_v2.datatypes.authorities import assigner_hd, check_digit_of, hd_of, identifier_type_of
from transforms.fhir_to_v2.datatypes.codes import code_of, cwe_of
from transforms.fhir_to_v2.datatypes.names import assembly_order_of, family_of, is_degree
from transforms.fhir_to_v2.datatypes.times import validity_of
from transforms.fhir_to_v2.line import Part, decoded
from transforms.fhir_to_v2.run import Run
from transforms.v2_to_fhir.extensions import ASSIGNING_FACILITY, V2_TEXT


def xcn_of(reference: Node, run: Run) -> dict[int, Part]:
    """Reference(Practitioner)[XCN]: of the practitioner, or the one behind a role; else what the reference says."""
    person = practitioner_of(reference, run)
    other = reference.extension(V2_TEXT).text("valueString") if reference.has("extension") else ""
    if other:
        run.done.add(person.path)
        return decoded(other)
    if person:
        return xcn_of_practitioner(person, run)
    identifier = reference.one("identifier")
    return {**_identifier(identifier, run), 2: reference.text("display")}


def practitioner_of(reference: Node, run: Run) -> Node:
    """The resource of a person that a Reference names: the Practitioner of a PractitionerRole."""
    found = run.resolve(reference) if reference.has("reference") else EMPTY
    if found.peek("resourceType") == "PractitionerRole":
        run.done.add(found.path)
        return run.resolve(found.one("practitioner"))
    return found


def xcn_of_practitioner(person: Node, run: Run) -> dict[int, Part]:
    """Practitioner[XCN]; any resource with identifier and name will do."""
    run.done.add(person.path)
    name = person.one("name")
    given, suffixes = name.texts("given"), name.texts("suffix")
    # The professional suffix has a component of its own from version 2.5 on.
    is_split = run.has_component("XCN", 21) and (len(suffixes) > 1 or any(map(is_degree, suffixes)))
    degrees = suffixes[-1:] if is_split else []
    if person.peek("resourceType") == "Organization":
        return {**_identifier(person.one("identifier"), run), 2: person.text("name")}
    parts: dict[int, Part] = {
        **_identifier(person.one("identifier"), run),
        2: family_of(name),
        3: given[0] if given else "",
        4: " ".join(given[1:]),
        5: ", ".join(suffixes[: len(suffixes) - len(degrees)]),
        6: ", ".join(name.texts("prefix")),
        10: code_of(name, "use", run, "NameType"),
        18: assembly_order_of(name, run),
        **validity_of(name, run, "XCN", 17, 19),
    }
    if degrees:
        parts[21] = ", ".join(degrees)
    if name.has("text") and not any(parts[number] for number in (2, 3, 4)):
        parts[2] = name.text("text")
    degree = cwe_of(person.one("qualification").one("code"), run, "DegreeLicenseCertificate", "0360")
    if degree:
        last = 1 if max(degree) <= 3 and 1 in degree else max(degree)
        parts[7 if run.has_component("XCN", 7) else 21] = [str(degree.get(number, "")) for number in range(1, last + 1)]
    return parts


def _identifier(identifier: Node, run: Run) -> dict[int, Part]:
    value = identifier.text("value")
    if not value:
        return {}
    digit, scheme = check_digit_of(identifier)
    facility = identifier.extension(ASSIGNING_FACILITY).one("valueReference") if identifier.has("extension") else EMPTY
    return {
        1: value,
        9: hd_of(identifier, run),
        11: digit,
        12: scheme,
        13: identifier_type_of(identifier),
        14: assigner_hd(facility, run),
    }
