"""The edits: single elements and attributes changed, everything else left byte for byte."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Annotated

from pydantic import AfterValidator

from schemas.ccda.path import is_ccda_path
from schemas.fhir import Resource, dumps
from schemas.fhir import edit as fhir
from schemas.fhir.path import FhirPath, is_fhir_path
from schemas.fhir.read import read_exact
from schemas.hl7v2 import Er7, Path
from schemas.message import Message, is_attribute
from schemas.values import Template
from transforms.paths import ReadPath, TextPath, WritePath, editable_body, editable_resource
from transforms.step import step

Values = dict[TextPath, Template]
Places = list[WritePath]


def _one_source_each(copies: dict[str, str]) -> dict[str, str]:
    for path, target in copies.items():
        if is_fhir_path(target) and not is_attribute(path):
            raise ValueError(f"an element cannot be copied to {target}; set it, and fill the text from the message")
        if (is_fhir_path(path) or is_ccda_path(path)) and not is_attribute(target):
            raise ValueError(f"{path} can be copied to an attribute only; {target} is none")
        if "[*]" in path:
            raise ValueError(
                f"{path} is many elements; copy from one of them, for example {path.replace('[*]', '[1]')}"
            )
    return copies


Copies = Annotated[dict[ReadPath, TextPath], AfterValidator(_one_source_each)]


@step
def set_(message: Message, values: Values, /) -> Message:
    """Put a text at each path: into an element of the HL7 v2 or FHIR body, or into an attribute.

    Every text is filled from the message as it came to this step, so that two lines cannot disturb each other. Texts
    are plain: delimiters in them are escaped. Missing repetitions, components and segments are made, a segment at the
    end of the message. With `[*]` the text goes into every segment or repetition that there is.

    In FHIR the text becomes what R4 has at that element: true or false, a number, a text. Without an index into a list
    it goes into every item that there is; an item is made when its index is the next. The empty text removes.

    Args:
        values: Paths and texts: `{PV1-3.4: STANNE, subscriber.id: "{PID-3.1}"}`.
    """
    edit = _Edit(message)
    for path, template in values.items():
        text = message.fill(template)
        if is_attribute(path):
            edit.attributes[path] = text
        else:
            edit.put(path, text)
    return edit.done("set")


@step
def remove(message: Message, places: Places, /) -> Message:
    """Remove elements of the HL7 v2 or FHIR body, whole segments, or attributes; what is not there is passed over.

    A removed segment or repetition makes those after it move up; a removed field or component leaves its place empty.
    Counting is of the message as it came: `[OBX[1], OBX[2]]` removes the first two.

    Args:
        places: Paths: `[PID-19, NK1[*], OBX[*]-14, subscriber.note]`.
    """
    edit = _Edit(message)
    elements = []
    resources = []
    for path in places:
        if is_attribute(path):
            edit.attributes.pop(path, None)
        elif is_fhir_path(path):
            resources.append(FhirPath.parse(path))
        else:
            elements.append(path)
    if resources:
        fhir.remove(edit.resource(str(resources[0])), resources)
    for path in sorted(elements, key=_last_first):
        edit.body(path).remove(path)
    return edit.done("remove")


@step
def copy(message: Message, copies: Copies, /) -> Message:
    """Copy elements as they are, with repetitions, components and escapes, to other places of the message.

    Everything is read from the message as it came to this step. An absent element leaves its target empty, an absent
    segment leaves it alone. A segment may be copied to one of another name (`PID: ZPI`); an element copied into an
    attribute gives its text. An element of FHIR can be copied into an attribute, and an attribute into one.

    Args:
        copies: From where to where: `{PID-3[2]: PID-4, PV1-19.1: visit.number}`.
    """
    edit = _Edit(message)
    for source, target in copies.items():
        if is_attribute(target):
            edit.attributes[target] = message.get(source)
        elif is_attribute(source):
            edit.put(target, message.get(source))
        else:
            _copy_element(edit.body(target), message.er7, source, target)
    return edit.done("copy")


class _Edit:
    """The changes of one step to one message; the body is parsed and copied only when one of them needs it."""

    def __init__(self, message: Message) -> None:
        self._message = message
        self._er7: Er7 | None = None
        self._resource: Resource | None = None
        self.attributes = dict(message.attributes)

    def body(self, path: str) -> Er7:
        if self._er7 is None:
            self._er7 = editable_body(self._message, path)
        return self._er7

    def resource(self, path: str) -> Resource:
        if self._resource is None:
            self._resource = editable_resource(self._message, path)
        return self._resource

    def put(self, path: str, text: str) -> None:
        if is_fhir_path(path):
            fhir.set_text(self.resource(path), FhirPath.parse(path), text)
        else:
            self.body(path).set(path, text)

    def done(self, label: str) -> Message:
        """The message with the changes; itself where nothing is different."""
        before = self._message
        body = before.body
        if self._er7 is not None:
            body = self._er7.encode()
        elif self._resource is not None:
            body = dumps(self._resource)
            body = before.body if body == dumps(read_exact(before.body)) else body  # the same, otherwise laid out
        if body == before.body:
            if self.attributes == before.attributes:
                return before
            body = before.body
        attributes: Mapping[str, str] = MappingProxyType(self.attributes)
        return replace(before.derive(label, body=body), attributes=attributes)


def _copy_element(body: Er7, original: Er7, source: str, target: str) -> None:
    raw = original.raw(source)
    place = Path.parse(target)
    if not place.field and not Path.parse(source).field:
        if not raw:
            return
        raw = place.segment + raw[3:]
    body.set_raw(target, raw)


def _last_first(path: str) -> tuple[int, ...]:
    """Removes what stands later first, so that what is still to be removed keeps its number."""
    place = Path.parse(path)
    return tuple(
        -number
        for number in (place.occurrence, place.field, place.repetition or 0, place.component, place.subcomponent)
    )
