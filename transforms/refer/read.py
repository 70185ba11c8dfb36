"""A message of a referral, in whatever form it travels, to what it says."""

from __future__ import annotations

from collections.abc import Iterable

from schemas.error import BodyError
from schemas.fhir.read import read_exact
from schemas.message import CCDA, FHIR, HL7V2, Message
from schemas.tables import CodeMap
from transforms.refer.document import read_document
from transforms.refer.error import ReferralError
from transforms.refer.fhir import read_fhir
from transforms.refer.ref import read_ref
from transforms.refer.referral import Attached, ReferralMessage
from transforms.refer.v2.source import Source
from transforms.refer.x360 import read_order, read_schedule

BY_TYPE = {"OMG": read_order, "OSU": read_order, "SIU": read_schedule, "REF": read_ref, "RRI": read_ref}
"""The reader of each type of message of HL7 v2 (MSH-9.1) that is one of a referral."""


def read(
    message: Message, *, time_zone: str = "", systems: CodeMap | None = None, documents: Iterable[Attached] = ()
) -> ReferralMessage:
    """The act of a referral that `message` says.

    `time_zone` is the sender's, for times without an offset; `systems` a code map of identifier systems by assigning
    authority, as `v2_to_fhir` takes it; `documents` are those that came beside the message. Raises `ReferralError`
    where it is no message of a referral or lacks what every one must have, and `NoActError` where it is one and changes
    nothing. Never raises anything else for what a message contains.
    """
    try:
        if message.format == HL7V2:
            return _read_v2(Source(message.er7, message.received, time_zone, systems), documents)
        if message.format == FHIR:
            return read_fhir(read_exact(message.body), message.received, documents)
        if message.format == CCDA:
            return read_document(message.ccda, message.body, message.received, systems, documents)
    except ReferralError:
        raise
    except BodyError as error:
        raise ReferralError(str(error), hint="the body is not what its format says") from None
    raise ReferralError(f"a body that is {message.format} is no message of a referral")


def _read_v2(source: Source, documents: Iterable[Attached]) -> ReferralMessage:
    reader = BY_TYPE.get(source.er7.message_type)
    if reader is None:
        hint = "OMG, OSU, SIU, REF and RRI are messages of referrals"
        raise ReferralError("a message of this type is none of a referral", where="MSH-9", hint=hint)
    return reader(source, documents)
