"""What of a referral a written message does not say: found by reading it again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

from schemas.finding import Finding, Severity
from transforms.refer.referral import Party, ReferralMessage

NOT_CARRIED = "REF-201"


def lost(message: ReferralMessage, again: ReferralMessage, *beside: str) -> tuple[Finding, ...]:
    """A finding for each fact of `message` that `again`, which was read from what was written of it, does not say.

    `beside` are the facts that travel outside the message itself, or whose loss is reported otherwise.
    """
    return tuple(
        Finding(
            NOT_CARRIED,
            fact,
            "this form of a referral has no place for this fact in a message of this kind; it is left out",
            "docs/referral-forms.md says what each form carries",
            Severity.WARNING,
        )
        for fact in lost_facts(message, again)
        if fact.partition(".")[0] not in beside
    )


def lost_facts(message: ReferralMessage, again: ReferralMessage) -> Iterator[str]:
    """The names of the facts of `message` that `again` does not say: `until`, `recipient.specialty`."""
    for each in fields(ReferralMessage):
        said, read = getattr(message, each.name), getattr(again, each.name)
        if isinstance(said, Party):
            yield from (f"{each.name}.{part}" for part in _of_party(said, read))
        elif said and said != read:
            yield each.name


def _of_party(said: Party, read: Party) -> Iterator[str]:
    for each in fields(Party):
        value = getattr(said, each.name)
        if value and any(value) and value != getattr(read, each.name):
            yield each.name
