"""ORC: what is to become of an order, who ordered it, who entered it."""

from __future__ import annotations

from schemas.codes import concept_map
from schemas.fhir import Element, Resource
from transforms.elements import ALTERNATE_CODES, CORE, OWN, add_extension, append, coded, extension
from transforms.moments import moment
from transforms.v2_to_fhir.datatypes.addresses import xad_address
from transforms.v2_to_fhir.datatypes.authorities import xon_organization_resource
from transforms.v2_to_fhir.datatypes.codes import cwe_codeable_concept, cwe_coding, put_code
from transforms.v2_to_fhir.datatypes.contacts import xtn_contact_point
from transforms.v2_to_fhir.datatypes.entities import cwe_device, cwe_organization
from transforms.v2_to_fhir.datatypes.people import practitioner_role, xcn_practitioner
from transforms.v2_to_fhir.datatypes.times import put_date_time, put_field_time
from transforms.v2_to_fhir.datatypes.timing import tq_service_request
from transforms.v2_to_fhir.elements import append_each
from transforms.v2_to_fhir.run import Run
from transforms.v2_to_fhir.segments.msh import AGENT_TYPE
from transforms.v2_to_fhir.segments.order_numbers import group_numbers
from transforms.v2_to_fhir.source import SourceSegment

OPERATION = "http://terminology.hl7.org/CodeSystem/v3-DataOperation"
ORDER_CONTROL = "http://terminology.hl7.org/CodeSystem/v2-0119"
ORDER_STATUS = "http://terminology.hl7.org/CodeSystem/v2-0038"
BUSINESS_EVENT = f"{CORE}businessEvent"
CANCELLED = ("CA", "OC", "CR", "DC", "OD", "DR")
_STOPPED = {
    **dict.fromkeys((*CANCELLED, "RP", "RQ", "RU", "UA"), "revoked"),
    **dict.fromkeys(("HD", "HR", "OH"), "on-hold"),
}
"""What is cancelled, replaced or held must not read as active, whatever ORC-5 says of the time before."""
_ACTIVITIES = {"NW": "CREATE", "SC": "UPDATE", "OC": "CANCEL", "CA": "CANCEL"}
_BEYOND_GUIDE = {"A": "active"}
_AGENTS = ((10, "enterer"), (11, "verifier"), (12, "author"), (19, "performer"))


def orc_service_request(orc: SourceSegment, run: Run, order: Resource) -> None:
    """ORC[ServiceRequest]."""
    put_order_status(order, orc, run)
    order.setdefault("intent", "order")
    _put_event(order, orc, run)
    placer, filler = group_numbers(orc, run)
    if placer is not None:
        order["requisition"] = placer
    append(order, "identifier", filler)
    tq_service_request(orc.first(7), run, orc.where(7), order)
    if orc.raw(1) == "NW":
        put_field_time(order, "authoredOn", orc, 9, run)
    _put_requester(order, orc, run)
    for value in orc[14]:
        contact = xtn_contact_point(value, run, orc.where(14))
        if contact is not None:
            url = f"{CORE}servicerequest-order-callback-phone-number"
            add_extension(order, extension(url, "valueContactPoint", contact))
    reason = cwe_codeable_concept(orc.first(16), run, orc.where(16))
    if reason is not None:
        url = f"{OWN}order-control-code-reason" if orc.has(5) else f"{CORE}request-statusReason"
        add_extension(order, extension(url, "valueCodeableConcept", reason))
    modifier = cwe_codeable_concept(orc.first(25), run, orc.where(25))
    if modifier is not None:
        add_extension(order, extension(f"{OWN}status-modifier", "valueCodeableConcept", modifier))
    _put_security(order, orc, run)
    append_each(order, "locationCode", orc, 29, run, cwe_codeable_concept, codes="OrderType", table="0482")
    parent = cwe_codeable_concept(orc.first(31), run, orc.where(31))
    if parent is not None:
        add_extension(order, extension(f"{OWN}parent-service", "valueCodeableConcept", parent))


def orc_diagnostic_report(orc: SourceSegment, run: Run, report: Resource) -> None:
    """ORC[DiagnosticReport], but for what OBR and the order say."""
    for identifier in reversed(group_numbers(orc, run)):
        append(report, "identifier", identifier)
    reason = cwe_codeable_concept(orc.first(16), run, orc.where(16))
    if reason is not None:
        add_extension(report, extension(f"{CORE}event-statusReason", "valueCodeableConcept", reason))
    _put_security(report, orc, run)


