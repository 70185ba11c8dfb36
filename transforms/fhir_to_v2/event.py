"""Which message a resource becomes: what it was, what the site says, else what it holds."""

from __future__ import annotations

from typing import NamedTuple

from schemas.hl7v2.structure_events import structures_for
from transforms.fhir_node import Node
from transforms.fhir_to_v2.run import NO_MESSAGE, Run
from transforms.v2_to_fhir.segments.msh import EVENT


class Event(NamedTuple):
    """Message type, trigger event and structure (MSH-9)."""

    message_type: str
    trigger_event: str
    structure: str = ""
    is_said: bool = False
    """Whether the resource itself says so, and not only what it holds."""


_BY_EVENT = {
    **dict.fromkeys(("R01", "R30", "R31", "R32"), "ORU"),
    **dict.fromkeys(("O21", "O33", "O35"), "OML"),
    "O01": "ORM",
    "O19": "OMG",
    "O09": "OMP",
    "O11": "RDE",
    "O13": "RDS",
    "V04": "VXU",
    "I12": "REF",
    "P03": "DFT",
}
_BY_LETTER = {"A": "ADT", "S": "SIU", "T": "MDM", "I": "REF"}
_BED = ("IMP", "ACUTE", "NONAC", "SS", "OBSENC")
_BY_STATUS = {
    "planned": "A05",
    "arrived": "A04",
    "triaged": "A04",
    "onleave": "A21",
    "finished": "A03",
    "cancelled": "A11",
    "entered-in-error": "A11",
}
_DOCUMENT_EVENT = {"entered-in-error": "T11", "superseded": "T08"}
_APPOINTMENT_EVENT = {"cancelled": "S15", "entered-in-error": "S17", "noshow": "S26"}


def event_of(run: Run) -> Event:
    """The message to make; raises `RefusedError` where the resource becomes none."""
    options = run.options
    said = _said(run)
    if options.message_type:
        kind = options.message_type
        event = options.trigger_event or (said.trigger_event if said.message_type == kind else _default(kind, run))
        return _with_structure(Event(kind, event), run)
    if said.trigger_event or said.message_type:
        return _with_structure(said, run)._replace(is_said=True)
    return _with_structure(_held(run), run)


def _said(run: Run) -> Event:
    """What MessageHeader or the Provenance of our own way forward says that the message was."""
    coding = run.first("MessageHeader").one("eventCoding")
    display = coding.text("display")
    code = coding.text("code") if coding.text("system") == EVENT else ""
    code = code if len(code) == 3 and code.isascii() and code.isalnum() else ""
    kind, event, structure = _split(display)
    if kind and (not code or code in (event, kind)):
        return Event(kind, event, structure)
    if code:
        return Event(_BY_EVENT.get(code) or _BY_LETTER.get(code[:1], ""), code)
    for each in run.of_type("Provenance"):
        shown = each.one("activity").one("coding").peek("display")
        if shown.startswith("message - "):
            return Event(*_split(shown.removeprefix("message - ")))
    return Event("", "")


def _split(shown: str) -> tuple[str, str, str]:
    parts = [*shown.split("^"), "", ""][:3]
    if not (len(parts[0]) == 3 and parts[0].isascii() and parts[0].isalnum()):
        return "", "", ""
    return parts[0], parts[1][:3], parts[2][:7]


def _held(run: Run) -> Event:
    """The message for what the resource holds."""
    referral = next((each for each in run.of_type("ServiceRequest") if is_referral(each)), None)
    kinds = (
        ("DiagnosticReport", "ORU"),
        ("ServiceRequest", "REF" if referral is not None else "OML"),
        ("MedicationRequest", "RDE"),
        ("Appointment", "SIU"),
        ("Immunization", "VXU"),
        ("DocumentReference", "MDM"),
        ("Encounter", "ADT"),
        ("Observation", "ORU"),
        ("Patient", "ADT"),
    )
    for resource_type, message_type in kinds:
        if run.of_type(resource_type):
            kind = _order(run) if message_type == "OML" else message_type
            return Event(kind, _default(kind, run))
    what = "no message is made of resources of these types"
    raise run.refuse(NO_MESSAGE, run.root.path, what, "docs/fhir-to-v2.md lists the types; or name a message_type")


def _order(run: Run) -> str:
    return "ORM" if run.options.order == "ORM" or run.before(2, 5) else "OML"


def _default(kind: str, run: Run) -> str:
    """The trigger event for a message of that type, by the status of what it tells of."""
    match kind:
        case "ADT":
            return _adt_event(run)
        case "SIU":
            return _APPOINTMENT_EVENT.get(run.first("Appointment").peek("status"), "S12")
        case "MDM":
            return _document_event(run.first("DocumentReference"))
        case _:
            known = {"ORU": "R01", "OML": "O21", "ORM": "O01", "VXU": "V04", "REF": "I12", "OMG": "O19", "RDE": "O11"}
            return known.get(kind, "")


def _adt_event(run: Run) -> str:
    encounter, patient = run.first("Encounter"), run.first("Patient")
    if not encounter:
        if any(each.peek("type") in ("replaced-by", "replaces") for each in patient.all("link")):
            return "A40"
        return "A28" if _method(run) == "POST" else "A31"
    status = encounter.peek("status")
    if status == "in-progress":
        return "A01" if encounter.one("class").peek("code") in _BED else "A04"
    if status in ("cancelled", "entered-in-error") and not encounter.one("period").has("start"):
        return "A38" if encounter.one("class").peek("code") == "PRENC" else "A11"
    return _BY_STATUS.get(status, "A08")


def _document_event(document: Node) -> str:
    return _DOCUMENT_EVENT.get(document.peek("status"), "T02")


def is_referral(request: Node) -> bool:
    """Whether a ServiceRequest asks for a referral to another provider."""
    codes = [coding.peek("code") for each in request.all("category") for coding in each.all("coding")]
    return any(code in ("3457005", "306206005", "referral", "REF") for code in codes)


def _method(run: Run) -> str:
    """How the Patient's entry is requested (POST: it is new)."""
    for entry in run.bundle.all("entry"):
        if entry.one("resource").peek("resourceType") == "Patient":
            return entry.one("request").text("method")
    return ""


def _with_structure(event: Event, run: Run) -> Event:
    """`event` with the structure that the version has for it, unless it names one that the version knows."""
    if not event.trigger_event:
        event = event._replace(trigger_event=_default(event.message_type, run))
    if event.structure and run.tables.structure(event.structure) is not None:
        return event
    possible = structures_for(event.message_type, event.trigger_event, run.version)
    known = [name for name in possible if run.tables.structure(name) is not None]
    return event._replace(structure=known[0] if known else event.structure)
