"""The step `result_to_text`."""

from __future__ import annotations

from schemas.message import HL7V2, TEXT, Message
from transforms.labs.orders import orders
from transforms.labs.report import Report, report_of
from transforms.labs.text import text_of
from transforms.step import StepError, step


@step
def result_to_text(message: Message) -> Message:
    """Turn a result message into plain text for people, with every result, unit, range, flag, status and note."""
    return message.derive("result_to_text", body=text_of(read_report(message)).encode(), format=TEXT)


def read_report(message: Message) -> Report:
    """The report of a result message; raises `StepError` where it is none, or of several patients."""
    if message.format != HL7V2:
        raise StepError(f"only HL7 v2 becomes a report, and the body is {message.format}", "put the step before")
    er7 = message.er7
    patients = {pid.raw(3) for order in orders(er7) if (pid := order.first("PID")) is not None}
    if len(patients) > 1:
        raise StepError("the message has results of several patients", "put split_orders before")
    report = report_of(er7)
    if report is None:
        raise StepError("the message answers no order", "keep such messages away from this step: keep: {MSH-9.1: ORU}")
    return report