def orc_provenance(orc: SourceSegment, run: Run, order: Resource) -> Resource | None:
    """ORC[Provenance]: who did to the order what ORC-1 says; None where the message names nobody."""
    agents: list[Element] = []
    enterer = cwe_organization(orc.first(17), run)
    for field, role in _AGENTS:
        for value in orc[field]:
            who = xcn_practitioner(value, run, orc.where(field))
            if who is None:
                continue
            agent: Element = {"type": coded(AGENT_TYPE, role), "who": who}
            if field == 10 and enterer is not None:
                agent["onBehalfOf"] = enterer
            agents.append(agent)
    device = cwe_device(orc.first(18), run)
    if device is not None:
        agents.append({"type": coded(AGENT_TYPE, "assembler"), "who": device})
    if enterer is not None and not orc[10]:
        agents.append({"type": coded(AGENT_TYPE, "enterer"), "who": enterer})
    if not agents:
        return None
    provenance = run.add("Provenance", run.sender, run.control_id, "order", order["id"])
    provenance["target"] = [run.refer(order)]
    put_field_time(provenance, "occurredDateTime", orc, 9, run)
    recorded = moment(orc.text(9), run.zone).text
    provenance["recorded"] = recorded if "T" in recorded else run.now.isoformat()
    activity = _ACTIVITIES.get(orc.text(1))
    if activity is not None:
        provenance["activity"] = coded(OPERATION, activity)
    place = xon_location(orc, run)
    if place is not None:
        provenance["location"] = place
    provenance["agent"] = agents
    _put_security(provenance, orc, run)
    return provenance


def xon_location(orc: SourceSegment, run: Run) -> Element | None:
    """XON[Location]: the ordering facility (ORC-21 to ORC-23) as a place."""
    xon = orc.first(21)
    if xon is None or not (xon.has(1) or xon.has(3) or xon.has(10)):
        return None
    name, number = xon[1], xon[10] or xon[3]
    place: Resource = {"resourceType": "Location", "mode": "instance"}
    if number:
        place["identifier"] = [{"value": number}]
    place["name"] = name or number
    address = xad_address(orc.first(22), run, orc.where(22))
    if address is not None:
        place["address"] = address
    for value in orc[23]:
        append(place, "telecom", xtn_contact_point(value, run, orc.where(23), use="work"))
    return run.share(place, run.sender, "ordering-facility", number, name.casefold())


def put_order_status(order: Resource, orc: SourceSegment, run: Run) -> None:
    """ORC-5, or ORC-1 where it is absent, as the status of an order; a cancellation or hold in ORC-1 comes first."""
    control, status = orc.text(1), orc.text(5)
    stopped = _STOPPED.get(control)
    if stopped is not None:
        order["status"] = stopped
        order.pop("_status", None)
        if status:
            original = extension(ALTERNATE_CODES, "valueCodeableConcept", coded(ORDER_STATUS, status))
            order["_status"] = {"extension": [original]}
    elif status in _BEYOND_GUIDE:
        order["status"] = _BEYOND_GUIDE[status]
        original = extension(ALTERNATE_CODES, "valueCodeableConcept", coded(ORDER_STATUS, status))
        order["_status"] = {"extension": [original]}
    elif status:
        put_code(order, "status", status, "OrderStatus", run, orc.where(5), "0038")
    elif control != "RE":
        # The code itself stands in the business event: most of its codes say nothing of the status.
        known = concept_map("OrderControlCode[ServiceRequest.status]").code(control)
        if known:
            order["status"] = known


def _put_event(order: Resource, orc: SourceSegment, run: Run) -> None:
    """ORC-1 and ORC-9: what happened to the order, and when."""
    inner: list[Element] = []
    control = orc.text(1)
    if control:
        inner.append(extension("value", "valueCodeableConcept", coded(ORDER_CONTROL, control)))
    if orc.has(9):
        held: Element = {"url": "date"}
        put_date_time(held, "valueDateTime", orc.text(9), run, orc.where(9))
        inner.append(held)
    if inner:
        add_extension(order, {"url": BUSINESS_EVENT, "extension": inner})


def _put_requester(order: Resource, orc: SourceSegment, run: Run) -> None:
    """ORC-12 and ORC-21 to ORC-24: the ordering provider in the role that he has at the ordering facility."""
    found = xon_organization_resource(orc.first(21), run)
    if found is not None:
        for value in orc[22]:
            append(found, "address", xad_address(value, run, orc.where(22)))
        for value in orc[23]:
            append(found, "telecom", xtn_contact_point(value, run, orc.where(23)))
    organization = run.refer(found) if found is not None else None
    provider = xcn_practitioner(orc.first(12), run, orc.where(12))
    if provider is None:
        if organization is not None:
            order["requester"] = organization
        return
    for value in orc[24]:
        append(run.referred(provider), "address", xad_address(value, run, orc.where(24)))
    order["requester"] = practitioner_role(provider, run, organization=organization)


def _put_security(resource: Resource, orc: SourceSegment, run: Run) -> None:
    for value in orc[28]:
        label = cwe_coding(value, run, orc.where(28), "ConfidentialityCode", "0177")
        if label is not None:
            append(resource.setdefault("meta", {}), "security", label)
