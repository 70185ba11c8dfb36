"""ACK, and what every answer has: which message it answers, and what was wrong with it."""

from __future__ import annotations

from schemas.fhir import Resource
from transforms.v2_to_fhir.messages.common import HEADER, finish
from transforms.v2_to_fhir.run import Handler, Run
from transforms.v2_to_fhir.segments.err import err_operation_outcome, msa_operation_outcome
from transforms.v2_to_fhir.segments.msa import msa_message_header
from transforms.v2_to_fhir.source import SourceSegment


def on_msa(msa: SourceSegment, run: Run) -> Resource:
    """MSA: what is answered."""
    msa_message_header(msa, run, run.header)
    if msa.has(3) or msa.has(6):
        msa_operation_outcome(msa, run, _outcome(run))
    return run.header


def on_err(err: SourceSegment, run: Run) -> Resource:
    """ERR: what was wrong."""
    outcome = _outcome(run)
    err_operation_outcome(err, run, outcome)
    return outcome


def _outcome(run: Run) -> Resource:
    """The OperationOutcome of the message, which the header's response points to."""
    outcome = run.add("OperationOutcome", run.sender, run.control_id)
    if "response" in run.header:
        run.header["response"]["details"] = run.refer(outcome)
    return outcome


ANSWER: dict[str, Handler] = {"MSA": on_msa, "ERR": on_err}


def ack(run: Run) -> None:
    """ACK: an acknowledgment of whatever event."""
    run.walk({**HEADER, **ANSWER})
    finish(run)
    settle_outcome(run)


def settle_outcome(run: Run) -> None:
    """See that an OperationOutcome is referred to, and has the issue that it must have."""
    for outcome in [each for each in run.resources if each["resourceType"] == "OperationOutcome"]:
        outcome.setdefault("issue", [{"severity": "error", "code": "processing"}])
        if "response" in run.header:
            run.header["response"]["details"] = run.refer(outcome)
