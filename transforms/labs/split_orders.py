"""The step `split_orders`."""

from __future__ import annotations

from schemas.message import HL7V2, Message
from transforms.labs.orders import answered, families, only
from transforms.split import MOST_PARTS
from transforms.step import StepError, sets, step


@step
@sets("split.number", "split.count")
def split_orders(message: Message) -> list[Message]:
    """Make a message for each order that a result message answers; an order with its children (OBR-29) stays one.

    Each has what stands above its orders (MSH, PID, the visit), and keeps the control id with a number behind it, as
    in `split`. A message with one order goes on as it is, but for other patients in it; one without any stops.
    """
    if message.format != HL7V2:
        raise StepError(f"only HL7 v2 is split, and the body is {message.format}", "put the step before")
    er7 = message.er7
    parts = families(answered(er7))
    if len(parts) > MOST_PARTS:
        raise StepError(
            f"the message has {len(parts):,} orders, more than {MOST_PARTS:,}", "split it before it is sent"
        )
    if len(parts) == 1 and len(er7.named("PID")) <= 1:
        return [message]
    made = []
    for number, part in enumerate(parts, start=1):
        body = only(er7, part)
        if er7.control_id:
            body.set("MSH-10", f"{er7.control_id}-{number}")
        facts = {"split.number": str(number), "split.count": str(len(parts))}
        made.append(message.derive(f"split_orders/{number}", body=body.encode(), attributes=facts))
    return made
