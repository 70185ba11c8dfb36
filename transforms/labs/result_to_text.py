"""The step `result_to_text`."""

from __future__ import annotations

from schemas.message import HL7V2, TEXT, Message
from transforms.labs.orders import Order, answered
from transforms.labs.report import report_of
from transforms.labs.text import text_of
from transforms.step import StepError, step


@step
def result_to_text(message: Message) -> Message:
    """Turn a result message into plain text for people, with every result, unit, range, flag, status and note."""
    return message.derive("result_to_text", body=text_of(report_of(results_in(message))).encode(), format=TEXT)


def results_in(message: Message) -> list[Order]:
    """The orders that a report is made of; raises `StepError` where there are none, or those of several patients."""
    if message.format != HL7V2:
        raise StepError(f"only HL7 v2 becomes a report, and the body is {message.format}", "put the step before")
    found = answered(message.er7)
    patients = {pid.raw(3) for order in found if (pid := order.first("PID")) is not None}
    if len(patients) > 1:
        raise StepError("the message has results of several patients", "put split_orders before")
    return found
