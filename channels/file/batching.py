"""Several messages in one file, as FHS/BHS batches (HL7 v2.9, 2.10.3)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import timedelta

from pydantic import BaseModel, ConfigDict, Field

from schemas.hl7v2 import Hl7Error, build_batch, header, split_batch
from schemas.hl7v2.batch import may_hold_several
from schemas.message import HL7V2, Message
from schemas.values import Duration


class Batching(BaseModel):
    """How many messages go into one file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    most: int = Field(1000, ge=1, le=10_000, description="The most messages of a file; it is written when it is full.")
    wait: Duration = Field(
        timedelta(minutes=1), description="A file is written when its first message was received so long ago."
    )


def refusal(message: Message) -> str:
    """Why `message` cannot be in a batch, "" when it can."""
    if message.format != HL7V2:
        return f"only HL7 v2 can be in a batch, and the body is {message.format}"
    try:
        wide = message.er7.wire_charset.is_wide
    except Hl7Error as error:
        return f"it cannot be in a batch: {error}"
    return "UTF-16 and UTF-32 cannot be in a batch; set MSH-18 and write another character set" if wide else ""


def batch_of(messages: Sequence[Message]) -> bytes:
    """The file that holds `messages`, at least one, in their order; the same messages give the same bytes.

    Its sender and receiver are those of the first message, its time is that at which the last one was received. Of a
    message that is a batch itself the messages go in one by one.
    """
    bodies = [body for message in messages for body in _bodies(message)]
    first = header(messages[0].body, messages[0].attributes.get("body.charset"))
    named = [
        party if party.isascii() else ""
        for party in (
            first.sending_application,
            first.sending_facility,
            first.receiving_application,
            first.receiving_facility,
        )
    ]
    digest = hashlib.blake2b("".join(message.id for message in messages).encode(), digest_size=10).hexdigest()
    return build_batch(
        bodies,
        control_id=digest.upper(),
        now=max(message.received for message in messages),
        sending_application=named[0],
        sending_facility=named[1],
        receiving_application=named[2],
        receiving_facility=named[3],
    )


def _bodies(message: Message) -> list[bytes]:
    if not may_hold_several(message.body):
        return [message.body]
    return [member.body for member in split_batch(message.body).messages]
