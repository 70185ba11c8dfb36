"""ORC where what is ordered is a medicine or a vaccine."""

from __future__ import annotations

from schemas.fhir import Element, Resource
from transforms.elements import ALTERNATE_CODES, OWN, absent, add_extension, append, coded, extension, put
from transforms.v2_to_fhir.datatypes.codes import cwe_codeable_concept, cwe_coding
from transforms.v2_to_fhir.datatypes.identifiers import ei_identifier, eip_identifiers, identifier_key
from transforms.v2_to_fhir.datatypes.people import xcn_practitioner, xcn_practitioner_role
from transforms.v2_to_fhir.datatypes.times import put_field_time
from transforms.v2_to_fhir.run import Run
from transforms.v2_to_fhir.segments.tq1_medication import tq_medication_request
from transforms.v2_to_fhir.source import SourceSegment

ORDER_CONTROL = "http://terminology.hl7.org/CodeSystem/v2-0119"
ORDER_STATUS = "http://terminology.hl7.org/CodeSystem/v2-0038"
PROVIDER_ROLE = "http://terminology.hl7.org/CodeSystem/v2-0443"
_CANCELLED = ("CA", "OC", "CR", "UA")
_STOPPED = ("DC", "OD", "DR", "DF")
_HELD = ("HD", "OH", "HR")
_ACTIVE = ("NW", "OK", "RL", "RO", "RQ", "PR", "PY", "AF", "XO", "XR", "XX", "RF", "OF", "FU", "OE", "OR", "RE")
_BY_CONTROL = {
    **dict.fromkeys(_CANCELLED, "cancelled"),
    **dict.fromkeys(_STOPPED, "stopped"),
    **dict.fromkeys(_HELD, "on-hold"),
    **dict.fromkeys(_ACTIVE, "active"),
}
"""Table 0119 as the status of a MedicationRequest."""
_BY_STATUS = {
    "A": "active",
    "CA": "cancelled",
    "CM": "completed",
    "DC": "stopped",
    "ER": "entered-in-error",
    "HD": "on-hold",
    "IP": "active",
    "RP": "stopped",
    "SC": "active",
}
"""Table 0038 as the status of a MedicationRequest."""
_NO_NUMBER = "9999"
"""What immunization feeds write into ORC-3 where there is no number (CDC's guide 1.5, ORC-3)."""


def order_numbers(orc: SourceSegment | None, run: Run) -> list[Element]:
    """The placer's and the filler's number of an order, each with its type, those that there are."""
    if orc is None:
        return []
    numbers = []
    for field, kind in ((2, "PLAC"), (3, "FILL")):
        number = orc.first(field)
        if number is not None and number.peek(1) != _NO_NUMBER:
            numbers.append(ei_identifier(number, run, kind))
    return [each for each in numbers if each is not None]


def order_key(orc: SourceSegment | None, run: Run) -> tuple[str, ...] | None:
    """What identifies an order: the placer's number, else the filler's; None where there is neither."""
    numbers = order_numbers(orc, run)
    return identifier_key(numbers[0], run) if numbers else None


def order_status(orc: SourceSegment | None) -> str:
    """The status of a MedicationRequest: a cancelled, stopped or held order is never an active one."""
    if orc is None:
        return "unknown"
    by_control, by_status = _BY_CONTROL.get(orc.raw(1), ""), _BY_STATUS.get(orc.raw(5), "")
    if by_control in ("cancelled", "stopped", "on-hold"):
        return by_control
    return by_status or by_control or "unknown"


def keep_order_codes(resource: Resource, orc: SourceSegment) -> None:
    """Keep order control (ORC-1) and order status (ORC-5) beside the status that was made of them."""
    for field, system in ((1, ORDER_CONTROL), (5, ORDER_STATUS)):
        code = orc.text(field)
        if code:
            original = {"coding": [{"system": system, "code": code}]}
            beside = resource.setdefault("_status", {})
            append(beside, "extension", extension(ALTERNATE_CODES, "valueCodeableConcept", original))


def orc_medication_request(orc: SourceSegment, run: Run, request: Resource) -> None:
    """ORC where a medicine is ordered, which the guide does not map: numbers, status, who and when."""
    append(request, "identifier", *order_numbers(orc, run))
    groups = eip_identifiers(orc.first(4), run)
    put(request, "groupIdentifier", groups[0] if groups else None)
    request["status"] = order_status(orc)
    keep_order_codes(request, orc)
    put(request, "statusReason", cwe_codeable_concept(orc.first(16), run, orc.where(16)))
    put_field_time(request, "authoredOn", orc, 9, run)
    timing = orc.first(7)
    if timing is not None:
        tq_medication_request(timing, run, orc.where(7), request)
    put(request, "recorder", xcn_practitioner(orc.first(10), run, orc.where(10)))
    put(request, "requester", xcn_practitioner(orc.first(12), run, orc.where(12)))
    _put_security(request, orc, run)


def orc_medication_administration(orc: SourceSegment, run: Run, administration: Resource) -> None:
    """ORC[MedicationAdministration]."""
    append(administration, "identifier", *order_numbers(orc, run))
    control = orc.text(1)
    if control:
        code = {"coding": [{"system": ORDER_CONTROL, "code": control}]}
        add_extension(administration, extension(f"{OWN}order-control", "valueCodeableConcept", code))
    for value in orc[12]:
        person = xcn_practitioner(value, run, orc.where(12))
        if person is not None:
            function = coded(PROVIDER_ROLE, "OP", "Ordering Provider")
            append(administration, "performer", {"function": function, "actor": person})
    _put_security(administration, orc, run)


def orc_immunization(orc: SourceSegment, run: Run, immunization: Resource) -> None:
    """ORC[Immunization]."""
    append(immunization, "identifier", *order_numbers(orc, run))
    append(immunization, "identifier", *reversed(eip_identifiers(orc.first(4), run)))
    put_field_time(immunization, "recorded", orc, 9, run)
    for value in orc[12]:
        role = xcn_practitioner_role(value, run, orc.where(12))
        if role is not None:
            function = coded(PROVIDER_ROLE, "OP", "Ordering Provider")
            append(immunization, "performer", {"function": function, "actor": role})
    if orc.raw(1) == "RE":
        orc.text(1)  # that a service was performed is what an Immunization says
    _put_security(immunization, orc, run)


def new_request(run: Run, orc: SourceSegment | None, *part: str) -> Resource:
    """The MedicationRequest of the order `orc`, or of a `part` of it; without numbers, one of this message alone."""
    key = order_key(orc, run)
    if key is None:
        return run.add("MedicationRequest", run.sender, run.control_id, str(run.count("order")), *part)
    number = run.count("|".join((*key, *part)))
    return run.add("MedicationRequest", *key, *part, *(() if number == 1 else (str(number),)))


def put_subject(resource: Resource, name: str, run: Run) -> None:
    """Put the patient that is open into `resource`; where there is none, that he is not known."""
    resource[name] = run.refer(run.patient) if run.patient is not None else absent("unknown")


def _put_security(resource: Resource, orc: SourceSegment, run: Run) -> None:
    label = cwe_coding(orc.first(28), run, orc.where(28), "ConfidentialityCode", "0177")
    if label is not None:
        append(resource.setdefault("meta", {}), "security", label)
