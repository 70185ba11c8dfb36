"""What a partner's HTTP answer means for a delivery."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import NamedTuple

from channels.ends import Outcome, OutcomeCode
from channels.mllp.verdict import Policy, read_answer
from schemas.hl7v2 import Ack, Hl7Error

_LONGEST_WAIT = timedelta(days=1)
_AGAIN = frozenset((408, 425, 429))
_PARTNER = frozenset((429, 502, 503, 504))  # the partner is overloaded or away, whatever the message
_OURS = frozenset((401, 403, 407))
_HINTS = {
    401: "our credentials are not taken; look at `token`",
    403: "the partner does not let us in; look at `token` and at the certificate",
    407: "a proxy between asks for credentials",
}


class Reply(NamedTuple):
    """An answer: its status, its body (bounded), and the header Retry-After, "" when it has none."""

    status: int
    body: bytes
    retry_after: str = ""


def judge(reply: Reply, policy: Policy, control_id: str, required: bool, now: datetime) -> Outcome:
    """What became of the message with MSH-10 `control_id`; `required` says that only an acknowledgment counts."""
    good = 200 <= reply.status < 300
    ack = _acknowledgment(reply.body)
    if ack is not None and control_id and ack.control_id and ack.control_id != control_id:
        return Outcome(OutcomeCode.DEFERRED, "the partner acknowledged another message (MSA-2)", reply.body)
    if ack is not None and (good or not ack.accepted) and reply.status not in _PARTNER:
        outcome = policy.judge(ack, reply.body)
        if outcome is not None:
            return outcome
    if good and required:
        return Outcome(
            OutcomeCode.DEFERRED, f"the partner answered {reply.status} without an acknowledgment", reply.body
        )
    return judge_status(reply, now)


def judge_status(reply: Reply, now: datetime, more: str = "") -> Outcome:
    """What became of a message by the status of the answer alone; `more` is put behind it for the operator."""
    answered = f"the partner answered {reply.status}{more}"
    if 200 <= reply.status < 300:
        return Outcome(OutcomeCode.DELIVERED, str(reply.status), reply.body)
    if is_transient(reply.status):
        wish = retry_after(reply.retry_after, now)
        return Outcome(OutcomeCode.DEFERRED, answered, reply.body, reply.status in _PARTNER, wish)
    if reply.status in _OURS or reply.status < 400:
        hint = _HINTS.get(reply.status, "a redirection is not followed; correct the address")
        return Outcome(OutcomeCode.DEFERRED, f"{answered}: {hint}", reply.body, unreachable=True)
    return Outcome(OutcomeCode.REFUSED, answered, reply.body)


def is_transient(status: int) -> bool:
    """Whether the same request may succeed later."""
    return status in _AGAIN or status >= 500


def retry_after(header: str, now: datetime) -> timedelta | None:
    """How long the partner wishes us to wait (RFC 9110, 10.2.3): seconds or a date, a day at most; None without one."""
    header = header.strip()
    if header.isascii() and header.isdecimal():
        return min(timedelta(seconds=int(header[:9])), _LONGEST_WAIT)
    try:
        moment = parsedate_to_datetime(header)
    except (ValueError, IndexError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(timedelta(0), min(moment - now, _LONGEST_WAIT))


def _acknowledgment(body: bytes) -> Ack | None:
    """The acknowledgment in `body`, None when it holds none."""
    if b"MSA" not in body:
        return None
    try:
        return read_answer(body)
    except Hl7Error:
        return None
