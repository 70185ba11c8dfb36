"""Who may send: sending application and facility, MSH-3 and MSH-4."""

from __future__ import annotations

from schemas.hl7v2 import Hl7Error
from schemas.message import Message


class Senders:
    """The allowed senders as an engineer lists them: `APP`, `APP|FACILITY`, `*|FACILITY`. An empty list allows all.

    An application or facility is its namespace id (component 1); with a caret in it, the whole field is compared.
    """

    def __init__(self, written: list[str]) -> None:
        self._allowed = [_parts(entry) for entry in written]

    def __bool__(self) -> bool:
        return bool(self._allowed)

    def allow(self, message: Message) -> bool:
        """Whether the sender named in `message` may send; a message without a header names none."""
        try:
            header = message.er7
        except Hl7Error:
            return False
        applications = (header.get("MSH-3"), header.get("MSH-3.1"))
        facilities = (header.get("MSH-4"), header.get("MSH-4.1"))
        return any(
            application in ("*", *applications) and facility in ("*", *facilities)
            for application, facility in self._allowed
        )


def _parts(entry: str) -> tuple[str, str]:
    application, bar, facility = entry.partition("|")
    return application.strip() or "*", facility.strip() if bar and facility.strip() else "*"
