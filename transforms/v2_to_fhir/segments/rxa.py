"""RXA: what was given to the patient, or was not; a vaccine or another medicine."""

from __future__ import annotations

from schemas.fhir import Element, Resource
from transforms.elements import absent, append, coded, put
from transforms.v2_to_fhir.datatypes.addresses import xad_address
from transforms.v2_to_fhir.datatypes.codes import cwe_codeable_concept, put_code
from transforms.v2_to_fhir.datatypes.entities import cwe_organization
from transforms.v2_to_fhir.datatypes.locations import hd_location, pl_location
from transforms.v2_to_fhir.datatypes.people import xcn_practitioner
from transforms.v2_to_fhir.datatypes.quantities import cwe_quantity
from transforms.v2_to_fhir.datatypes.times import put_date, put_field_time
from transforms.v2_to_fhir.elements import append_each, decimal, put_first
from transforms.v2_to_fhir.profiles import claims
from transforms.v2_to_fhir.run import Run
from transforms.v2_to_fhir.segments.orc_medication import PROVIDER_ROLE, order_key, put_subject
from transforms.v2_to_fhir.segments.prt import prt_practitioner_role
from transforms.v2_to_fhir.source import SourceSegment, Value

NO_VACCINE = "998"
"""CVX: no vaccine was administered; what follows is a forecast, or tells why."""
AMOUNT_NOT_KNOWN = "999"
_NULL = "http://terminology.hl7.org/CodeSystem/v3-NullFlavor"
_SOURCES = "NIP001"
_NEW = "00"


def rxa_immunization(rxa: SourceSegment, run: Run, orc: SourceSegment | None) -> Resource:
    """RXA[Immunization]; `orc` is the ORC before it."""
    immunization = run.add("Immunization", *_immunization_key(rxa, orc, run))
    claims(immunization, "us-core-immunization", run)
    _put_status(immunization, rxa, run)
    put_first(immunization, "statusReason", rxa, 18, run, cwe_codeable_concept)
    code = cwe_codeable_concept(rxa.first(5), run, rxa.where(5))
    immunization["vaccineCode"] = code or coded(_NULL, "UNK", "unknown")
    put_subject(immunization, "patient", run)
    if run.encounter is not None:
        immunization["encounter"] = run.refer(run.encounter)
    put_field_time(immunization, "occurrenceDateTime", rxa, 3, run)
    if "occurrenceDateTime" not in immunization:
        immunization.pop("_occurrenceDateTime", None)
        immunization["occurrenceString"] = rxa.text(3) or "unknown"
    if rxa.raw(4) == rxa.raw(3):
        rxa.text(4)  # an injection ends when it begins
    if rxa.text(21) in ("", "A"):
        put_field_time(immunization, "recorded", rxa, 22, run)
    _put_source(immunization, rxa, run)
    put(immunization, "location", _place(rxa, run))
    put(immunization, "manufacturer", cwe_organization(rxa.first(17), run))
    put(immunization, "lotNumber", rxa.text(15))
    put_date(immunization, "expirationDate", rxa.text(16), run, rxa.where(16))
    put(immunization, "doseQuantity", given_amount(rxa, run))
    for value in rxa[10]:
        person = xcn_practitioner(value, run, rxa.where(10))
        if person is not None:
            function = coded(PROVIDER_ROLE, "AP", "Administering Provider")
            append(immunization, "performer", {"function": function, "actor": person})
    append_each(immunization, "reasonCode", rxa, 19, run, cwe_codeable_concept)
    _read_counters(rxa)
    return immunization


def prt_immunization(prt: SourceSegment, run: Run, immunization: Resource) -> Resource:
    """PRT[PractitionerRole] behind an ORC or RXA of a vaccine: the role, as one who ordered or gave it (table 0443)."""
    role = prt_practitioner_role(prt, run)
    if role is None or immunization["resourceType"] != "Immunization":
        return role or immunization
    code = prt.first(4)
    function = coded(PROVIDER_ROLE, code.peek(1)) if code is not None and code.peek(1) in ("OP", "AP") else None
    performer: Element = {"actor": run.refer(role)}
    put(performer, "function", function)
    append(immunization, "performer", performer)
    return role


def is_no_vaccine(rxa: SourceSegment) -> bool:
    """Whether RXA-5 says that no vaccine was given (CVX 998)."""
    code = rxa.first(5)
    return code is not None and any(
        code.peek(place) == NO_VACCINE and code.peek(place + 2).upper() in ("CVX", "HL70292", "") for place in (1, 4)
    )


