"""What a message says of the referral that it is about, with what its attributes know of that."""

from __future__ import annotations

from dataclasses import replace

from engine.steps.carried import Carried, carried_by
from engine.steps.refused import refused_referral
from schemas.message import Message
from schemas.tables import CodeMap
from transforms import StepError
from transforms.refer import Act, Identifier, ReferralError, ReferralMessage
from transforms.refer.read import read


def said_in(message: Message, time_zone: str, systems: CodeMap | None) -> ReferralMessage:
    """The act that `message`, which `open_referral` has opened, says; raises `StepError` where it was not."""
    if not message.get("referral.act"):
        raise StepError("the message says no act of a referral", "put open_referral before this step")
    carried = carried_by(message)
    try:
        said = read_carried(carried, time_zone, systems)
    except ReferralError as error:
        raise refused_referral(error) from None
    referral = Identifier(message.get("referral.id"), message.get("referral.authority"))
    if carried.is_document and message.get("referral.act") == Act.COMPLETE:
        said = outcome(said, referral)
    return replace(said, referral=referral)


def read_carried(carried: Carried, time_zone: str, systems: CodeMap | None) -> ReferralMessage:
    """The act that `carried` says by itself; raises `ReferralError`."""
    return read(carried.message, time_zone=time_zone, systems=systems, documents=carried.documents)


def outcome(document: ReferralMessage, referral: Identifier) -> ReferralMessage:
    """The outcome of `referral` that a clinical document is: who wrote it is whom the patient was referred to."""
    return replace(
        document,
        act=Act.COMPLETE,
        referral=referral,
        initiator=document.recipient,
        recipient=document.initiator,
    )
