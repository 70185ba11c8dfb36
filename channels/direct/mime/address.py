"""Addresses, read by one strict grammar: what two programs could read in two ways is refused (RFC 5322 3.4)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from channels.direct.mime.error import MimeError
from channels.direct.mime.words import decode_words, encode_words

MOST_ADDRESSES = 1000

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_QUOTED = r'"(?:[ \t!#-\[\]-~]|\\[ -~\t])*"'
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_SPEC = re.compile(rf"({_ATOM}(?:\.{_ATOM})*|{_QUOTED})@({_LABEL}(?:\.{_LABEL})*)(?![A-Za-z0-9.@-])")
_WORD = re.compile(rf"{_ATOM}|{_QUOTED}|\.")
_BLANK = re.compile(r"[ \t]*")
_MOST_LOCAL, _MOST_DOMAIN = 64, 255  # RFC 5321 4.5.3.1


@dataclass(frozen=True, slots=True)
class Address:
    """A mailbox: the two sides of its at sign as they were written, and the name beside it."""

    local: str
    domain: str
    display: str = ""

    @classmethod
    def parse(cls, text: str) -> Address:
        """The one mailbox that `text` is, with or without a name; raises `MimeError`."""
        found = parse_list(text)
        if len(found) != 1:
            raise MimeError("mime-address", "exactly one address belongs here")
        return found[0]

    @property
    def spec(self) -> str:
        """The address alone, as it was written."""
        return f"{self.local}@{self.domain}"

    @property
    def key(self) -> str:
        """The address for comparing: Direct does not regard case."""
        return self.spec.lower()

    def __str__(self) -> str:
        """The address as it is written into a header."""
        if not self.display:
            return self.spec
        if self.display.isascii() and "=?" not in self.display:
            escaped = self.display.replace("\\", "\\\\").replace('"', '\\"')
            return f'"{escaped}" <{self.spec}>'
        return f"{encode_words(self.display)} <{self.spec}>"


def parse_list(text: str) -> tuple[Address, ...]:
    """The mailboxes in `text`, with those of groups; raises `MimeError`."""
    if not text.isascii() or any(character < " " and character != "\t" for character in text):
        raise MimeError("mime-address", "an address with characters that are not printable ASCII")
    reader = _Reader(text)
    found = reader.addresses(in_group=False)
    if reader.position != len(text):
        raise _unclear()
    return tuple(found)


class _Reader:
    """A place in the text of an address list that moves on as it is read."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.count = 0

    def addresses(self, in_group: bool) -> list[Address]:
        """Addresses with commas between them, up to the end or, in a group, its semicolon."""
        found: list[Address] = []
        while True:
            found += self._address(in_group)
            if self._peek() != ",":
                return found
            self.position += 1

    def _address(self, in_group: bool) -> list[Address]:
        self._skip()
        spec = _SPEC.match(self.text, self.position)
        if spec:
            self.position = spec.end()
            self._skip()
            if self._peek() in ("", ",", ";"):
                return [self._made(spec, "")]
            raise _unclear()
        words = self._phrase()
        if self._peek() == "<":
            spec = _SPEC.match(self.text, self.position + 1)
            if not spec or self.text[spec.end() : spec.end() + 1] != ">":
                raise _unclear()
            self.position = spec.end() + 1
            self._skip()
            return [self._made(spec, decode_words(" ".join(words)))]
        if self._peek() == ":" and words and not in_group:
            self.position += 1
            self._skip()
            members = [] if self._peek() == ";" else self.addresses(in_group=True)
            if self._peek() != ";":
                raise _unclear()
            self.position += 1
            self._skip()
            return members
        raise _unclear()

    def _made(self, spec: re.Match[str], display: str) -> Address:
        local, domain = spec.groups()
        self.count += 1
        if len(local) > _MOST_LOCAL or len(domain) > _MOST_DOMAIN or self.count > MOST_ADDRESSES:
            raise MimeError("mime-address", "an address that is too long, or more than 1000 of them")
        return Address(local, domain, display)

    def _phrase(self) -> list[str]:
        words = []
        while word := _WORD.match(self.text, self.position):
            text = word.group()
            words.append(re.sub(r"\\(.)", r"\1", text[1:-1]) if text.startswith('"') else text)
            self.position = word.end()
            self._skip()
        return words

    def _peek(self) -> str:
        return self.text[self.position : self.position + 1]

    def _skip(self) -> None:
        """Past blanks and comments, which may be nested."""
        depth = 0
        while True:
            blank = _BLANK.match(self.text, self.position)
            self.position = blank.end() if blank else self.position
            character = self._peek()
            if character == "(":
                depth += 1
            elif character == ")" and depth:
                depth -= 1
            elif not depth:
                return
            elif not character:
                raise _unclear()
            self.position += 2 if character == "\\" else 1


def _unclear() -> MimeError:
    return MimeError("mime-address", "an address that can be read in more than one way", "write it as name@domain")
