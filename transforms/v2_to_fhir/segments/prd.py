"""PRD and CTD: the providers of a referral, and whom to ask there."""

from __future__ import annotations

from schemas.fhir import Element, Resource
from transforms.elements import ALTERNATE_CODES, append, extension, put
from transforms.v2_to_fhir.datatypes.addresses import xad_address
from transforms.v2_to_fhir.datatypes.authorities import xon_organization_resource
from transforms.v2_to_fhir.datatypes.codes import cwe_codeable_concept
from transforms.v2_to_fhir.datatypes.contacts import xtn_contact_point
from transforms.v2_to_fhir.datatypes.identifiers import pln_identifier
from transforms.v2_to_fhir.datatypes.locations import pl_location
from transforms.v2_to_fhir.datatypes.names import xpn_human_name
from transforms.v2_to_fhir.datatypes.people import person_key, practitioner_role
from transforms.v2_to_fhir.datatypes.times import put_date_time
from transforms.v2_to_fhir.elements import append_each
from transforms.v2_to_fhir.run import Run
from transforms.v2_to_fhir.source import SourceSegment

REFERRING, REFERRED_TO, PRIMARY_CARE = "RP", "RT", "PP"


def prd_practitioner_role(prd: SourceSegment, run: Run) -> Element | None:
    """PRD, which the guide does not map: a reference to the provider's role, with its organization and places."""
    practitioner = _practitioner(prd, run, name=2, address=3, telecom=5, numbers=7)
    organization = _organization(prd, run)
    if practitioner is None:
        return organization
    codes = [cwe_codeable_concept(value, run, prd.where(1), table="0286") for value in prd[1]]
    found = [code for code in codes if code is not None]
    reference = practitioner_role(practitioner, run, *found, organization=organization)
    role = run.referred(reference)
    for place in (pl_location(prd.first(4), run), pl_location(prd.first(12), run)):
        append(role, "location", place)
    period: Element = {}
    put_date_time(period, "start", prd.text(8), run, prd.where(8))
    put_date_time(period, "end", prd.text(9), run, prd.where(9))
    put(role, "period", period)
    return reference


def ctd_practitioner_role(ctd: SourceSegment, run: Run) -> Element | None:
    """CTD, which the guide does not map: a reference to the role of whom to ask."""
    practitioner = _practitioner(ctd, run, name=2, address=3, telecom=5, numbers=7)
    if practitioner is None:
        return None
    codes = [cwe_codeable_concept(value, run, ctd.where(1), table="0131") for value in ctd[1]]
    reference = practitioner_role(practitioner, run, *[code for code in codes if code is not None])
    append(run.referred(reference), "location", pl_location(ctd.first(4), run))
    return reference


def role_codes(segment: SourceSegment) -> set[str]:
    """The codes of the roles in PRD-1."""
    return {value.peek(1) for value in segment[1]}


def _practitioner(
    segment: SourceSegment, run: Run, *, name: int, address: int, telecom: int, numbers: int
) -> Element | None:
    resource: Resource = {"resourceType": "Practitioner"}
    append_each(resource, "identifier", segment, numbers, run, pln_identifier)
    append_each(resource, "name", segment, name, run, xpn_human_name)
    if "identifier" not in resource and "name" not in resource:
        return None
    append_each(resource, "address", segment, address, run, xad_address)
    append_each(resource, "telecom", segment, telecom, run, xtn_contact_point)
    first = resource["identifier"][0] if "identifier" in resource else None
    name_of = resource["name"][0] if "name" in resource else None
    return run.share(resource, *person_key(first, name_of, run))


def _organization(prd: SourceSegment, run: Run) -> Element | None:
    organization = xon_organization_resource(prd.first(10), run)
    if organization is None:
        return None
    append_each(organization, "address", prd, 11, run, xad_address)
    append_each(organization, "telecom", prd, 13, run, xtn_contact_point)
    for each in (*organization.get("address", []), *organization.get("telecom", [])):
        if each.get("use") == "home":  # no organization has a home (R4, org-2 and org-3)
            original = extension(ALTERNATE_CODES, "valueCodeableConcept", {"text": each.pop("use")})
            each["_use"] = {"extension": [original]}
    return run.refer(organization)
