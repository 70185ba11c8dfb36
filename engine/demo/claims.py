"""Whether everything came to pass: what each partner has, and the evidence, against what the story says they must."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.demo.letters import Letters, direct_claims
from engine.demo.mailroom import RESULTS as RESULTS_FROM
from engine.demo.mailroom import Letter
from engine.demo.partners import number_of
from engine.demo.record import Sent
from engine.demo.referrals import Closed, referral_claims
from engine.demo.story import (
    CARDIOLOGIST,
    DAMAGED,
    EASTMERE,
    HARBOUR,
    HOME_CARE,
    LANTERN,
    NORTHGATE,
    ON_THE_LIST,
    OTHER,
    PATIENT,
    RESULTS,
    STEPS,
)  # fmt: skip
from engine.journal import Status
from engine.journal.history import History
from engine.journal.notified import Notice
from schemas.ccda import Document
from schemas.fhir import Resource
from schemas.hl7v2 import Er7

_STRANGERS = (b"7712006", b"Delacourt", b"9999999", b"7720051", b"7799002")
"""What would tell of who opted out, the test patient, the doubtful one and who is in no panel."""


@dataclass(frozen=True, slots=True)
class Claim:
    """Something that the demo says of itself, whether it is so, and what was found."""

    text: str
    holds: bool
    found: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What there is to judge by.

    `eastmere` are the messages that it answered AA, in order; `alerts` and `reports` the FHIR messages and transactions
    that Harbour has; `mail` what lies in the mailboxes. `notices` is the exchange's own evidence, `listed` what a
    person found on the work list. `histories` are those of what came by HL7 v2, `letters` is what came of the site's
    own Direct, `referrals` of the two referrals. `status` is the engine's exit status, `folder` where it all was.
    """

    sent: list[Sent]
    eastmere: list[bytes]
    alerts: list[Resource]
    reports: list[Resource]
    mail: list[Letter]
    notices: list[Notice]
    listed: list[str]
    histories: list[History]
    letters: Letters
    referrals: Closed
    status: int | None
    folder: Path


def claims(evidence: Evidence) -> Iterator[Claim]:
    """Each claim in turn."""
    yield from _answered(evidence)
    yield from _notified(evidence)
    yield from _ordered(evidence)
    yield from _results(evidence)
    yield from (Claim(*each) for each in direct_claims(evidence.letters))
    yield from (Claim(*each) for each in referral_claims(evidence.referrals))
    histories = [*evidence.histories, *evidence.letters.histories]
    waiting = [
        each
        for each in histories
        if each.message.open or any(one.open and one.route != "daily" for one in each.deliveries)
    ]
    yield Claim("nothing else waits, nothing failed", not waiting and not _failed(histories), f"{len(waiting)} waiting")
    yield Claim("the engine stopped in good order", evidence.status == 0, f"exit status {evidence.status}")
    yield Claim("nothing is left behind", not evidence.folder.exists())


def _answered(evidence: Evidence) -> Iterator[Claim]:
    sent, histories = evidence.sent, evidence.histories
    codes = [each.code for each in sent]
    damaged = [each for each in sent if each.sample == DAMAGED]
    good = len(sent) - len(damaged)
    yield Claim(
        f"{good} sound messages answered AA or CA, the damaged one AR",
        sum(each.accepted for each in sent) == good and [each.code for each in damaged] == ["AR"],
        ", ".join(f"{codes.count(code)} {code}" for code in sorted(set(codes))),
    )
    kept = {each.message.control_id for each in histories}
    missing = [each for each in sent if _of(each.body, "MSH-10") not in kept]
    yield Claim("every message is in the journal, the damaged one too", not missing, f"{len(histories)} messages")
    repeats = [each for each in histories if any(fact.kind == "repeat" for fact in each.message.events)]
    yield Claim(
        "the identical repeat was acknowledged again and told to nobody again",
        [each.message.control_id for each in repeats] == [_twice(sent)],
        f"{len(repeats)} repeat",
    )


def _notified(evidence: Evidence) -> Iterator[Claim]:
    """Who was told of what: by what each of the partners has, and by the exchange's own evidence."""
    came = [
        (_of(body, "MSH-9.2"), number_of(Er7.parse(body)))
        for body in evidence.eastmere
        if _of(body, "MSH-9.1") == "ADT"
    ]
    due = _events(evidence, EASTMERE)
    yield _exactly("Eastmere was told by HL7 v2 of exactly its patients' events", sorted(came), sorted(due))
    admits = [_coding(each) for each in evidence.alerts]
    yield _exactly(
        "Harbour was told by FHIR messages of exactly its patients' events",
        admits,
        ["notification-admit" for step in STEPS if HARBOUR in step.told],
    )
    documents = [each.data for letter in _box(evidence, HOME_CARE) for each in letter.attached]
    visits = sum(NORTHGATE in step.told for step in STEPS)
    yield Claim(
        "Northgate was told by Direct, in a clinical document each time",
        len(documents) == visits and all(Document.parse(each).template_ids for each in documents),
        f"{len(documents)} of {visits}",
    )
    bodies = [*evidence.eastmere, *(str(each).encode() for each in evidence.alerts), *documents]
    told = [each for each in _STRANGERS if any(each in body for body in bodies)]
    yield Claim("nobody was told of who opted out, a test patient, or somebody else's patient", not told)
    expected = sorted((subscriber, what) for step in STEPS for subscriber, what in step.told.items())
    found = [each for each in evidence.notices if each.event != "result"]
    became = {LANTERN: "queued"}
    yield _exactly(
        "the evidence (hie notified) says the same, and what became of each",
        sorted(
            (each.subscriber, f"{each.kind} {each.event}")
            for each in found
            if each.outcome == became.get(each.subscriber, "delivered")
        ),
        expected,
    )
    listed = sum(each.subscriber == LANTERN for each in found)
    yield Claim("Lantern Row's list of the day gathers until its time", listed == 4, f"{listed} notices")


