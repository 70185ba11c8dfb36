"""The envelope of a mail: who SMTP says it comes from and goes to, whatever its headers say."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Envelope:
    """Plain addresses; `sender` is "" for the null reverse path of notices. `peer` and `user` handed it over."""

    sender: str
    recipients: tuple[str, ...]
    peer: str = ""
    user: str = ""
