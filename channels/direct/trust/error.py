"""Why a certificate is not trusted."""

from __future__ import annotations

from channels.direct.error import DirectError


class UntrustedError(DirectError):
    """A certificate is not trusted. `temporary` says whether judging it again later may end otherwise."""

    def __init__(self, code: str, what: str, hint: str = "", *, temporary: bool = False) -> None:
        super().__init__(code, what, hint)
        self.temporary = temporary
