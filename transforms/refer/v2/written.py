"""A message of a referral in HL7 v2 as it is written: header, patient, what is known of their health, and the bytes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from schemas.fhir import Resource
from schemas.finding import Finding
from schemas.hl7v2 import Er7, Hl7Error
from schemas.hl7v2.charset import charset_named
from schemas.tables import CodeMap
from transforms.fhir_node import EMPTY
from transforms.fhir_to_v2.fit import fit
from transforms.fhir_to_v2.leftovers import report_unread
from transforms.fhir_to_v2.line import Line, decoded
from transforms.fhir_to_v2.options import Options
from transforms.fhir_to_v2.run import Run
from transforms.fhir_to_v2.segments.al1 import allergies_of
from transforms.fhir_to_v2.segments.dg1 import dg1s_of
from transforms.fhir_to_v2.segments.pid import pid_of
from transforms.refer.error import ReferralError
from transforms.refer.lost import lost
from transforms.refer.referral import ReferralMessage
from transforms.refer.v2.source import Source
from transforms.refer.v2.values import dtm_of

_TOLD_BY_MAPS = ("patient", "clinical")
"""The facts of which the maps of the resources say themselves what no field carries."""
_CHARSET = "UNICODE UTF-8"


class Ends(NamedTuple):
    """Who sends and who receives, as MSH-3 to MSH-6 say it: each an HD as encoded text (`^2.999.1^ISO`, `STANNE`)."""

    sending_application: str = ""
    sending_facility: str = ""
    receiving_application: str = ""
    receiving_facility: str = ""


NO_ENDS = Ends()


@dataclass(frozen=True, slots=True)
class Written:
    """A message of a referral in HL7 v2, and what of the referral it does not say."""

    message: Er7
    findings: tuple[Finding, ...]


def begin(
    message: ReferralMessage, kind: str, event: str, structure: str, ends: Ends, version: str, systems: CodeMap | None
) -> Run:
    """A message with its header: the patient and what is known of their health are there to be written."""
    run = Run(_resources(message), Options(version=version, systems=systems), message.at)
    msh = run.line("MSH")
    for field, hd in zip(range(3, 7), ends, strict=True):
        msh.put(field, decoded(hd))
    msh.put(7, dtm_of(message.at))
    msh.put(9, {1: kind, 2: event, 3: structure})
    msh.put(10, message.control_id)
    msh.put(11, "P")
    msh.put(12, version)
    msh.put(18, _CHARSET)
    return run


def put_patient(run: Run) -> None:
    """PID."""
    pid_of(run.first("Patient"), run)


def put_diagnoses(run: Run) -> None:
    """DG1; a diagnosis of no certain kind is a working one, for DG1-6 must say something."""
    dg1s_of(run.first("Patient"), EMPTY, run)
    for line in run.lines:
        if line.name == "DG1" and not line.has(6):
            line.put(6, "W")


def put_allergies(run: Run) -> None:
    """AL1."""
    allergies_of(run.first("Patient"), run)


def put_notes(run: Run, text: str) -> None:
    """NTE: one for each line of `text`."""
    for number, line in enumerate(filter(None, text.split("\n")), 1):
        nte = run.line("NTE")
        nte.put(1, str(number))
        nte.put(3, line)
        nte.put(4, {1: "RE", 2: "Remark", 3: "HL70364"})


def numbered(run: Run, name: str) -> Line:
    """A segment whose first field counts those of its name."""
    line = run.line(name)
    line.put(1, str(sum(each.name == name for each in run.lines)))
    return line


def finish(
    run: Run,
    message: ReferralMessage,
    read: Callable[[Source], ReferralMessage],
    systems: CodeMap | None,
    *beside: str,
) -> Written:
    """What was written of `message`, and what of that `read` does not find in it; `beside` are facts that travel
    outside it. Raises `ReferralError` where its text cannot be."""
    written = _encoded(run)
    again = read(Source(written, message.at, "", systems))
    return Written(written, (*run.findings, *lost(message, again, *beside, *_TOLD_BY_MAPS)))


def _encoded(run: Run) -> Er7:
    fit(run)
    report_unread(run)
    charset = charset_named(_CHARSET)
    text = "".join(f"{line.wire()}\r" for line in run.lines if line.fields)
    try:
        if charset is None:
            raise ReferralError("the character set is not known", where="MSH-18")
        return Er7.parse(charset.from_wire(charset.encode(text)))
    except (UnicodeEncodeError, Hl7Error):
        raise ReferralError("the message holds characters that no text has", where="MSH-18") from None


def _resources(message: ReferralMessage) -> Resource:
    patient = message.patient
    entries = [{"fullUrl": f"urn:uuid:{patient.get('id', 'patient')}", "resource": patient}]
    if message.clinical is not None:
        entries += [each for each in message.clinical.get("entry", []) if "resource" in each]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}
