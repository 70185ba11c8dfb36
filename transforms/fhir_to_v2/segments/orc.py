"""ORC: what is to become of an order, who ordered it, who entered it."""

from __future__ import annotations

from transforms.elements import ALTERNATE_CODES, CORE, OWN
from transforms.fhir_node import EMPTY, Node
from transforms.fhir_to_v2.datatypes.addresses import xad_of
from transforms.fhir_to_v2.datatypes.authorities import xon_of_organization
from transforms.fhir_to_v2.datatypes.codes import code_of, cwe_of, cwe_of_coding
from transforms.fhir_to_v2.datatypes.contacts import xtn_of
from transforms.fhir_to_v2.datatypes.entities import cwe_of_device, cwe_of_organization
from transforms.fhir_to_v2.datatypes.identifiers import cx_of, ei_of, ei_subcomponents, of_type
from transforms.fhir_to_v2.datatypes.people import xcn_of
from transforms.fhir_to_v2.datatypes.times import dtm_of
from transforms.fhir_to_v2.fields import field_of
from transforms.fhir_to_v2.line import Line
from transforms.fhir_to_v2.run import NO_STATUS, Run
from transforms.v2_to_fhir.segments.orc import BUSINESS_EVENT, ORDER_STATUS

PLACER = ("PLAC", "PLACER")
FILLER = ("FILL", "FILLER")
_AGENTS = {"enterer": 10, "verifier": 11, "author": 12, "performer": 19}
_CONTROLS = {
    "active": ("NW", ""),
    "unknown": ("NW", ""),
    "completed": ("SC", "CM"),
    "on-hold": ("HD", "HD"),
    "revoked": ("CA", "CA"),
    "entered-in-error": ("CA", "CA"),
}
"""ORC-1 and ORC-5 for the status of an order that says no more of what happened to it."""


def orc_of(order: Node, run: Run, reported: bool = False) -> Line:
    """ServiceRequest[ORC]; raises `RefusedError` for what is no order, or none yet. `reported`: results go with it."""
    orc = run.line("ORC", order)
    event = order.extension(BUSINESS_EVENT)
    control = event.extension("value").one("valueCodeableConcept").one("coding")
    control.text("system")
    told = control.text("code")
    orc.put(2, ei_of(order_number(order, *PLACER, last=True), run))
    orc.put(3, ei_of(order_number(order, *FILLER, last=True), run))
    _put_group(orc, order, run)
    _put_status(orc, order, told, reported, run)
    orc.put(9, dtm_of(event.extension("date"), "valueDateTime", run) or dtm_of(order, "authoredOn", run))
    order.text("authoredOn")
    put_agents(orc, order, run)
    put_requester(orc, order, run)
    for each in order.extensions(f"{CORE}servicerequest-order-callback-phone-number"):
        orc.put(14, xtn_of(each.one("valueContactPoint"), run))
    for url in (f"{CORE}request-statusReason", f"{OWN}order-control-code-reason"):
        orc.put(16, cwe_of(order.extension(url).one("valueCodeableConcept"), run))
    orc.put(25, cwe_of(order.extension(f"{OWN}status-modifier").one("valueCodeableConcept"), run))
    for each in order.one("meta").all("security"):
        orc.put(28, cwe_of_coding(each, run, "ConfidentialityCode", "0177"))
    orc.put(29, *(cwe_of(each, run, "OrderType", "0482") for each in order.all("locationCode")))
    orc.put(31, cwe_of(order.extension(f"{OWN}parent-service").one("valueCodeableConcept"), run))
    return orc


def order_number(resource: Node, *kinds: str, last: bool = False) -> Node:
    """The placer's or the filler's number, the last of several on request.

    Without a type it is the placer's, of a report the filler's.

    Where ORC and OBR give different ones, the way forward puts that of OBR first.
    """
    typed = [
        each
        for each in resource.all("identifier")
        if any(coding.peek("code") in kinds for coding in each.one("type").all("coding")) and not _is_alternate(each)
    ]
    if not typed and kinds == (FILLER if resource.peek("resourceType") == "DiagnosticReport" else PLACER):
        typed = [each for each in resource.all("identifier") if not each.has("type") and each.has("value")][:1]
    return (typed[-1] if last else typed[0]) if typed else EMPTY


def _is_alternate(identifier: Node) -> bool:
    return field_of(identifier, "ORC") == 33 or field_of(identifier, "OBR") == 53


