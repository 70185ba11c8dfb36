"""Messages of referrals in a journal, as the engine would have left them."""

from __future__ import annotations

from datetime import datetime, timedelta

from engine.journal import Entry, Journal, State, Status
from engine.registry.reads import DatabaseRegistry
from schemas.ids import derived_id, new_id
from schemas.message import HL7V2, Message
from tests.engine.journal.stored import BODY, START
from transforms.refer.thread import Thread
from transforms.refer.track import track_referral

AUTHORITY = "urn:oid:2.999.1.15"
PRACTICE = {"referral.form": "ref", "referral.sender": "practice.example:2575", "referral.party": "Eastmere Practice"}
CLINIC = {"referral.form": "360x", "referral.sender": "cards@stanne.example", "referral.party": "St. Anne Cardiology"}
TO_CLINIC = {"referral.to.form": "360x", "referral.to.address": "cards@stanne.example"}
OF_PRACTICE = "urn:oid:2.999.1.5|P-17"
OF_CLINIC = "urn:oid:2.999.2.5|88"


def day(number: float) -> datetime:
    """That day of the tests."""
    return START + timedelta(days=number)


async def say(
    journal: Journal,
    at: float,
    act: str,
    referral: str = "R1",
    *,
    end: str = "",
    status: Status = Status.DELIVERED,
    detail: str = "AA",
    patient: str = OF_PRACTICE,
    known: Thread | None = None,
    **facts: str,
) -> Message:
    """Journal a message of that day and one delivery of it, with what became of that; the delivery.

    `known` is all that is known of the referral, where that is not what the journal has.
    """
    initiator = act in ("request", "change", "cancel", "inquire")
    given = {
        **{"referral.id": referral, "referral.authority": AUTHORITY, "referral.act": act},
        "referral.at": day(at).isoformat(),
        "referral.control_id": f"{act} {at}",
        "referral.digest": f"{act} {at}",
        "referral.patients": patient if initiator else f"{patient}\n{OF_CLINIC}",
        **(PRACTICE if initiator else CLINIC),
        **(TO_CLINIC if act == "request" else {}),
        **{f"referral.{name}": value for name, value in facts.items()},
    }
    message = Message(new_id(day(at)), "refer", HL7V2, BODY, day(at), attributes=given)
    registry = DatabaseRegistry(journal.reading)
    if known is not None:
        registry.referral = lambda _referral, _message: known  # type: ignore[method-assign]
    tracked = track_referral(message, registry=registry)
    to = "practice" if not initiator else "clinic"
    made = derived_id(message.id, f"{to}/0")
    child = Message(made, "refer", HL7V2, BODY, day(at), message.id, tracked.attributes)
    kind = end or ("direct" if initiator else "mllp")
    await journal.append(
        [
            Entry(message, "refer", Status.ROUTED, False, settled=day(at)),
            Entry(child, f"refer/{to}", Status.QUEUED, True, body_of=message.id, end=kind),
        ]
    )
    if status is not Status.QUEUED:
        is_open = status in (Status.DEFERRED, Status.PENDING)
        await journal.record([State(child.id, status, is_open, day(at), None, 1, day(at), detail)])
    return child
