"""What is raised for a body that is not what its format says, and for a path into one."""


class BodyError(ValueError):
    """What was asked of a body or path cannot be done; each format raises its own kind.

    `hint` says what to do, `where` is an address (`MSH-9`, `Patient.name`). None of the texts quotes patient data.
    """

    def __init__(self, what: str, *, hint: str = "", where: str = "") -> None:
        super().__init__(what)
        self.hint = hint
        self.where = where

    def __str__(self) -> str:
        what = super().__str__()
        text = f"{self.where}: {what}" if self.where else what
        return f"{text} ({self.hint})" if self.hint else text
