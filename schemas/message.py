"""The message: bytes, what they are, and where they came from."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property, lru_cache
from types import MappingProxyType
from typing import Any, TypeVar

from schemas.ccda import Document
from schemas.ccda.path import CcdaPath, is_ccda_path
from schemas.fhir import Resource
from schemas.fhir.path import FhirPath, is_fhir_path, text_of
from schemas.fhir.read import read, read_exact
from schemas.finding import Finding
from schemas.hl7v2 import Er7
from schemas.ids import derived_id

HL7V2 = "hl7v2"
FHIR = "fhir"
CCDA = "ccda"
TEXT = "text"
BINARY = "binary"
MAIL = "mail"

NO_ATTRIBUTES: Mapping[str, str] = MappingProxyType({})

T = TypeVar("T")

_CHARSET = "body.charset"
_ATTRIBUTE = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)+\Z")
_PLACE = re.compile(r"\{\{|\}\}|\{([^{}]*)\}")


@lru_cache(maxsize=4096)
def is_attribute(path: str) -> bool:
    """Whether `path` addresses an attribute (`subscriber.id`) and not the body (`PID-3.1`)."""
    return _ATTRIBUTE.match(path) is not None


def _is_foreign(path: str) -> bool:
    """Whether `path` leads into another format than HL7 v2."""
    return is_fhir_path(path) or is_ccda_path(path)


def template_paths(template: str) -> list[str]:
    """The paths that `template` is filled from, in order: `"{PID-3.1}.hl7"` gives `["PID-3.1"]`."""
    return [found.group(1) for found in _PLACE.finditer(template) if found.group(1) is not None]


def _er7(message: Message) -> Er7:
    return Er7.parse(message.body, charset=message.attributes.get(_CHARSET))


def _fhir(message: Message) -> Resource:
    return read(message.body)


def _ccda(message: Message) -> Document:
    return Document.parse(message.body)


@dataclass(frozen=True, init=False)
class Message:
    """One message, never changed: an edit derives a child.

    `id` is 32 hexadecimal digits; `attributes` are facts that ends and steps added (`mllp.peer`, `subscriber.id`);
    `findings` is what was noticed on the way. The representation shows id, format and size, never the body.
    """

    id: str
    channel: str
    format: str
    body: bytes
    received: datetime
    parent: str | None
    attributes: Mapping[str, str]
    findings: tuple[Finding, ...]
    _read: dict[object, Any] = field(init=False, repr=False, compare=False)

    def __init__(
        self,
        id: str,
        channel: str,
        format: str,
        body: bytes,
        received: datetime,
        parent: str | None = None,
        attributes: Mapping[str, str] = NO_ATTRIBUTES,
        findings: tuple[Finding, ...] = (),
    ) -> None:
        # Past the frozen dataclass's own assignment, which would be the larger part of making a message.
        self.__dict__.update(
            id=id,
            channel=channel,
            format=format,
            body=body,
            received=received,
            parent=parent,
            attributes=attributes,
            findings=findings,
            _read={},
        )

    def __repr__(self) -> str:
        return f"<Message {self.id} {self.format} {len(self.body)} bytes>"

    @cached_property
    def origin(self) -> str:
        """The id of the received message that steps made this one of; its own, where none did."""
        return self.id

    @cached_property
    def er7(self) -> Er7:
        """The body as HL7 v2, parsed once; raises `Hl7Error` when it has no header. Copy it before an edit."""
        return self.once(_er7)

    @cached_property
    def fhir(self) -> Resource:
        """The body as FHIR JSON, read once; raises `FhirError` when it is no resource. Copy it before an edit."""
        return self.once(_fhir)

    @cached_property
    def ccda(self) -> Document:
        """The body as C-CDA, read once; raises `CcdaError` when it is no clinical document. Never change it."""
        return self.once(_ccda)

    def once(self, reading: Callable[[Message], T]) -> T:
        """What `reading` makes of the body, once for all messages that steps derive with the same body; raises what it
        raises. Never change it."""
        found = self._read.get(reading)
        if found is None:
            found = self._read[reading] = reading(self)
        return found

    def known_as(self, resource: Resource) -> Message:
        """This message, where somebody has read its body as `resource` already: it is not read again."""
        self._read[_fhir] = resource
        return self

    @cached_property
    def _fhir_exact(self) -> Resource:
        return read_exact(self.body)

    def get(self, path: str) -> str:
        """The text at `path`, `""` when it is absent: `PID-3[2].4.1`, `Patient.name[0].family`, `subscriber.id`.

        Into a clinical document a path is XPath, `/ClinicalDocument/code/@code`. A path into another format than the
        body's gives `""`. Raises what `er7`, `fhir` and `ccda` raise.
        """
        if is_attribute(path):
            if path.startswith("message."):
                return self._own(path)
            return self.attributes.get(path, "")
        if self.format == HL7V2:
            return "" if _is_foreign(path) else self.er7.get(path)
        return next(iter(self._texts(path, 1)), "")

    def get_all(self, path: str) -> list[str]:
        """Every text at `path`: with `[*]` for each segment or repetition (`OBX[*]-3.1`), or wherever others repeat."""
        if is_attribute(path) or (self.format == HL7V2 and _is_foreign(path)):
            value = self.get(path)
            return [value] if value else []
        if self.format == HL7V2:
            return self.er7.get_all(path)
        return self._texts(path)

    def _texts(self, path: str, most: int | None = None) -> list[str]:
        """The texts at a path into FHIR or a clinical document, none of another path or another format."""
        if self.format == CCDA and is_ccda_path(path):
            return CcdaPath.parse(path).select(self.ccda.root)[:most]
        if self.format != FHIR or not is_fhir_path(path):
            return []
        place = FhirPath.parse(path)
        values = place.select(self.fhir)[:most]
        if any(isinstance(value, float | dict | list) for value in values):  # the digits of decimals are kept
            values = place.select(self._fhir_exact)[:most]
        return [text_of(value) for value in values]

    def fill(self, template: str, quote: Callable[[str], str] = str) -> str:
        """`template` with each `{path}` replaced by the text at that path, passed through `quote`; `{{` is a brace."""

        def place(found: re.Match[str]) -> str:
            if found.group(1) is None:
                return found.group(0)[0]
            return quote(self.get(found.group(1)))

        return _PLACE.sub(place, template) if "{" in template or "}" in template else template

    def derive(
        self,
        label: str,
        *,
        body: bytes | None = None,
        format: str | None = None,
        attributes: Mapping[str, str] | None = None,
        findings: Iterable[Finding] = (),
    ) -> Message:
        """The child that `label` makes of this message; a `label` used twice on one message gives the same id.

        `attributes` and `findings` are added to this message's own.
        """
        made = Message(
            id=derived_id(self.id, label),
            channel=self.channel,
            format=self.format if format is None else format,
            body=self.body if body is None else body,
            received=self.received,
            parent=self.id,
            attributes=MappingProxyType({**self.attributes, **attributes}) if attributes else self.attributes,
            findings=(*self.findings, *findings),
        )
        made.__dict__["origin"] = self.origin
        if made.body is self.body and made.format == self.format and not (attributes and _CHARSET in attributes):
            # What was read of the body need not be read again; nobody edits it without a copy.
            made.__dict__["_read"] = self._read
        return made

    def _own(self, path: str) -> str:
        match path:
            case "message.id":
                return self.id
            case "message.channel":
                return self.channel
            case "message.format":
                return self.format
            case "message.received":
                return self.received.isoformat()
            case "message.size":
                return str(len(self.body))
        return ""
