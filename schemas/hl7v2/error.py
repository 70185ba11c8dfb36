"""The one exception of the HL7 v2 model."""


class Hl7Error(ValueError):
    """What was asked of an HL7 v2 message or path cannot be done.

    `hint` says what to do, `where` is an address (`MSH-9`). None of the texts quotes patient data.
    """

    def __init__(self, what: str, *, hint: str = "", where: str = "") -> None:
        super().__init__(what)
        self.hint = hint
        self.where = where

    def __str__(self) -> str:
        what = super().__str__()
        text = f"{self.where}: {what}" if self.where else what
        return f"{text} ({self.hint})" if self.hint else text
