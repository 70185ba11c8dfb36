"""The one family of exceptions of Direct."""

from __future__ import annotations


class DirectError(Exception):
    """Something of a Direct message, certificate or mailbox cannot be used.

    `code` is stable and searchable (`cms-weak-cipher`), `what` says it for people, `hint` what an operator can do next.
    None of them quotes what a message says, so that they may be logged and journaled.
    """

    def __init__(self, code: str, what: str, hint: str = "") -> None:
        super().__init__(f"{code}: {what} ({hint})" if hint else f"{code}: {what}")
        self.code = code
        self.what = what
        self.hint = hint
