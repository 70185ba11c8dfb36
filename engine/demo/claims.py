"""Whether everything came to pass: what the partners have, against what the channel files say they should have."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from engine.config.sample import sample
from engine.config.site import Site
from engine.demo.letters import Letters, direct_claims
from engine.demo.record import Sent
from engine.demo.story import DUPLICATE, OTHER, PATIENT
from engine.journal import Status
from engine.journal.history import History
from engine.plan import plan
from schemas.hl7v2 import Er7


@dataclass(frozen=True, slots=True)
class Claim:
    """Something that the demo says of itself, whether it is so, and what was found."""

    text: str
    holds: bool
    found: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What there is to judge by.

    `lab` are the bodies of the laboratory's batch; `delivered` is what each receiver has in the end, in order, those of
    eastmere, harbour and archive. `histories` are those of what came by HL7 v2, `letters` is what came of Direct.
    `status` is the engine's exit status, `folder` where it all was.
    """

    site: Site
    sent: list[Sent]
    lab: list[bytes]
    delivered: Mapping[str, list[bytes]]
    histories: list[History]
    letters: Letters
    status: int | None
    folder: Path


def claims(evidence: Evidence) -> Iterator[Claim]:
    """Each claim in turn."""
    sent, histories = evidence.sent, evidence.histories
    codes = [each.code for each in sent]
    damaged = [each for each in sent if each.sample.startswith("damaged")]
    good = len(sent) - len(damaged)
    yield Claim(
        f"{good} sound messages answered AA or CA, the damaged one AR",
        sum(each.accepted for each in sent) == good and [each.code for each in damaged] == ["AR"],
        ", ".join(f"{codes.count(code)} {code}" for code in sorted(set(codes))),
    )
    kept = {each.message.control_id for each in histories}
    missing = [each for each in sent if _of(each.body, "MSH-10") not in kept]
    yield Claim(
        "every message is in the journal, the damaged one too",
        not missing and len(histories) == len({each.body for each in sent}) + len(evidence.lab),
        f"{len(histories)} messages",
    )
    filtered = [each.message.type for each in histories if each.message.status is Status.FILTERED]
    yield Claim(
        "allergies and the test patient were filtered, with the reason",
        sorted(filtered) == ["ADT^A01", "ADT^A60"],
        ", ".join(filtered),
    )
    repeats = [each for each in histories if any(fact.kind == "repeat" for fact in each.message.events)]
    yield Claim(
        "the identical repeat was acknowledged again and not routed twice",
        [each.message.control_id for each in repeats] == [_twice(sent)]
        and {delivery.route for delivery in repeats[0].deliveries} == {"eastmere", "archive"}
        and len(repeats[0].deliveries) == 2,
        f"{len(repeats)} repeat",
    )
    yield from _delivered(evidence)
    yield from _ordered(evidence)
    yield from (Claim(*each) for each in direct_claims(evidence.letters))
    histories = [*histories, *evidence.letters.histories]
    waiting = [each for each in histories if each.message.open or any(one.open for one in each.deliveries)]
    yield Claim("nothing waits, nothing failed", not waiting and not _failed(histories), f"{len(waiting)} waiting")
    yield Claim("the engine stopped in good order", evidence.status == 0, f"exit status {evidence.status}")
    yield Claim("nothing is left behind", not evidence.folder.exists())


def _delivered(evidence: Evidence) -> Iterator[Claim]:
    """Each partner has exactly what the plan of each message, made here anew, says it should have."""
    for name, found in evidence.delivered.items():
        wanted = _wanted(evidence, name)
        yield Claim(
            f"{name} has exactly what the channel files say",
            sorted(found) == sorted(wanted),
            f"{len(found)} of {len(wanted)}",
        )


def _ordered(evidence: Evidence) -> Iterator[Claim]:
    came = _feed(evidence.delivered["eastmere"])
    order = _feed(_wanted(evidence, "eastmere"))
    yield Claim(
        "each patient's messages reached eastmere in the order sent, through both failures",
        all(_of_patient(came, patient) == _of_patient(order, patient) for patient, *_ in order),
    )
    who = [patient for patient, *_ in came]
    events = [event for _, event, _ in came]
    waited = events.index("A02") if "A02" in events else -1
    yield Claim(
        "other patients passed the one who had to wait",
        all(patient in who[:waited] for patient in (OTHER, DUPLICATE)) and waited >= 0,
    )
    both = [event for patient, event, _ in came if patient in (PATIENT, DUPLICATE)]
    yield Claim("the merge came after everything of both its patients", both[-1:] == ["A40"], f"{len(both)} messages")


def _feed(bodies: Iterable[bytes]) -> list[tuple[str, str, str]]:
    """Patient, event and control id of each ADT among `bodies`: the laboratory's channel has an order of its own."""
    read = (Er7.parse(body) for body in bodies)
    return [(er7.get("PID-3.1"), er7.get("MSH-9.2"), er7.get("MSH-10")) for er7 in read if er7.get("MSH-9.1") == "ADT"]


def _of_patient(feed: list[tuple[str, str, str]], patient: str) -> list[tuple[str, str, str]]:
    return [each for each in feed if each[0] == patient]


def _wanted(evidence: Evidence, route: str) -> list[bytes]:
    """The bodies that `route` should deliver, by the channels' plans, in the order sent."""
    feed = dict.fromkeys(each.body for each in evidence.sent if each.accepted)
    return [
        *_planned(evidence.site, "adt-feed", feed, route),
        *_planned(evidence.site, "lab-results", evidence.lab, route),
    ]


def _planned(site: Site, name: str, bodies: Iterable[bytes], route: str) -> Iterator[bytes]:
    channel = site.channel(name)
    assert channel is not None
    for body in bodies:
        for child in plan(sample(channel, body), channel).children:
            if child.route.name == route:
                yield child.message.body


def _failed(histories: list[History]) -> bool:
    bad = (Status.FAILED, Status.REFUSED)
    return any(one.status in bad for each in histories for one in (each.message, *each.deliveries))


def _twice(sent: list[Sent]) -> str:
    bodies = [each.body for each in sent]
    return next(_of(body, "MSH-10") for body in bodies if bodies.count(body) > 1)


def _of(body: bytes, path: str) -> str:
    return Er7.parse(body).get(path)
