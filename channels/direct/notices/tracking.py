"""What is known of a sent message, recipient by recipient, by the notices that came and those that did not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

import orjson

from channels.direct.notices.notice import Notice, NoticeKind
from channels.ends import Outcome, OutcomeCode


class Closing(StrEnum):
    """Which notices close the case of a recipient.

    `ANY`: whatever says that it arrived, where no word of the final delivery was asked for. `PROCESSED_AND_DISPATCHED`:
    both, from the recipient's HISP. `DISPATCHED`: where our own HISP keeps the processed notice to itself.
    """

    ANY = "any"
    PROCESSED_AND_DISPATCHED = "processed-and-dispatched"
    DISPATCHED = "dispatched"


class Standing(StrEnum):
    """Where the message stands with one recipient."""

    WAITING = "waiting"
    PROCESSED = "processed"  # the dispatched notice is still to come
    DISPATCHED = "dispatched"  # and overtook the processed one
    DELIVERED = "delivered"
    FAILED = "failed"


class Effect(StrEnum):
    """What a notice changed."""

    ADVANCED = "advanced"  # the recipient's standing, which is not the last
    SETTLED = "settled"  # the recipient's standing, which is the last
    REPEATED = "repeated"  # nothing: that was known
    LATE = "late"  # nothing: the message had failed for this recipient already, and its sender was told so
    CONTRADICTED = "contradicted"  # nothing: it says that a message failed that was delivered
    IGNORED = "ignored"  # nothing: it is no news of the kind that is waited for
    UNKNOWN = "unknown"  # nothing: it is about no recipient, or no message, of ours


@dataclass(frozen=True, slots=True)
class Recipient:
    """The standing with one recipient since `since`; `why` it failed, in our own words."""

    standing: Standing
    since: datetime
    why: str = ""

    @property
    def settled(self) -> bool:
        """Whether nothing changes it any more."""
        return self.standing in (Standing.DELIVERED, Standing.FAILED)


def _anybody(_address: str) -> bool:
    return True


class Applied(NamedTuple):
    """What is known after a notice, what it changed, and for whom ("" where for nobody)."""

    tracking: Tracking
    effect: Effect
    recipient: str = ""


@dataclass(frozen=True, slots=True)
class Tracking:
    """A sent message that waits for notices; each change makes a new one.

    `message_id` is plain, without angle brackets; addresses are in lower case. A notice in time comes before
    `processed_by` where nobody took custody for the recipient yet, else before `dispatched_by`.
    """

    message_id: str
    closing: Closing
    processed_by: datetime
    dispatched_by: datetime
    recipients: Mapping[str, Recipient]

    @classmethod
    def begin(
        cls,
        message_id: str,
        recipients: Iterable[str],
        *,
        sent: datetime,
        closing: Closing,
        processed_within: timedelta,
        dispatched_within: timedelta,
    ) -> Tracking:
        """The tracking of a message sent at `sent`; both times count from there, and the second is the longer one."""
        standing = Recipient(Standing.WAITING, sent)
        dispatched_by = sent + max(processed_within, dispatched_within)
        return cls(
            message_id,
            closing,
            dispatched_by if closing is Closing.DISPATCHED else sent + processed_within,
            dispatched_by,
            {address.lower(): standing for address in recipients},
        )

    @property
    def open(self) -> bool:
        """Whether somebody is still waited for."""
        return not all(recipient.settled for recipient in self.recipients.values())

    @property
    def failed(self) -> tuple[str, ...]:
        """The recipients that the message failed for."""
        return self._having(Standing.FAILED)

    @property
    def delivered(self) -> tuple[str, ...]:
        """The recipients that the message was delivered to."""
        return self._having(Standing.DELIVERED)

    @property
    def deadline(self) -> datetime | None:
        """When `expire` has something to do next; None when nobody is waited for."""
        waits = (self._deadline(each) for each in self.recipients.values() if not each.settled)
        return min(waits, default=None)

    def apply(self, notice: Notice, now: datetime, speaks_for: Callable[[str], bool] = _anybody) -> Applied:
        """What is known after `notice`, whose sender `speaks_for` some addresses, came at `now`.

        Whoever speaks for one recipient does not settle another: the notice is about nobody then (`Effect.UNKNOWN`).
        The times that have run out by `now` count first: whoever was given up gets no second notice (`Effect.LATE`).
        """
        current = self.expire(now)
        address = current._recipient(notice)
        if not address or not speaks_for(address) or (notice.message_id and notice.message_id != self.message_id):
            return Applied(current, Effect.UNKNOWN)
        before = current.recipients[address]
        standing = current._standing(before.standing, notice)
        if standing is None:
            return Applied(current, Effect.IGNORED, address)
        if before.settled:
            return Applied(current, _after_settling(before.standing, standing), address)
        if standing is before.standing:
            return Applied(current, Effect.REPEATED, address)
        why = f"the partner says so{f' ({notice.status})' if notice.status else ''}"
        after = Recipient(standing, now, why if standing is Standing.FAILED else "")
        effect = Effect.SETTLED if after.settled else Effect.ADVANCED
        return Applied(current._with({address: after}), effect, address)

    def fail(self, address: str, why: str, now: datetime) -> Tracking:
        """What is known when it turns out here that the message cannot reach `address`; `why` names nobody."""
        before = self.recipients.get(address.lower())
        if before is None or before.settled:
            return self
        return self._with({address.lower(): Recipient(Standing.FAILED, now, why)})

    def expire(self, now: datetime) -> Tracking:
        """What is known at `now`: whoever is waited for in vain by then, the message failed for."""
        late = {
            address: Recipient(Standing.FAILED, now, self._missing(each))
            for address, each in self.recipients.items()
            if not each.settled and self._deadline(each) <= now
        }
        return self._with(late) if late else self

    def outcome(self) -> Outcome | None:
        """What became of the delivery; None while somebody is waited for. It counts recipients and names none."""
        if self.open:
            return None
        delivered, failed = self.delivered, self.failed
        if not failed:
            return Outcome(OutcomeCode.DELIVERED, f"delivered to {_count(delivered)}")
        reasons = "; ".join(dict.fromkeys(self.recipients[address].why for address in failed))
        detail = f"failed for {_count(failed)} of {len(self.recipients)}: {reasons}"
        return Outcome(OutcomeCode.REFUSED, detail)

    def dumps(self) -> str:
        """This tracking as JSON, to be kept."""
        recipients = {address: [each.standing, each.since, each.why] for address, each in self.recipients.items()}
        kept = {
            "message_id": self.message_id,
            "closing": self.closing,
            "processed_by": self.processed_by,
            "dispatched_by": self.dispatched_by,
            "recipients": recipients,
        }
        return orjson.dumps(kept).decode()

    @classmethod
    def loads(cls, kept: str) -> Tracking:
        """The tracking that `dumps` wrote; raises `ValueError`, `KeyError` or `TypeError` for anything else."""
        found = orjson.loads(kept)
        return cls(
            found["message_id"],
            Closing(found["closing"]),
            datetime.fromisoformat(found["processed_by"]),
            datetime.fromisoformat(found["dispatched_by"]),
            {
                address: Recipient(Standing(standing), datetime.fromisoformat(since), why)
                for address, (standing, since, why) in found["recipients"].items()
            },
        )

    def _having(self, standing: Standing) -> tuple[str, ...]:
        return tuple(address for address, each in self.recipients.items() if each.standing is standing)

    def _with(self, changed: Mapping[str, Recipient]) -> Tracking:
        return replace(self, recipients={**self.recipients, **changed})

    def _deadline(self, recipient: Recipient) -> datetime:
        return self.dispatched_by if recipient.standing is Standing.PROCESSED else self.processed_by

    def _missing(self, recipient: Recipient) -> str:
        processed = recipient.standing is Standing.PROCESSED or self.closing is Closing.DISPATCHED
        return f"no {'dispatched' if processed else 'processed'} notice came in time"

    def _recipient(self, notice: Notice) -> str:
        """Whom `notice` is about: the original recipient is what we wrote, the final one what became of it."""
        for address in (notice.original_recipient, notice.recipient):
            if address in self.recipients:
                return address
        nobody = not notice.original_recipient and not notice.recipient
        return next(iter(self.recipients)) if nobody and len(self.recipients) == 1 else ""

    def _standing(self, before: Standing, notice: Notice) -> Standing | None:
        """The standing after `notice`, by itself; None where it is no news of the kind that is waited for."""
        match notice.kind, self.closing:
            case NoticeKind.FAILED, _:
                return Standing.FAILED
            case NoticeKind.DELAYED | NoticeKind.RELAYED | NoticeKind.EXPANDED, _:
                return None
            case _, Closing.ANY:
                return Standing.DELIVERED
            case NoticeKind.DISPATCHED | NoticeKind.DELIVERED, Closing.DISPATCHED:
                return Standing.DELIVERED
            case NoticeKind.PROCESSED, Closing.PROCESSED_AND_DISPATCHED:
                overtaken = before in (Standing.DISPATCHED, Standing.DELIVERED)
                return Standing.DELIVERED if overtaken else Standing.PROCESSED
            case NoticeKind.DISPATCHED, Closing.PROCESSED_AND_DISPATCHED if notice.final:
                taken = before in (Standing.PROCESSED, Standing.DELIVERED)
                return Standing.DELIVERED if taken else Standing.DISPATCHED
        return None


def _after_settling(settled: Standing, said: Standing) -> Effect:
    if said is settled or (settled is Standing.DELIVERED and said is not Standing.FAILED):
        return Effect.REPEATED
    return Effect.CONTRADICTED if said is Standing.FAILED else Effect.LATE


def _count(addresses: tuple[str, ...]) -> str:
    return f"{len(addresses)} recipient{'' if len(addresses) == 1 else 's'}"
