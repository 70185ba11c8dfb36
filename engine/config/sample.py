"""A message as a channel's inbound end would hand it over, made without a network: for `hie test` and `hie try`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

from channels.ends import Receipt, ReceiptCode
from channels.formats import sniff
from channels.mllp.senders import Senders
from engine.accept import examine
from engine.channel import Channel
from schemas.ids import first_id_at
from schemas.message import MAIL, Message

RECEIVED = datetime(2024, 1, 1, 12, tzinfo=UTC)
"""When a sample is received, so that what steps make of it is the same every time."""
MOST_BYTES = 64 << 20

_FORMATS = {"direct": MAIL}
"""What an end hands over whatever the bytes are."""


class SampleError(ValueError):
    """The file cannot serve as a message; the text says why."""


def read_sample(path: Path, shown: str) -> bytes:
    """The bytes of the file at `path`, called `shown` in errors; raises `SampleError`."""
    try:
        with path.open("rb") as file:
            body = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise SampleError(f"{shown}: {error.strerror or type(error).__name__}") from error
    if len(body) > MOST_BYTES:
        raise SampleError(f"{shown}: larger than {MOST_BYTES >> 20} MB")
    return body


def sample(
    channel: Channel, body: bytes, attributes: Mapping[str, str] | None = None, received: datetime = RECEIVED
) -> Message:
    """`body` as `channel` would receive it; `attributes` are those that its inbound end would have added."""
    options = channel.inbound.options
    wanted = str(options.get("format") or "auto")
    given = dict(attributes or {})
    if options.get("charset"):
        given.setdefault("body.charset", str(options["charset"]))
    return Message(
        id=first_id_at(received),
        channel=channel.name,
        format=_FORMATS.get(channel.inbound.end.name) or (sniff(body) if wanted == "auto" else wanted),
        body=body,
        received=received,
        attributes=MappingProxyType(given),
    )


def receipt_of(channel: Channel, message: Message) -> Receipt:
    """What the sender of `message` would be told, were the journal at work."""
    senders = channel.inbound.options.get("senders")
    if senders and not Senders(list(senders)).allow(message):
        return Receipt(ReceiptCode.REJECTED, "the sender is not allowed", "MSH-3")
    _, damage = examine(message, {})
    return damage or Receipt(ReceiptCode.ACCEPTED)
