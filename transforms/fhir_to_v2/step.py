"""The step `fhir_to_v2`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator

from schemas.hl7v2.charset import charset_named
from schemas.hl7v2.structure_tables import VERSIONS
from schemas.message import HL7V2, Message
from schemas.tables import CodeMapFile
from schemas.values import Template
from transforms.converting import refusal, resource_in
from transforms.fhir_to_v2.convert import convert
from transforms.fhir_to_v2.options import Options
from transforms.moments import TimeZone
from transforms.step import step


def _version(written: str) -> str:
    if written not in VERSIONS or written in ("2.1", "2.2"):
        raise ValueError(f"{written} is no version that can be written; there are {', '.join(VERSIONS[2:])}")
    return written


def _charset(written: str) -> str:
    found = charset_named(written)
    if found is None or found.is_wide:
        raise ValueError(f"{written} is no character set to write in; for example UNICODE UTF-8 or 8859/1")
    return written


Version = Annotated[str, AfterValidator(_version)]
"""A version of HL7 v2 that messages are written in: `2.5.1`."""
CharacterSet = Annotated[str, AfterValidator(_charset)]
"""A character set by its name in HL7 table 0211: `8859/1`."""


@step
def fhir_to_v2(
    message: Message,
    *,
    message_type: str = "",
    trigger_event: str = "",
    version: Version = "2.5.1",
    charset: CharacterSet = "UNICODE UTF-8",
    sending_application: str = "",
    sending_facility: str = "",
    receiving_application: str = "",
    receiving_facility: str = "",
    control_id: Template = "",
    processing_id: str = "",
    time_zone: TimeZone = "",
    systems: CodeMapFile | None = None,
    codes: CodeMapFile | None = None,
    order: Literal["OML", "ORM"] = "OML",
    unmapped: Literal["report", "ignore"] = "report",
) -> Message:
    """Turn a FHIR R4 Bundle, or a single resource, into the HL7 v2 message that says the same.

    A Bundle that `v2_to_fhir` made becomes the message that it was made of, with what was kept of it. Elements that no
    field has a place for are reported (FHIR-202), and so is what the version lacks (FHIR-203). A resource that becomes
    no message stops here.

    Args:
        message_type: The type of the message (`ADT`, `ORU`); without it, what the MessageHeader says, else what the
            resource holds.
        trigger_event: Its trigger event (`A08`).
        version: The receiver's version, 2.3 to 2.8.2.
        charset: The receiver's character set, as MSH-18 names it.
        sending_application: MSH-3; without it, the MessageHeader's source.
        sending_facility: MSH-4; without it, the MessageHeader's sender.
        receiving_application: MSH-5; without it, the MessageHeader's destination.
        receiving_facility: MSH-6; without it, the receiver of that destination.
        control_id: MSH-10, a template such as `{message.id}`; without it, the Bundle's identifier, the
            MessageHeader's id, or a hash of the content.
        processing_id: MSH-11 where the MessageHeader has no tag for it: `P`, `T` or `D`.
        time_zone: The zone that times are written in; without it, each keeps its own offset.
        systems: The code map of identifier systems that `v2_to_fhir` takes, read backwards.
        codes: A code map of the site from FHIR code and system to v2's, which comes before the guide's.
        order: The message of a ServiceRequest: `OML` (OML^O21) or `ORM` (ORM^O01, always before version 2.5).
        unmapped: Whether to `report` elements that no field has a place for, or `ignore` them.
    """
    resource = resource_in(message)
    options = Options(
        message_type=message_type,
        trigger_event=trigger_event,
        version=version,
        charset=charset,
        sending_application=sending_application,
        sending_facility=sending_facility,
        receiving_application=receiving_application,
        receiving_facility=receiving_facility,
        control_id=message.fill(control_id),
        processing_id=processing_id,
        time_zone=time_zone,
        systems=systems,
        codes=codes,
        order=order,
        unmapped=unmapped,
    )
    converted = convert(resource, options, message.received)
    if converted.message is None:
        raise refusal(converted.findings[-1])
    body = converted.message.encode()
    return message.derive("fhir_to_v2", body=body, format=HL7V2, findings=converted.findings)