def put_requester(orc: Line, order: Node, run: Run) -> None:
    """ORC-12 and ORC-21 to ORC-24: the ordering provider, and the facility where he orders."""
    requester = order.one("requester")
    if not requester:
        return
    found = run.resolve(requester) if requester.has("reference") else EMPTY
    kind = found.peek("resourceType")
    organization = found if kind == "Organization" else EMPTY
    if kind == "PractitionerRole" and found.has("organization"):
        organization = run.resolve(found.one("organization"))
    if kind != "Organization":
        person = run.resolve(found.one("practitioner")) if kind == "PractitionerRole" else found
        orc.set(12, xcn_of(found.one("practitioner") if kind == "PractitionerRole" else requester, run))
        if kind == "PractitionerRole":
            run.done.add(found.path)
        orc.put(24, *(xad_of(each, run) for each in person.all("address")))
    if organization:
        orc.put(21, xon_of_organization(organization, run))
        orc.put(22, *(xad_of(each, run) for each in organization.all("address")))
        orc.put(23, *(xtn_of(each, run) for each in organization.all("telecom")))


def _put_group(orc: Line, order: Node, run: Run) -> None:
    orc.put(4, ei_of(order.one("requisition"), run))
    filler = of_type(order, "FGN")
    if filler and run.has_field("ORC", 38):
        orc.put(38, ei_of(filler, run))
    elif filler and orc.has(4):
        orc.set(4, {1: ei_subcomponents(order.one("requisition"), run), 2: ei_subcomponents(filler, run)})
    for each in order.all("identifier"):
        if field_of(each, "ORC") == 33:
            orc.put(33, cx_of(each, run))


def _put_status(orc: Line, order: Node, told: str, reported: bool, run: Run) -> None:
    status = order.text("status")
    intent = order.text("intent")
    if not told and (status == "draft" or intent in ("proposal", "plan")):
        what = "this is no order yet, and ORC would make one of it"
        raise run.refuse(NO_STATUS, f"{order.path}.status", what, "send it when it is ordered")
    control, state = _CONTROLS.get(status, ("NW", ""))
    if reported and control in ("NW", "SC"):
        control = "RE"
    if order.has("_status"):
        for each in order.beside("status").extensions(ALTERNATE_CODES):
            coding = each.one("valueCodeableConcept").one("coding")
            if coding.peek("system") == ORDER_STATUS:
                coding.text("system")
                orc.put(5, coding.text("code"))
    orc.put(1, told or control)
    if not orc.has(5) and not told:
        orc.put(5, state)
    elif not orc.has(5) and status != "unknown" and not _is_by_control(told, status):
        orc.put(5, code_of(order, "status", run, "OrderStatus"))


def _is_by_control(control: str, status: str) -> bool:
    """Whether the status of an order follows from ORC-1 alone, by the way forward."""
    stopped = control in ("CA", "OC", "CR", "DC", "OD", "DR", "RP", "RQ", "RU", "UA") and status == "revoked"
    held = control in ("HD", "HR", "OH") and status == "on-hold"
    active = control in ("NW", "AF", "OK", "PR", "PY", "RL", "RO", "XO") and status == "active"
    return stopped or held or active or (control == "FU" and status == "completed")


def put_agents(orc: Line, order: Node, run: Run) -> None:
    """ORC-10 to ORC-12 and ORC-17 to ORC-19: who did to the order what ORC-1 says, by its Provenance."""
    for provenance in run.of_type("Provenance"):
        if not any(run.refers(each, order) for each in provenance.all("target")):
            continue
        for agent in provenance.all("agent"):
            role = agent.one("type").one("coding").peek("code")
            who = agent.one("who")
            kind = run.resolve(who).peek("resourceType") if who.has("reference") else ""
            if kind == "Organization":
                orc.put(17, cwe_of_organization(who, run))
            elif kind == "Device":
                orc.put(18, cwe_of_device(who, run))
            elif role in _AGENTS:
                orc.put(_AGENTS[role], xcn_of(who, run))
            if agent.has("onBehalfOf") and not orc.has(17):
                orc.put(17, cwe_of_organization(agent.one("onBehalfOf"), run))
        place = run.resolve(provenance.one("location")) if provenance.has("location") else EMPTY
        if place:
            place.skip("mode", "name", "identifier", "address", "telecom")
            run.done.add(place.path)
        run.done.add(provenance.path)
