"""What became of handing one message over: for whom it is to be tried later, and for whom it never will be taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from channels.direct.smtp.relay import Relayed


@dataclass(slots=True)
class Handed:
    """The recipients who did not get it, yet (`later`) or ever (`refused`, and why); `why` tells of the former."""

    later: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    why: str = ""
    unreachable: bool = False

    def refuse(self, recipient: str, why: str, *, later: bool) -> None:
        """It does not go to `recipient`, now or ever."""
        if later:
            self.later.append(recipient)
            self.why = why
        else:
            self.refused[recipient] = why

    def note(self, recipients: Sequence[str], relayed: Relayed) -> None:
        """What the relay made of a mail for `recipients`."""
        if relayed.error:
            for recipient in recipients:
                self.refuse(recipient, relayed.error, later=relayed.transient)
            self.unreachable = self.unreachable or relayed.unreachable
            return
        for recipient, (code, status) in relayed.refused.items():
            answer = " ".join(filter(None, (str(code), status)))
            self.refuse(recipient, f"the relay refuses it ({answer})", later=code < 500)
