"""What a partner's acknowledgment means for a delivery: one policy for every end that is answered in HL7 v2."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from channels.ends import Outcome, OutcomeCode
from schemas.hl7v2 import Ack
from schemas.hl7v2.err import CONDITIONS

Verdict = Literal["retry", "refuse", "accept"]
"""What to do with a negative acknowledgment: try again, give the message up, or take it for delivered."""

_CODES = {"retry": OutcomeCode.DEFERRED, "refuse": OutcomeCode.REFUSED, "accept": OutcomeCode.DELIVERED}
_ADDRESS = re.compile(r"[A-Z][A-Z0-9]{2}[0-9.\[\]-]{0,20}\Z", re.ASCII)
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class AckPolicy:
    """`on_error` decides about AE and CE, `on_reject` about AR and CR."""

    on_error: Verdict = "retry"
    on_reject: Verdict = "refuse"

    def judge(self, ack: Ack, reply: bytes) -> Outcome:
        """What became of a message that was answered with `ack`; `reply` is the answer as it came.

        The detail names MSA-1 and the places and codes of ERR, never the partner's free text: it may quote the message.
        """
        match ack.code:
            case "AA" | "CA":
                return Outcome(OutcomeCode.DELIVERED, ack.code, reply)
            case "AE" | "CE":
                code = _CODES[self.on_error]
            case "AR" | "CR":
                code = _CODES[self.on_reject]
            case _:
                return Outcome(OutcomeCode.DEFERRED, "the partner's answer has no acknowledgment code in MSA-1", reply)
        errors = [f"{_place(error.where)}: {_condition(error.code)}" for error in ack.errors[:_SHOWN]]
        why = f" ({', '.join(errors)})" if errors else ""
        return Outcome(code, f"the partner answered {ack.code}{why}", reply)


def _place(where: str) -> str:
    return where if _ADDRESS.match(where) else "message"


def _condition(code: str) -> str:
    return f"{code} {CONDITIONS[code]}" if code in CONDITIONS else "error"
