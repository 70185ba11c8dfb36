"""The paths that steps take as options, checked when a channel is bound, and the body they address."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, WithJsonSchema

from schemas.ccda.path import CcdaPath, is_ccda_path
from schemas.fhir.check import readable_path
from schemas.fhir.edit import written_path
from schemas.fhir.path import is_fhir_path
from schemas.fhir.read import read_exact
from schemas.fhir.resource import Resource
from schemas.hl7v2 import Er7, Path
from schemas.message import FHIR, HL7V2, Message, is_attribute
from transforms.step import StepError

OWN = "message."
"""What the attributes of a message's own facts begin with; they are read only."""


def _readable(path: str) -> str:
    if is_fhir_path(path):
        readable_path(path)
    elif is_ccda_path(path):
        CcdaPath.parse(path)
    elif not is_attribute(path):
        Path.parse(path)
    return path


def _writable(path: str) -> str:
    if path.startswith(OWN):
        raise ValueError(f"{path} is a fact of the message itself and cannot be changed; choose a name of your own")
    if is_ccda_path(path):
        raise ValueError(f"{path[:60]} is an element of a clinical document, which is never changed")
    if is_fhir_path(path):
        written_path(path, to_set=False)
        return path
    return _readable(path)


def _text_place(path: str) -> str:
    if is_fhir_path(path):
        written_path(path)
    return _writable(path)


def _element(path: str) -> str:
    Path.parse(path)
    return path


def _attribute(path: str) -> str:
    if not is_attribute(path):
        raise ValueError(f"{path[:40]} is no attribute; write two lower-case words with a dot: ward.name")
    return _writable(path)


ReadPath = Annotated[str, AfterValidator(_readable), WithJsonSchema({"type": "string", "format": "message-path"})]
"""Where a step reads: an element (`PID-3.1`, `Patient.birthDate`, `/ClinicalDocument/id/@root`), or an attribute."""
WritePath = Annotated[str, AfterValidator(_writable), WithJsonSchema({"type": "string", "format": "written-path"})]
"""Where a step writes: an element or an attribute, none of the message's own facts."""
TextPath = Annotated[str, AfterValidator(_text_place), WithJsonSchema({"type": "string", "format": "written-path"})]
"""Where a step puts a text: as `WritePath`, and an element of FHIR that is one value."""
ElementPath = Annotated[str, AfterValidator(_element), WithJsonSchema({"type": "string", "format": "element-path"})]
"""An element of HL7 v2: `OBX[*]-3`."""
AttributePath = Annotated[str, AfterValidator(_attribute), WithJsonSchema({"type": "string", "format": "attribute"})]
"""The name of an attribute that a step sets: `ward.name`."""


def readable_body(message: Message, path: str) -> Er7:
    """The body as HL7 v2, for the element at `path`; raises `StepError` where it is another format."""
    if message.format != HL7V2:
        raise StepError(f"{path} is an element of HL7 v2 and the body is {message.format}", "put the step before this")
    return message.er7


def editable_body(message: Message, path: str) -> Er7:
    """A copy of the body as HL7 v2 to be edited; raises `StepError` where it is another format."""
    return readable_body(message, path).copy()


def editable_resource(message: Message, path: str) -> Resource:
    """The body as FHIR, to be edited, decimals in their digits; raises `StepError` where it is another format."""
    if message.format != FHIR:
        raise StepError(
            f"{path} is an element of FHIR and the body is {message.format}", "put the step after v2_to_fhir"
        )
    return read_exact(message.body)
