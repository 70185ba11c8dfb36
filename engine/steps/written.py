"""What the steps that write a referral have in common: what the thread knows, the Referral Note, the sentence."""

from __future__ import annotations

from dataclasses import dataclass, replace

from engine.steps.said import said_in
from schemas.content import Kind, recognize
from schemas.fhir import Element, Resource
from schemas.finding import Finding
from schemas.ids import derived_id
from schemas.message import Message
from schemas.tables import CodeMap
from transforms.converting import refusal
from transforms.fhir_to_ccda import Options, convert
from transforms.refer import Act, Attached, Identifier, ReferralMessage
from transforms.refer.facts import read_identifier
from transforms.refer.fhir.clinical import clinical_entries
from transforms.refer.fhir.write import write_fhir

CONTROL_ID = 20
"""The length of MSH-10 in version 2.5.1."""

_SAYS = {
    Act.REQUEST: "A patient is referred to you.",
    Act.CHANGE: "The request of the referral has changed.",
    Act.CANCEL: "The referral is cancelled.",
    Act.INQUIRE: "The status of the referral is asked for.",
    Act.ACCEPT: "The referral was accepted.",
    Act.DECLINE: "The referral was declined.",
    Act.BOOK: "An appointment is booked for the referral.",
    Act.NO_SHOW: "The patient did not come to the appointment.",
    Act.INTERIM: "There is a note on the way of the referral.",
    Act.COMPLETE: "The outcome of the referral is here.",
    Act.CONFIRM_CANCEL: "The cancellation of the referral is confirmed.",
}
_WITHOUT = ("MessageHeader", "Task")


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What is to be written, and what was found on the way; `says` is a sentence without a patient's data."""

    said: ReferralMessage
    says: str
    findings: tuple[Finding, ...] = ()


def outgoing(
    message: Message, time_zone: str, systems: CodeMap | None, oids: CodeMap | None, *, reads_fhir: bool = False
) -> Outgoing:
    """What `message` says, with what the thread knows of both sides' numbers, under a control id of its own.

    A request without a document that its receiver can read gets a Referral Note of what it says; a document in FHIR is
    one for who `reads_fhir`. Raises `StepError`.
    """
    said = said_in(message, time_zone, systems)
    said = replace(
        said,
        control_id=derived_id(message.id, "referral")[:CONTROL_ID],
        filler=said.filler or read_identifier(message.get("referral.filler")),
        patient=_with_numbers(said.patient, message),
    )
    findings: tuple[Finding, ...] = ()
    readable = [each for each in said.documents if reads_fhir or recognize(each.body) is not Kind.FHIR]
    if said.act is Act.REQUEST and not readable:
        note, findings = _note(replace(said, documents=()), message, oids)
        said = replace(said, documents=(note, *said.documents))
    return Outgoing(said, _SAYS[said.act], findings)


def _with_numbers(patient: Resource, message: Message) -> Resource:
    """The patient with the numbers of both sides: the initiator's first, then the recipient's, then all others."""
    known = [read_identifier(message.get(f"referral.patient.{side}")) for side in ("initiator", "recipient")]
    listed: list[Element] = [each for each in patient.get("identifier", []) if isinstance(each, dict)]
    first = [next((one for one in listed if _is(one, each)), _element(each)) for each in known if each is not None]
    if not first:
        return patient
    return {**patient, "identifier": [*first, *(each for each in listed if each not in first)]}


def _is(element: Element, identifier: Identifier) -> bool:
    return (element.get("value"), element.get("system", "")) == identifier


def _element(identifier: Identifier) -> Element:
    system = {"system": identifier.system} if identifier.system else {}
    return {**system, "value": identifier.value}


def _note(said: ReferralMessage, message: Message, oids: CodeMap | None) -> tuple[Attached, tuple[Finding, ...]]:
    """The Referral Note of what a request says of the patient, the reason and their health."""
    bundle = write_fhir(replace(said, clinical=None)).resource
    entries = [each for each in bundle["entry"] if each["resource"]["resourceType"] not in _WITHOUT]
    patient = next(each["resource"] for each in entries if each["resource"]["resourceType"] == "Patient")
    whole = {**bundle, "type": "collection", "entry": [*entries, *clinical_entries(said, patient)]}
    options = Options(document="referral_note", systems=oids, unmapped="ignore")
    made = convert(whole, options, message.received)
    if made.document is None:
        raise refusal(made.findings[-1])
    return Attached(made.document, Kind.CCDA.media_type, "Referral Note"), made.findings
