"""What a receiver's acknowledgment means for a delivery: a policy, and the ACK read as far as it decides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from channels.ends import Outcome, OutcomeCode
from schemas.hl7v2 import Ack, read_ack
from schemas.hl7v2.ack import CODES

WaitFor = Literal["ack", "application", "nothing"]
Then = Literal["retry", "refuse"]


@dataclass(frozen=True, slots=True)
class Policy:
    """How acknowledgments are judged; the options of the outbound end of the same names."""

    wait_for: WaitFor = "ack"
    on_error: Then = "retry"
    on_reject: Then = "refuse"

    def judge(self, ack: Ack, reply: bytes) -> Outcome | None:
        """The outcome that `ack` means, None when another acknowledgment is to be waited for."""
        match ack.code:
            case "AA":
                return Outcome(OutcomeCode.DELIVERED, "AA", reply)
            case "CA":
                return None if self.wait_for == "application" else Outcome(OutcomeCode.DELIVERED, "CA", reply)
            case "AE" | "CE":
                then = self.on_error
            case "AR" | "CR":
                then = self.on_reject
            case _:
                detail = f"the receiver's answer has an MSA-1 that is none of {', '.join(CODES)}"
                return Outcome(OutcomeCode.DEFERRED, detail, reply)
        code = OutcomeCode.DEFERRED if then == "retry" else OutcomeCode.REFUSED
        return Outcome(code, f"the receiver answered {ack.code}{_reasons(ack)}", reply)


def read_answer(body: bytes) -> Ack:
    """What the answer in `body` says; raises `Hl7Error` when it is no acknowledgment.

    An AA or CA in the usual form is read without the model: nothing but its code and control id matters.
    """
    at = body.find(b"\rMSA|")
    if at >= 0 and body.startswith(b"MSH|^~\\&|"):
        end = body.find(b"\r", at + 5)
        fields = body[at + 5 : len(body) if end < 0 else end].split(b"|", 2)
        if fields[0] in (b"AA", b"CA") and len(fields) > 1 and fields[1].isalnum():
            return Ack(fields[0].decode(), fields[1].decode())
    return read_ack(body)


def _reasons(ack: Ack) -> str:
    """The errors' codes and places; never their texts, which may quote the patient's data."""
    named = [f"{error.code or 'error'}{' at ' + error.where if error.where else ''}" for error in ack.errors[:5]]
    return f" ({', '.join(named)})" if named else ""
