"""The step `track_referral`: where the referral of a message stands, and how the message is treated by that."""

from __future__ import annotations

from schemas.finding import Finding, Severity
from schemas.message import Message
from transforms.refer.facts import UNKNOWN, identifier_text, referral_in
from transforms.refer.referral import Side
from transforms.refer.state import Said, Treated, Verdict
from transforms.refer.thread import MOST_SAID, Contact, Noted, Thread, noted_of
from transforms.registry import Registry
from transforms.step import StepError, sets, step

REFUSED = "REF-101"
STRANGER = "REF-102"

_DIRECT = "@"


@step
@sets(
    *("referral.verdict", "referral.reason", "referral.state", "referral.side", "referral.at", "referral.digest"),
    *("referral.to.form", "referral.to.address", "referral.patient.initiator", "referral.patient.recipient"),
    "referral.filler",
)
def track_referral(message: Message, *, registry: Registry) -> Message:
    """Say where the referral of a message stands, and how the message is treated by that (docs/referrals.md).

    `referral.verdict` is `applied` or `late` where it goes on to the other side; then `referral.to.form` and
    `referral.to.address` say how that is reached, where the thread knows it or an earlier step has said it. It is
    `repeated` for what was said before, and `refused` for what contradicts the referral, with `referral.reason`: both
    are without `referral.to.*`. Route what is refused to a work list.

    What routes make of the message becomes part of the thread in its commit. What `open_referral` could not place
    (`referral.unknown`) passes as it is. Put `open_referral` before.
    """
    if message.get(UNKNOWN):
        return message
    try:
        noted = noted_of(message, message.origin)
    except ValueError:
        raise StepError("the message says no act of a referral", "put open_referral before track_referral") from None
    referral = referral_in(message)
    if not referral.value or noted.act is None:
        raise StepError("the message says no act of a referral", "put open_referral before track_referral")
    side = noted.act.side
    thread = registry.referral(referral, message.origin)
    treated = _treated(thread, Said(noted.act, noted.written, noted.digest), noted)
    facts = {
        "referral.verdict": treated.verdict.value,
        "referral.reason": treated.reason,
        "referral.state": treated.state.value,
        "referral.side": side.value,
        "referral.at": noted.written.isoformat(),
        "referral.digest": noted.digest,
        **_about(thread, noted),
        **_onwards(message, thread.contact(side.other), treated.verdict),
    }
    given = {name: value for name, value in facts.items() if value or message.get(name)}
    return message.derive("track_referral", attributes=given, findings=_findings(treated, thread, noted))


def _treated(thread: Thread, said: Said, noted: Noted) -> Treated:
    standing = thread.standing
    if thread.is_about_another(noted.patients):
        return Treated(Verdict.REFUSED, standing.state, "it is about another patient than the referral")
    if len(thread.noted) >= MOST_SAID:
        return Treated(Verdict.REFUSED, standing.state, f"the referral has {MOST_SAID:,} messages already")
    return standing.treat(said)


def _about(thread: Thread, noted: Noted) -> dict[str, str]:
    """The ids of patient and referral that each side knows, with what this message says of them."""
    now = Thread(thread.referral, (*thread.noted, noted))
    patients = {side: now.patient(side) for side in Side}
    found = {f"referral.patient.{side.value}": id for side, id in patients.items()} | {"referral.filler": now.filler}
    return {name: "" if id is None else identifier_text(id) for name, id in found.items()}


def _onwards(message: Message, known: Contact, verdict: Verdict) -> dict[str, str]:
    """How the other side is reached; what an earlier step said of that goes before what the thread knows."""
    if verdict in (Verdict.REPEATED, Verdict.REFUSED):
        return {"referral.to.form": "", "referral.to.address": ""}
    if message.get("referral.to.address"):
        return {}
    return {"referral.to.form": known.form, "referral.to.address": known.address}


def _findings(treated: Treated, thread: Thread, noted: Noted) -> list[Finding]:
    assert noted.act is not None
    found = []
    if treated.verdict is Verdict.REFUSED:
        hint = "docs/referrals.md has the table; route such messages to a work list"
        found.append(Finding(REFUSED, "referral", f"{noted.act.value}: {treated.reason}", hint, Severity.WARNING))
    known = thread.contact(noted.act.side)
    if _domain(noted.sender) and _domain(known) and _domain(noted.sender) != _domain(known):
        what = "it comes from another domain than that side's messages before, or than what was sent there"
        hint = "see that the sender may speak for that side"
        found.append(Finding(STRANGER, "referral.sender", what, hint, Severity.WARNING))
    return found


def _domain(contact: Contact) -> str:
    """The domain of a Direct address, "" of anything else."""
    return contact.address.rpartition(_DIRECT)[2].lower() if _DIRECT in contact.address else ""
