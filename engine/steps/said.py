"""What a message says of the referral that it is about, with what its attributes know of that."""

from __future__ import annotations

from dataclasses import dataclass, replace

from engine.steps.carried import carried_by
from engine.steps.refused import refused_referral
from schemas.message import Message
from schemas.tables import CodeMap
from transforms import StepError
from transforms.refer import Act, Identifier, ReferralError, ReferralMessage
from transforms.refer.facts import referral_in
from transforms.refer.read import read


def said_in(message: Message, time_zone: str, systems: CodeMap | None) -> ReferralMessage:
    """The act that `message`, which `open_referral` has opened, says; raises `StepError` where it was not."""
    if not message.get("referral.act"):
        raise StepError("the message says no act of a referral", "put open_referral before this step")
    try:
        said = read_in(message, time_zone, systems)
    except ReferralError as error:
        raise refused_referral(error) from None
    referral = referral_in(message)
    if carried_by(message).is_document and message.get("referral.act") == Act.COMPLETE:
        said = outcome(said, referral)
    return replace(said, referral=referral)


def read_in(message: Message, time_zone: str, systems: CodeMap | None) -> ReferralMessage:
    """The act that `message` says by itself, read once for all steps with these options; raises `ReferralError`, and
    `StepError` as `carried_by` does."""
    return message.once(_Reading(time_zone, systems))


@dataclass(frozen=True, slots=True)
class _Reading:
    """How a message is read: two that are equal read the same."""

    time_zone: str
    systems: CodeMap | None

    def __call__(self, message: Message) -> ReferralMessage:
        carried = carried_by(message)
        return read(carried.message, time_zone=self.time_zone, systems=self.systems, documents=carried.documents)


def outcome(document: ReferralMessage, referral: Identifier) -> ReferralMessage:
    """The outcome of `referral` that a clinical document is: who wrote it is whom the patient was referred to."""
    return replace(
        document,
        act=Act.COMPLETE,
        referral=referral,
        initiator=document.recipient,
        recipient=document.initiator,
    )
