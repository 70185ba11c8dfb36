"""RF1 and PRD: a referral, and its providers."""

from __future__ import annotations

from transforms.elements import ALTERNATE_CODES
from transforms.fhir_node import EMPTY, Node
from transforms.fhir_to_v2.datatypes.addresses import xad_of
from transforms.fhir_to_v2.datatypes.authorities import xon_of, xon_of_organization
from transforms.fhir_to_v2.datatypes.codes import code_of, codes_of, cwe_of
from transforms.fhir_to_v2.datatypes.contacts import xtn_of
from transforms.fhir_to_v2.datatypes.identifiers import ei_of, pln_of
from transforms.fhir_to_v2.datatypes.locations import pl_of
from transforms.fhir_to_v2.datatypes.names import xpn_of
from transforms.fhir_to_v2.datatypes.people import xcn_of
from transforms.fhir_to_v2.datatypes.quantities import cq_of
from transforms.fhir_to_v2.datatypes.times import dtm_of, period_of
from transforms.fhir_to_v2.line import Line
from transforms.fhir_to_v2.run import NO_STATUS, Run
from transforms.fhir_to_v2.segments.orc import FILLER, PLACER, order_number
from transforms.v2_to_fhir.segments.rf1 import REFERRAL_STATUS

_STATUS = {"active": "P", "on-hold": "P", "unknown": "P", "revoked": "R", "completed": "E"}
"""The status of a referral (table 0283): pending, rejected, expired."""
_ROLES = "http://terminology.hl7.org/CodeSystem/v2-0286"
_NAMES = {"RP": "Referring Provider", "RT": "Referred to Provider", "PP": "Primary Care Provider"}


def rf1_of(request: Node, run: Run) -> Line:
    """ServiceRequest[RF1]; raises `RefusedError` for what is no request yet, or was never one."""
    status = request.text("status")
    if status in ("draft", "entered-in-error"):
        what = "this is no request to refer, and RF1 would make one of it"
        raise run.refuse(NO_STATUS, f"{request.path}.status", what, "send it when it is asked for")
    rf1 = run.line("RF1", request)
    rf1.put(1, _kept_status(request) or _STATUS.get(status, ""))
    rf1.put(2, code_of(request, "priority", run, "ExtendedPriorityCodes"))
    rf1.put(3, cwe_of(request.one("code"), run, "", "0281"))
    rf1.put(4, *(cwe_of(each, run, "", "0282") for each in request.all("orderDetail")))
    rf1.put(5, *(cwe_of(each, run, "", "0284") for each in request.all("category")[:1]))
    rf1.put(6, ei_of(order_number(request, *PLACER), run))
    begin, end = period_of(request.one("occurrencePeriod"), run)
    rf1.put(7, begin or dtm_of(request, "occurrenceDateTime", run))
    rf1.put(8, end)
    rf1.put(9, dtm_of(request, "authoredOn", run))
    for reason in request.all("reasonCode"):
        if reason.has("coding") or not run.has_field("RF1", 14):
            rf1.put(10, cwe_of(reason, run, "", "0336"))
        else:
            rf1.put(14, reason.text("text"))
    rf1.put(11, ei_of(order_number(request, *FILLER), run))
    rf1.put(15, cq_of(request.one("quantityQuantity")))
    for performer in request.all("performer"):
        kind = run.resolve(performer).peek("resourceType") if performer.has("reference") else ""
        if kind == "Organization":
            rf1.put(19, xon_of(performer, run))
        elif kind == "Practitioner":
            rf1.put(20, xcn_of(performer, run))
    if run.has_field("RF1", 24):
        rf1.put(24, *(each.text("text") for each in request.all("note")))
    request.text("intent")
    for task in run.of_type("Task"):
        if run.refers(task.one("focus"), request):
            task.skip("status", "intent", "code", "priority", "authoredOn", "businessStatus", "_status")
            run.done.add(task.path)
    return rf1


def prds_of(request: Node, patient: Node, run: Run) -> None:
    """Requester, performers and general practitioner[PRD]: who refers, to whom, and who else is told."""
    written: set[str] = set()
    references = [
        *((each, "RP") for each in request.all("requester")),
        *((each, "RT") for each in request.all("performer")),
        *((each, "PP") for each in patient.all("generalPractitioner")),
        *((each, "") for each in request.all("supportingInfo")),
    ]
    for reference, role in references:
        found = run.resolve(reference) if reference.has("reference") else EMPTY
        kind = found.peek("resourceType")
        if not found or found.path in written or kind not in ("PractitionerRole", "Practitioner", "Organization"):
            continue
        if kind != "PractitionerRole" and role == "RT" and any(line.has(19) or line.has(20) for line in run.lines[1:2]):
            continue  # RF1 names them
        written.add(found.path)
        _prd(found, role, run)


def _prd(provider: Node, role: str, run: Run) -> Line:
    prd = run.line("PRD", provider)
    kind = provider.peek("resourceType")
    person = provider if kind == "Practitioner" else EMPTY
    organization = provider if kind == "Organization" else EMPTY
    if kind == "PractitionerRole":
        person = run.resolve(provider.one("practitioner"))
        organization = run.resolve(provider.one("organization")) if provider.has("organization") else EMPTY
    codes = [cwe_of(each, run, "", "0286") for each in provider.all("code")] if kind == "PractitionerRole" else []
    if codes and any(codes_of(each, _ROLES) for each in provider.all("code")):
        prd.put(1, *codes)
    elif role:
        prd.put(1, {1: role, 2: _NAMES[role], 3: "HL70286"})
    if person:
        run.done.add(person.path)
    prd.put(2, *(xpn_of(each, run) for each in person.all("name")))
    prd.put(3, *(xad_of(each, run) for each in person.all("address")))
    places = provider.all("location") if kind == "PractitionerRole" else []
    for field, place in zip((4, 12), places, strict=False):
        prd.put(field, pl_of(place, run))
    prd.put(5, *(xtn_of(each, run) for each in person.all("telecom")))
    prd.put(7, *(pln_of(each, run) for each in person.all("identifier")))
    begin, end = period_of(provider.one("period"), run)
    prd.put(8, begin)
    prd.put(9, end)
    if organization:
        prd.put(10, xon_of_organization(organization, run))
        prd.put(11, *(xad_of(each, run) for each in organization.all("address")))
        prd.put(13, *(xtn_of(each, run) for each in organization.all("telecom")))
    return prd


def _kept_status(request: Node) -> str:
    for each in request.beside("status").extensions(ALTERNATE_CODES) if request.has("_status") else ():
        found = codes_of(each.one("valueCodeableConcept"), REFERRAL_STATUS)
        if found:
            return found[0]
    return ""
