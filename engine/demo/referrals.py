"""The demo's last scene: a practice that speaks FHIR and one that speaks HL7 v2 refer to a specialist who has mail, and
each knows in its own form how that ends."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from engine.config.settings import Referrals
from engine.demo.fhir_practice import FhirPractice
from engine.demo.mailroom import Mailroom
from engine.demo.partners import Hospital, Practice
from engine.demo.record import until
from engine.demo.specialist import Specialist
from engine.demo.stage import DemoError, Stage, read, read_document
from engine.journal import Journal
from engine.journal.tables import Status
from engine.registry.referral import Referral
from engine.registry.referrals import ReferralError, shown
from schemas.fhir import Resource
from schemas.hl7v2 import Er7
from schemas.ids import utc_now
from transforms.refer import Act, Attached, ReferralMessage

CHANNELS = ("referrals-direct", "referrals-fhir", "referrals-ref")
BY_FHIR, BY_V2 = "REF-2207", "REF-2301"
"""The practices' own numbers of the two referrals."""
_NOTE = "consultation_note"
_REQUEST = Path(__file__).resolve().parents[2] / "samples" / "fhir" / "referral_request.json"


@dataclass(frozen=True, slots=True)
class Closed:
    """What came of it: both threads, what the specialist was asked, and what the practices have of the outcome."""

    threads: list[Referral]
    asked: list[ReferralMessage]
    tasks: list[Resource]
    answers: list[Er7]
    outcomes: list[bytes]


async def refer(
    stage: Stage, practice: Practice, harbour: FhirPractice, mailroom: Mailroom, say: Callable[[str], None]
) -> Closed:
    """Play the scene; raises `DemoError`."""
    specialist = Specialist(mailroom)
    await _ask_by_fhir(stage)
    await _answered(specialist, 1, lambda act: act in [_status(each) for each in _tasks(harbour)])
    say(
        "Harbour refers a patient to the cardiologist by FHIR. She gets a package by Direct (360X) with a Referral "
        "Note, accepts, and sends her consultation note; Harbour gets both as FHIR."
    )
    await _ask_by_v2(stage)
    await _answered(specialist, 2, lambda act: act in [_word(each) for each in _answers(practice)])
    say("Eastmere refers one by HL7 v2 (REF^I12). She does the same; Eastmere gets RRI, the note in it.")
    threads = [await _closed(stage.journal, id) for id in (BY_FHIR, BY_V2)]
    outcomes = [*_of_tasks(harbour), *_of_answers(practice)]
    return Closed(threads, specialist.asked, _tasks(harbour), _answers(practice), outcomes)


def referral_claims(closed: Closed) -> Iterator[tuple[str, bool, str]]:
    """What must have come to pass: the text, whether it holds, what was found."""
    states = [each.state for each in closed.threads]
    yield "both referrals are completed", states == ["completed", "completed"], ", ".join(states)
    acts = [[str(event.act) for event in each.events] for each in closed.threads]
    yield "each thread is request, accept, complete", acts == [["request", "accept", "complete"]] * 2, ""
    notes = [document.title for each in closed.asked for document in each.documents]
    yield "the cardiologist had a Referral Note with each request", len(notes) == 2, ", ".join(notes)
    tasks = [_status(each) for each in closed.tasks]
    yield "Harbour was told in FHIR: accepted, completed", tasks == ["accept", "complete"], ", ".join(tasks)
    words = [_word(each) for each in closed.answers]
    yield "Eastmere was told in HL7 v2: accepted, completed", words == ["accept", "complete"], ", ".join(words)
    note = read_document(_NOTE)
    yield "both have the consultation note byte for byte", closed.outcomes == [note, note], f"{len(closed.outcomes)}"
    deliveries = [one for each in closed.threads for event in each.events for one in event.deliveries]
    arrived = [one for one in deliveries if one.outcome == Status.DELIVERED]
    yield "every message of them arrived, by mail with its notice", len(arrived) == 6, f"{len(arrived)} of 6"


async def _ask_by_fhir(stage: Stage) -> None:
    url = f"http://127.0.0.1:{stage.referrals_fhir}/fhir/$process-message"
    async with httpx.AsyncClient(timeout=20) as client:
        answer = await client.post(
            url, content=_REQUEST.read_bytes(), headers={"Content-Type": "application/fhir+json"}
        )
    if answer.is_error:
        raise DemoError(f"Harbour's request was answered {answer.status_code}")


async def _ask_by_v2(stage: Stage) -> None:
    request = Er7.parse(read("ref_i12")).copy()
    for path, text in {"MSH-4.1": "EASTMERE", "RF1-6.1": BY_V2, "RF1-11": ""}.items():
        request.set(path, text)
    practice = Hospital("127.0.0.1", stage.referrals_feed)
    await practice.connect()
    try:
        answer = await practice.send(request.encode())
    finally:
        practice.close()
    if not answer.accepted:
        raise DemoError(f"Eastmere's request was answered {answer.code}")


async def _answered(specialist: Specialist, number: int, knows: Callable[[str], bool]) -> None:
    """Have the specialist answer that request, each time once the practice knows of the answer before."""
    await until(lambda: len(specialist.asked) == number, "the specialist is asked")
    asked = specialist.asked[-1]
    note = Attached(read_document(_NOTE), "text/xml")
    for act, documents in ((Act.ACCEPT, ()), (Act.COMPLETE, (note,))):
        refused = await specialist.answer(asked, act, documents)
        if refused:
            raise DemoError(f"the specialist's answer was not taken: {refused}")
        await until(lambda act=act: knows(act.value), f"the practice knows of it: {act.value}")  # type: ignore[misc]


async def _closed(journal: Journal, id: str) -> Referral:
    async def arrived() -> bool:
        found = await shown(journal, id, Referrals(), utc_now())
        return all(one.outcome == Status.DELIVERED for event in found.events for one in event.deliveries)

    try:
        await until(arrived, "every message of the referral has arrived")
        return await shown(journal, id, Referrals(), utc_now())
    except ReferralError as error:
        raise DemoError(str(error)) from None


def _tasks(harbour: FhirPractice) -> list[Resource]:
    resources = [entry["resource"] for bundle in harbour.messages for entry in bundle["entry"]]
    return [each for each in resources if each["resourceType"] == "Task"]


def _status(task: Resource) -> str:
    return {"accepted": "accept", "completed": "complete"}.get(task["status"], "")


def _answers(practice: Practice) -> list[Er7]:
    return [message.er7 for message in practice.delivered if message.get("MSH-9.1") == "RRI"]


def _word(answer: Er7) -> str:
    return "complete" if "F" in answer.get_all("OBR[*]-25") else {"A": "accept"}.get(answer.get("RF1-1.1"), "")


def _of_tasks(harbour: FhirPractice) -> list[bytes]:
    """The documents in the messages that complete something."""
    found = []
    for bundle in harbour.messages:
        resources = [entry["resource"] for entry in bundle["entry"]]
        if any(each["resourceType"] == "Task" and each["status"] == "completed" for each in resources):
            held = [content for each in resources for content in each.get("content", ())]
            found += [base64.b64decode(each["attachment"]["data"]) for each in held]
    return found


def _of_answers(practice: Practice) -> list[bytes]:
    return [
        base64.b64decode(text)
        for answer in _answers(practice)
        for kind, text in zip(answer.get_all("OBX[*]-2"), answer.get_all("OBX[*]-5.5"), strict=False)
        if kind == "ED"
    ]
