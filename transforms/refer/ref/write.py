"""What an act of a referral says, written as REF or RRI."""

from __future__ import annotations

from schemas.tables import CodeMap
from transforms.fhir_to_v2.datatypes.authorities import system_hd
from transforms.fhir_to_v2.messages.common import observations
from transforms.fhir_to_v2.run import Run
from transforms.refer.error import NotSayableError
from transforms.refer.ref.read import read_ref
from transforms.refer.ref.words import (
    ACCEPTED,
    BOOKED,
    EVENTS,
    FINAL,
    NO_SHOW,
    NOTE,
    PENDING,
    PRELIMINARY,
    RECEIVED,
    REJECTED,
    STATUS_NAMES,
)
from transforms.refer.referral import NOBODY, Act, ReferralMessage, Side
from transforms.refer.v2.documents import put_document
from transforms.refer.v2.parties import put_provider
from transforms.refer.v2.values import cwe_of, day_of, dtm_of, ei_of, priority_of
from transforms.refer.v2.words import REFERRAL_NOTE, RP, RT
from transforms.refer.v2.written import (
    NO_ENDS,
    Ends,
    Written,
    begin,
    finish,
    numbered,
    put_allergies,
    put_diagnoses,
    put_notes,
    put_patient,
)

_STATUS = {Act.DECLINE: REJECTED, Act.CONFIRM_CANCEL: REJECTED}
_RESULT = {Act.INTERIM: PRELIMINARY, Act.COMPLETE: FINAL}
_VISIT = {Act.BOOK: BOOKED, Act.NO_SHOW: NO_SHOW}


def write_ref(
    message: ReferralMessage,
    *,
    ends: Ends = NO_ENDS,
    version: str = "2.5.1",
    answers: str = "",
    systems: CodeMap | None = None,
) -> Written:
    """The REF of what an initiator does, or the RRI of what a recipient does, its documents within.

    `answers` is MSH-10 of the message that an RRI answers, for its MSA; without it there is no MSA. Raises
    `NotSayableError` for a booking without a time.
    """
    if message.act is Act.BOOK and message.appointment is None:
        hint = "an appointment needs a time; send the acceptance instead"
        raise NotSayableError("there is no time to write into PV2", where="PV2-8", hint=hint)
    is_answer = message.act.side is Side.RECIPIENT
    event = EVENTS.get(message.act, "I12")
    kind, structure = ("RRI", "RRI_I12") if is_answer else ("REF", "REF_I12")
    run = begin(message, kind, event, structure, ends, version, systems)
    if is_answer and answers:
        msa = run.line("MSA")
        msa.put(1, "AA")
        msa.put(2, answers)
    _put_rf1(message, run)
    put_provider("PRD", message.initiator, RP, run)
    if message.recipient != NOBODY:
        put_provider("PRD", message.recipient, RT, run)
    put_patient(run)
    put_diagnoses(run)
    put_allergies(run)
    has_told = _put_results(message, run)
    _put_visit(message, run)
    if not has_told:
        put_notes(run, message.explanation)
    return finish(run, message, read_ref, systems)


def _put_rf1(message: ReferralMessage, run: Run) -> None:
    status = PENDING if message.act.side is Side.INITIATOR else _STATUS.get(message.act, ACCEPTED)
    rf1 = run.line("RF1")
    rf1.put(1, {1: status, 2: STATUS_NAMES[status], 3: "HL70283"})
    rf1.put(2, priority_of(message.priority, "HL70280"))
    rf1.put(3, cwe_of(message.service))
    rf1.put(6, ei_of(message.referral))
    rf1.put(8, day_of(message.until))
    rf1.put(10, *(cwe_of(each) for each in message.reason))
    rf1.put(11, ei_of(message.filler))


def _put_results(message: ReferralMessage, run: Run) -> bool:
    """How far the consultation has come, what was observed, and the documents; whether the explanation is in it."""
    status = _RESULT.get(message.act, "")
    observed = run.of_type("Observation")
    has_progress = bool(status or observed or (message.documents and message.explanation))
    if has_progress:
        obr = numbered(run, "OBR")
        obr.put(2, ei_of(message.referral))
        obr.put(3, ei_of(message.filler))
        obr.put(4, cwe_of(REFERRAL_NOTE))
        obr.put(25, status)
        put_notes(run, message.explanation)
        observations(run)
    for document in message.documents:
        put_document(run, document, NOTE, FINAL if status == FINAL else PRELIMINARY if status else RECEIVED)
    return has_progress


def _put_visit(message: ReferralMessage, run: Run) -> None:
    appointment, status = message.appointment, _VISIT.get(message.act, "")
    if appointment is None and not status:
        return
    pv1 = run.line("PV1")
    pv1.put(1, "1")
    pv1.put(2, "O")
    if appointment is not None:
        pv1.put(3, {9: appointment.place})
        pv1.put(5, {1: appointment.identifier.value, 4: [*system_hd(appointment.identifier.system)], 5: "VN"})
    pv2 = run.line("PV2")
    if appointment is not None:
        pv2.put(8, dtm_of(appointment.start))
        pv2.put(9, dtm_of(appointment.end))
    pv2.put(24, {1: status, 3: "HL70278"} if status and not run.before(2, 7) else status)
