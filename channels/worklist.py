"""The outbound `worklist` end: what a person has to look at before it is done."""

from __future__ import annotations

from datetime import timedelta

from channels.ends import EndContext, Outcome, OutcomeCode
from schemas.message import Message
from schemas.values import Template

ON_THE_LIST = "on the work list: "
"""How the detail of a delivery begins that waits for a person."""

_UNTIL = timedelta(days=365)


class WorklistOutbound:
    """Puts each message on the site's work list, where it waits until a person settles it (`hie worklist`).

    Nothing is sent. The delivery is pending, however long that takes, and retention leaves it alone.

    Args:
        reason: Why a person has to look, as the list shows it; without it what decided (`match.rule`), or the last
            finding of the message. Fill in no patient's data.
    """

    def __init__(self, context: EndContext, *, reason: Template = "") -> None:
        self._now = context.now
        self._reason = reason

    async def deliver(self, message: Message) -> Outcome:
        """Have `message` wait; see `channels.ends.Outbound`."""
        found = " ".join(message.fill(self._reason).split()) if self._reason else message.get("match.rule")
        if not found:
            found = message.findings[-1].what if message.findings else "a person has to look at it"
        return Outcome(OutcomeCode.PENDING, ON_THE_LIST + found, until=self._now() + _UNTIL)

    async def close(self) -> None:
        """Nothing is held."""
