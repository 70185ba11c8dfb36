"""What of a referral's message its attributes say: what `track_referral` works with, and the thread keeps."""

from __future__ import annotations

import hashlib
import json
from dataclasses import fields, replace
from datetime import UTC, datetime

from schemas.message import Message
from transforms.refer.person import numbers_of
from transforms.refer.referral import Identifier, Party, ReferralMessage, Side

FACTS = (
    *("referral.id", "referral.authority", "referral.act", "referral.at", "referral.digest", "referral.control_id"),
    *("referral.patients", "referral.filler", "referral.party", "referral.npi", "referral.appointment"),
)
"""The attributes that `facts_of` may give."""

UNKNOWN = "referral.unknown"
"""Why it is not known what a message says in which referral: it passes every step of referrals as it is."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def facts_of(said: ReferralMessage) -> dict[str, str]:
    """What `said` comes to as attributes (docs/referrals.md); ids and no names of patients, "" is left out."""
    party = said.initiator if said.act.side is Side.INITIATOR else said.recipient
    found = {
        "referral.id": said.referral.value,
        "referral.authority": said.referral.system,
        "referral.act": said.act.value,
        "referral.at": said.at.isoformat(),
        "referral.digest": digest_of(said),
        "referral.control_id": said.control_id,
        "referral.patients": "\n".join(map(line_of, numbers_of(said.patient))),
        "referral.filler": identifier_text(said.filler) if said.filler is not None else "",
        "referral.party": _name(party),
        "referral.npi": party.npi,
        "referral.appointment": said.appointment.start.isoformat() if said.appointment is not None else "",
    }
    return {name: value for name, value in found.items() if value}


def digest_of(said: ReferralMessage) -> str:
    """A digest of what is said, whenever and under whatever control id: two messages that say the same have one."""
    # Not orjson: that takes neither an integer of many digits nor half a character, and both may come in.
    content = json.dumps(replace(said, at=_EPOCH, control_id=""), default=_plain, sort_keys=True)
    return hashlib.blake2b(content.encode(), digest_size=16).hexdigest()


def _plain(value: object) -> object:
    if isinstance(value, ReferralMessage | Party):
        return {each.name: getattr(value, each.name) for each in fields(value)}
    if isinstance(value, bytes):
        return hashlib.blake2b(value, digest_size=16).hexdigest()
    return str(value)


def identifier_text(identifier: Identifier) -> str:
    """`identifier` as one text: `system|value`."""
    return f"{identifier.system}|{identifier.value}"


def line_of(identifier: Identifier) -> str:
    """`identifier` as one text on one line."""
    return " ".join(identifier_text(identifier).split())


def read_identifier(text: str) -> Identifier | None:
    """The identifier that `identifier_text` wrote, None for ""."""
    system, bar, value = text.partition("|")
    return Identifier(value, system) if bar and value else None


def read_identifiers(text: str) -> tuple[Identifier, ...]:
    """The identifiers that stand in the lines of `text` (`system|value`)."""
    return tuple(found for line in text.split("\n") if (found := read_identifier(line)) is not None)


def referral_in(message: Message) -> Identifier:
    """The referral that `message` is about, by its attributes; without a value where it is about none."""
    return Identifier(message.get("referral.id"), message.get("referral.authority"))


def _name(party: Party) -> str:
    person = ", ".join(filter(None, (party.family, " ".join(party.given))))
    return "; ".join(filter(None, (person, party.organization)))
