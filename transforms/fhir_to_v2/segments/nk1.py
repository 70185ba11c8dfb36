"""NK1: next of kin and other contacts of the patient."""

from __future__ import annotations

from transforms.fhir_node import EMPTY, Node
from transforms.fhir_to_v2.datatypes.addresses import xad_of
from transforms.fhir_to_v2.datatypes.authorities import xon_of
from transforms.fhir_to_v2.datatypes.codes import code_of, cwe_of
from transforms.fhir_to_v2.datatypes.contacts import xtn_of
from transforms.fhir_to_v2.datatypes.identifiers import cx_of
from transforms.fhir_to_v2.datatypes.names import xpn_of
from transforms.fhir_to_v2.datatypes.times import dt_of, dtm_of
from transforms.fhir_to_v2.fields import field_of
from transforms.fhir_to_v2.line import Line
from transforms.fhir_to_v2.run import Run
from transforms.v2_to_fhir.segments.pid import SSN

_ROLES = "http://terminology.hl7.org/CodeSystem/v2-0131"


def nk1s_of(patient: Node, run: Run) -> None:
    """Patient.contact and RelatedPerson[NK1]: each contact, with the RelatedPerson who is the same; then the others."""
    people = [each for each in run.of_type("RelatedPerson") if run.refers(each.one("patient"), patient)]
    told: list[Node] = []
    for contact in patient.all("contact"):
        person = next((each for each in people if each not in told and _is_same(contact, each)), EMPTY)
        if person:
            told.append(person)
        _write(contact, person, patient, run)
    insured = _insured(run)
    for person in people:
        if person not in told and not is_number_alone(person) and not any(person is each for each in insured):
            _write(EMPTY, person, patient, run)


def _write(contact: Node, person: Node, patient: Node, run: Run) -> None:
    nk1 = run.line("NK1", *([person] if person else [patient]))
    nk1.put(1, str(sum(line.name == "NK1" for line in run.lines)))
    main = person or contact
    for each in main.all("name"):
        if not _is_absent(each):
            nk1.put(field_of(each, "NK1") or 2, xpn_of(each, run))
    for relation in main.all("relationship"):
        is_role = any(each.peek("system") == _ROLES for each in relation.all("coding")) or (
            "CONTACTROLE" in relation.peek("text").upper()
        )
        field = field_of(relation, "NK1") or (7 if is_role else 3)
        codes = ("ContactRole", "0131") if field == 7 else ("Relationship", "0063")
        nk1.put(field, cwe_of(relation, run, *codes))
    nk1.put(4, *(xad_of(each, run) for each in main.all("address")))
    for each in main.all("telecom"):
        nk1.put(field_of(each, "NK1") or (6 if each.peek("use") == "work" else 5), xtn_of(each, run))
    period = main.one("period")
    nk1.put(8, dt_of(period, "start", run))
    nk1.put(9, dt_of(period, "end", run))
    for each in person.all("identifier"):
        if is_mothers_number(each):
            continue
        if each.peek("system") == SSN and not each.has("assigner") and run.has_field("NK1", 37):
            each.skip("type", "system")
            nk1.put(37, each.text("value"))
        else:
            nk1.put(field_of(each, "NK1") or 33, cx_of(each, run))
    nk1.put(15, code_of(main, "gender", run, "AdministrativeSex"))
    nk1.put(16, dtm_of(person, "birthDate", run))
    nk1.put(20, cwe_of(person.one("communication").one("language"), run, "PrimaryLanguage", "0296"))
    if contact.has("organization"):
        _put_organization(nk1, contact.one("organization"), run)
    if person:
        contact.skip(*contact.names())


def is_mothers_number(identifier: Node) -> bool:
    """Whether the way forward took the identifier of a RelatedPerson from PID-21."""
    return field_of(identifier, "PID") == 21


def is_number_alone(person: Node) -> bool:
    """Whether all that is known of a RelatedPerson is in PID-21."""
    identifiers = person.all("identifier")
    rest = ("name", "telecom", "address", "gender", "birthDate", "period", "communication")
    return bool(identifiers) and all(map(is_mothers_number, identifiers)) and not any(map(person.has, rest))


def _put_organization(nk1: Line, reference: Node, run: Run) -> None:
    nk1.put(13, xon_of(reference, run))
    organization = run.resolve(reference) if reference.has("reference") else EMPTY
    for each in organization.all("contact"):
        nk1.put(30, xpn_of(each.one("name"), run))
        for point in each.all("telecom"):
            nk1.put(field_of(point, "NK1") or 31, xtn_of(point, run))
        nk1.put(32, xad_of(each.one("address"), run))


def _is_same(contact: Node, person: Node) -> bool:
    """Whether a contact and a RelatedPerson are the same: by name, or where neither has one by relationship."""
    one, others = contact.one("name"), person.all("name")
    if not one or _is_absent(one):
        return not others and _codes(contact) == _codes(person)
    key = _key(one)
    if not any(_key(other) == key for other in others):
        return False
    return not _codes(contact) or not _codes(person) or bool(_codes(contact) & _codes(person))


def _codes(element: Node) -> set[str]:
    return {each.peek("code") for relation in element.all("relationship") for each in relation.all("coding")}


def _key(name: Node) -> tuple[str, str]:
    return name.peek("family").casefold(), name.peek("given").casefold()


def _is_absent(name: Node) -> bool:
    return not any(name.has(part) for part in ("family", "given", "text", "prefix", "suffix"))


def _insured(run: Run) -> list[Node]:
    """Those whom insurance and guarantor segments tell of."""
    found = [run.resolve(each.one("subscriber")) for each in run.of_type("Coverage") if each.has("subscriber")]
    guarantors = (each.one("party") for account in run.of_type("Account") for each in account.all("guarantor"))
    return [*found, *(run.resolve(each) for each in guarantors)]
