"""The filters: which messages go on."""

from __future__ import annotations

from schemas.condition import When
from schemas.message import Message
from transforms.step import step


@step
def keep(message: Message, condition: When, /) -> Message | None:
    """Let a message pass when every line of the condition holds; any other is journaled as filtered.

    Args:
        condition: Paths and the values they must have, as in `when`: `{MSH-9.1: ADT, MSH-9.2: [A01, A02]}`.
    """
    return message if condition.holds(message) else None


@step
def drop(message: Message, condition: When, /) -> Message | None:
    """Stop a message when every line of the condition holds and journal it as filtered; let any other pass.

    Args:
        condition: Paths and the values they must have, as in `when`: `{PV1-2.1: [P, N]}`.
    """
    return None if condition.holds(message) else message
