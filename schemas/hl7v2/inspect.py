"""What is wrong with the encoding of a message."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas.finding import Finding

if TYPE_CHECKING:
    from schemas.hl7v2.er7 import Er7
    from schemas.hl7v2.opening import Opening


def inspect(message: Er7, opening: Opening) -> list[Finding]:
    """The findings about the encoding of `message`."""
    return []
