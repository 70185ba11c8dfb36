"""MFE, STF and PRA: a member of staff in a master file."""

from __future__ import annotations

from schemas.fhir import Element, Resource
from transforms.elements import append, put
from transforms.v2_to_fhir.datatypes.addresses import xad_address
from transforms.v2_to_fhir.datatypes.codes import cwe_codeable_concept, put_code
from transforms.v2_to_fhir.datatypes.contacts import xtn_contact_point
from transforms.v2_to_fhir.datatypes.entities import cwe_identifiers, cwe_organization
from transforms.v2_to_fhir.datatypes.identifiers import cx_identifier, identifier_key, pln_identifier
from transforms.v2_to_fhir.datatypes.names import xpn_human_name
from transforms.v2_to_fhir.datatypes.times import put_date, put_date_time
from transforms.v2_to_fhir.elements import append_each
from transforms.v2_to_fhir.run import Run
from transforms.v2_to_fhir.source import SourceSegment

INACTIVE = "FHIR-134"
_ACTIVE = {"A": True, "I": False}
_EVENTS = {"MAD": True, "MUP": True, "MAC": True, "MDL": False, "MDC": False}
"""Table 0180: added, updated, activated; deleted, deactivated."""


def stf_practitioner(stf: SourceSegment, run: Run, event: str) -> Resource:
    """STF, which the guide does not map: the person; `event` is what happens to the record (MFE-1)."""
    key_value = stf.first(1)
    own = next(iter(cwe_identifiers(key_value)), None) if key_value is not None else None
    identifiers = [cx_identifier(value, run, stf.where(2)) for value in stf[2]]
    first = next((each for each in (*identifiers, own) if each is not None), None)
    key = identifier_key(first, run) if first is not None else (run.sender, run.control_id, stf.where())
    practitioner = run.add("Practitioner", *key)
    append(practitioner, "identifier", *identifiers, own)
    active = _ACTIVE.get(stf.text(7))
    if _EVENTS.get(event) is False:
        active = False
        run.tell(INACTIVE, stf.where(), "the master file deletes or deactivates this; it is carried as not active")
    if active is not None:
        practitioner["active"] = active
    append_each(practitioner, "name", stf, 3, run, xpn_human_name)
    append_each(practitioner, "telecom", stf, 10, run, xtn_contact_point)
    for value in stf[15]:
        append(practitioner, "telecom", {"system": "email", "value": value.whole()})
    append_each(practitioner, "address", stf, 11, run, xad_address)
    put_code(practitioner, "gender", stf.text(5), "AdministrativeSex", run, stf.where(5), "0001")
    put_date(practitioner, "birthDate", stf.text(6), run, stf.where(6))
    return practitioner


def stf_practitioner_role(stf: SourceSegment, run: Run, practitioner: Resource) -> Resource | None:
    """STF, which the guide does not map: what the person is, in which department; None where nothing is told."""
    codes = [cwe_codeable_concept(value, run, stf.where(4), table="0182") for value in stf[4]]
    title = stf.text(18)
    if title:
        codes.append({"text": title})
    departments = [cwe_organization(value, run) for value in stf[8]]
    found = [code for code in codes if code is not None]
    if not found and not departments:
        return None
    role = run.add("PractitionerRole", practitioner["id"], "staff")
    role["practitioner"] = run.refer(practitioner)
    if "active" in practitioner:
        role["active"] = practitioner["active"]
    append(role, "code", *found)
    put(role, "organization", next((each for each in departments if each is not None), None))
    append_each(role, "specialty", stf, 9, run, cwe_codeable_concept, table="0069")
    return role


def pra_practitioner_role(pra: SourceSegment, run: Run, practitioner: Resource) -> Resource:
    """PRA, which the guide does not map: numbers, categories and specialties of a practitioner, and since when."""
    append_each(practitioner, "identifier", pra, 6, run, pln_identifier)
    role = run.add("PractitionerRole", practitioner["id"], "staff")
    role["practitioner"] = run.refer(practitioner)
    if "active" in practitioner:
        role["active"] = practitioner["active"]
    append_each(role, "code", pra, 3, run, cwe_codeable_concept, table="0186")
    for value in pra[5]:
        name = value[1]
        append(role, "specialty", {"text": name} if name else None)
    put(role, "organization", role.get("organization") or cwe_organization(pra.first(9), run))
    period: Element = {}
    put_date_time(period, "start", pra.text(8), run, pra.where(8))
    put_date_time(period, "end", pra.text(10), run, pra.where(10))
    put(role, "period", period)
    return role
