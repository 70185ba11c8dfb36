"""What is raised when another host cannot be asked."""

from __future__ import annotations

from channels.direct.error import DirectError


class NetworkError(DirectError):
    """A host cannot be asked. `temporary` says whether asking again later may help."""

    def __init__(self, code: str, what: str, hint: str = "", *, temporary: bool) -> None:
        super().__init__(code, what, hint)
        self.temporary = temporary