def _ordered(evidence: Evidence) -> Iterator[Claim]:
    came = [number_of(Er7.parse(body)) for body in evidence.eastmere]
    feed = [body for body in evidence.eastmere if _of(body, "MSH-9.1") == "ADT"]
    adt = [_of(body, "MSH-9.2") for body in feed if number_of(Er7.parse(body)) == PATIENT]
    yield Claim(
        "the patient's notices reached Eastmere in their order, through both failures",
        adt == [event for event, patient in _events(evidence, EASTMERE) if patient == PATIENT],
        " ".join(adt),
    )
    update = next((number for number, body in enumerate(evidence.eastmere) if _of(body, "MSH-9.2") == "A08"), -1)
    yield Claim("another patient passed the one who had to wait", OTHER in came[: max(update, 0)])


def _results(evidence: Evidence) -> Iterator[Claim]:
    for who, versions in RESULTS.items():
        name = "the cardiologist" if who == CARDIOLOGIST else who.capitalize()
        yield _exactly(f"{name} has each result once, the newest version last", _versions(evidence, who), versions)
    reports = [_types(each).count("DiagnosticReport") for each in evidence.reports]
    yield _exactly("Harbour has the report of its patient in FHIR", reports, [1])
    copies = [letter for letter in _box(evidence, CARDIOLOGIST) if letter.sender == RESULTS_FROM]
    pdfs = [each.data[:5] for letter in copies for each in letter.attached]
    yield _exactly("the cardiologist's copies are PDFs", pdfs, [b"%PDF-"] * len(RESULTS[CARDIOLOGIST]))
    codes = [_of(body, "OBX-3.3") for body in evidence.eastmere if _of(body, "MSH-9.1") == "ORU"]
    yield Claim("every result at Eastmere is in LOINC", bool(codes) and set(codes) == {"LN"}, f"{len(codes)} results")
    late = [one for each in evidence.histories for one in each.deliveries if one.detail.startswith("superseded")]
    yield Claim("the late preliminary result was withheld, with the reason", len(late) == 2, f"{len(late)} withheld")
    yield Claim(
        "who and what nobody could place waited for a person",
        len(evidence.listed) == ON_THE_LIST,
        "; ".join(evidence.listed),
    )


def _exactly(text: str, found: Sequence[object], wanted: Sequence[object]) -> Claim:
    return Claim(text, list(found) == list(wanted), f"{len(found)} of {len(wanted)}")


def _events(evidence: Evidence, subscriber: str) -> list[tuple[str, str]]:
    """Event and patient of each message that the hospital sent and that `subscriber` must hear of, as sent."""
    told = zip(evidence.sent, STEPS, strict=False)
    return [
        (_of(sent.body, "MSH-9.2"), number_of(Er7.parse(sent.body))) for sent, step in told if subscriber in step.told
    ]


def is_notification(bundle: Resource) -> bool:
    """Whether a FHIR message is one by Da Vinci Alerts."""
    return _coding(bundle).startswith("notification-")


def _coding(bundle: Resource) -> str:
    header = next(each["resource"] for each in bundle["entry"] if each["resource"]["resourceType"] == "MessageHeader")
    return str(header["eventCoding"]["code"])


def _types(bundle: Resource) -> list[str]:
    return [each["resource"]["resourceType"] for each in bundle["entry"]]


def _versions(evidence: Evidence, recipient: str) -> list[str]:
    """The versions of results that were delivered to `recipient` (a subscriber, or an address), in order."""
    made = [one for each in evidence.histories for one in each.deliveries if one.status is Status.DELIVERED]
    to = ("subscriber.id", "subscriber.address")
    return [
        one.attributes["result.status"]
        for one in made
        if "result.status" in one.attributes and recipient in map(one.attributes.get, to)
    ]


def _box(evidence: Evidence, recipient: str) -> list[Letter]:
    return [each for each in evidence.mail if each.recipient == recipient]


def _failed(histories: list[History]) -> bool:
    bad = (Status.FAILED, Status.REFUSED)
    return any(one.status in bad for each in histories for one in (each.message, *each.deliveries))


def _twice(sent: list[Sent]) -> str:
    bodies = [each.body for each in sent]
    return next(_of(body, "MSH-10") for body in bodies if bodies.count(body) > 1)


def _of(body: bytes, path: str) -> str:
    return Er7.parse(body).get(path)