def given_amount(rxa: SourceSegment, run: Run) -> Element | None:
    """RXA-6 and RXA-7 as a Quantity; 999 says that the amount is not known, 0 that nothing was given."""
    text = rxa.raw(6)
    if text == AMOUNT_NOT_KNOWN:
        rxa.text(6)
        return None
    number = decimal(text, run, rxa.where(6))
    if number is None or number < 0:
        return None
    rxa.text(6)
    if number == 0 and not rxa.has(7):
        return None
    return {"value": number, **cwe_quantity(rxa.first(7), run)}


def completion(rxa: SourceSegment) -> str:
    """Whether it was given, by RXA-20 and RXA-18: `CP`, `RE`, `NA`, `PA`; what was refused was not given."""
    code = rxa.raw(20)
    return code or ("RE" if rxa.has(18) else "CP")


def _put_status(immunization: Resource, rxa: SourceSegment, run: Run) -> None:
    if rxa.text(21) == "D":
        immunization["status"] = "entered-in-error"
        return
    put_code(immunization, "status", rxa.text(20), "CompletionStatus", run, rxa.where(20), "0322")
    if "status" not in immunization:
        unknown = rxa.has(20)  # a status that nobody knows is no proof that the vaccine was given
        immunization["status"] = "not-done" if rxa.has(18) or unknown else "completed"
    if is_no_vaccine(rxa):
        immunization["status"] = "not-done"


def _put_source(immunization: Resource, rxa: SourceSegment, run: Run) -> None:
    """RXA-9, which the guide does not map: given here (00), or told of by another source (01 to 08)."""
    for value in rxa[9]:
        code = value.peek(1)
        if value.peek(3) == _SOURCES and code == _NEW:
            immunization["primarySource"] = True
            value.mark(1, 2, 3)
        elif value.peek(3) == _SOURCES:
            immunization["primarySource"] = False
            put(immunization, "reportOrigin", cwe_codeable_concept(value, run, rxa.where(9)))
        else:
            text = value[2] or value[9] or value[1]
            append(immunization, "note", {"text": text} if text else None)
    if "primarySource" not in immunization:
        immunization["_primarySource"] = absent("unknown")


def _place(rxa: SourceSegment, run: Run) -> Element | None:
    """RXA-27 with RXA-28, or the LA2 of RXA-11, which they replace."""
    place = pl_location(rxa.first(27), run) or _la2_location(rxa.first(11), run, rxa.where(11))
    address = xad_address(rxa.first(28), run, rxa.where(28))
    if address is None:
        return place
    if place is None:
        shown = ", ".join([*address.get("line", []), address.get("city", "")]) or "where it was administered"
        place = run.share({"resourceType": "Location", "name": shown}, run.sender, "address", shown)
    run.referred(place)["address"] = address
    return place


def _la2_location(la2: Value | None, run: Run, where: str) -> Element | None:
    """LA2, which the guide does not map: the facility, and its address."""
    if la2 is None:
        return None
    place = hd_location(la2.part(4), run)
    if place is None:
        name = la2[1]
        place = run.share({"resourceType": "Location", "name": name}, run.sender, "place", name) if name else None
    address: Element = {}
    put(address, "line", [text for text in (la2[9], la2[10]) if text])
    for name, number in (("city", 11), ("state", 12), ("postalCode", 13), ("country", 14)):
        put(address, name, la2[number])
    if place is not None and address:
        run.referred(place)["address"] = address
    return place


def _read_counters(rxa: SourceSegment) -> None:
    """RXA-1 and RXA-2 say nothing where they are what every immunization has (CDC's guide 1.5)."""
    if rxa.raw(1) == "0":
        rxa.text(1)
    if rxa.raw(2) in ("1", "999"):
        rxa.text(2)


def _immunization_key(rxa: SourceSegment, orc: SourceSegment | None, run: Run) -> tuple[str, ...]:
    """What identifies an immunization: its order's number; one that this message has used before is no proof."""
    key = order_key(orc, run)
    code = rxa.first(5)
    vaccine = code.peek(1) if code is not None else ""
    if key is None:
        owner = run.patient["id"] if run.patient is not None else run.control_id
        key = (owner, vaccine, rxa.raw(3))
    number = run.count("|".join(key))
    return key if number == 1 else (*key, str(number))
