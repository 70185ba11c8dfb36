"""The delimiters that MSH-1 and MSH-2 declare."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

UNUSED = "\uffff"
"""Stands for a delimiter that MSH-2 does not declare: a noncharacter, so splitting by it finds nothing."""

ENCODING_CHARACTERS = "^~\\&"
"""What HL7 v2 recommends for MSH-2 (2.5.4)."""

_SLIPS = {"": ENCODING_CHARACTERS, "^~&": ENCODING_CHARACTERS, "^~\\\\&": ENCODING_CHARACTERS}
"""What senders write who mean the recommended characters: nothing, or a backslash lost or doubled by their program."""


@dataclass(frozen=True, slots=True)
class Delimiters:
    """The delimiters of one message (HL7 v2.9, 2.5.4); `truncation` is declared from version 2.7 on.

    One that the message does not declare is `UNUSED`.
    """

    field: str = "|"
    component: str = "^"
    repetition: str = "~"
    escape: str = "\\"
    subcomponent: str = "&"
    truncation: str = UNUSED

    @staticmethod
    @lru_cache(maxsize=256)
    def declared(field: str, encoding_characters: str) -> Delimiters:
        """The delimiters that a header with this MSH-1 and MSH-2 declares.

        An empty MSH-2 and one whose backslash is lost or doubled mean the recommended ones. Else a character declared
        twice has its first meaning only, and one that is not printable ASCII none.
        """
        chosen: list[str] = []
        for character in _SLIPS.get(encoding_characters, encoding_characters)[:5].ljust(5, UNUSED):
            usable = "!" <= character <= "~" and character != field and character not in chosen
            chosen.append(character if usable else UNUSED)
        return Delimiters(field, *chosen)

    @property
    def encoding_characters(self) -> str:
        """MSH-2 for these delimiters; in the place of one that is not used stands one that already has a meaning."""
        five = (self.component + self.repetition + self.escape + self.subcomponent + self.truncation).rstrip(UNUSED)
        return five.replace(UNUSED, five.replace(UNUSED, "")[:1])


STANDARD = Delimiters()
"""The recommended delimiters, `|^~\\&`."""
