"""A finding: one thing that is wrong or worth knowing, where it is, and what to do next."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How much a finding weighs: an error stops something, a warning may, information does not."""

    ERROR = "error"
    WARNING = "warning"
    INFORMATION = "information"


@dataclass(frozen=True, slots=True)
class Finding:
    """One observation about a message or a configuration file.

    `code` is stable and searchable (`HIE104`, `V2-101`); `where` is the standard's own address (`PID-3[2].4`) or
    `file:line`. `what` and `hint` never quote patient data, so that a finding may be logged.
    """

    code: str
    where: str
    what: str
    hint: str = ""
    severity: Severity = Severity.ERROR

    def __str__(self) -> str:
        text = f"{self.where}: {self.code} {self.what}"
        return f"{text} ({self.hint})" if self.hint else text
