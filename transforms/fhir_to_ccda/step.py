"""The step `fhir_to_ccda`."""

from __future__ import annotations

from typing import Literal

from schemas.message import CCDA, Message
from schemas.tables import CodeMapFile
from transforms.converting import refusal, resource_in
from transforms.fhir_to_ccda.convert import convert
from transforms.fhir_to_ccda.options import DocumentName, Options
from transforms.moments import TimeZone
from transforms.step import step


@step
def fhir_to_ccda(
    message: Message,
    *,
    document: DocumentName = "auto",
    title: str = "",
    custodian: str = "",
    custodian_id: str = "",
    software: str = "hie",
    time_zone: TimeZone = "",
    systems: CodeMapFile | None = None,
    unmapped: Literal["report", "ignore"] = "report",
) -> Message:
    """Turn a FHIR R4 Bundle into the clinical document (C-CDA R2.1) that says the same.

    A Bundle of type document keeps its sections and their narrative; of any other, each resource goes to the section
    that tells of its kind. What a document must say and the Bundle does not is a nullFlavor, and reported (CCDA-203);
    so is what no part of the document has a place for (CCDA-202). A Bundle without a Patient stops here.

    Args:
        document: The type of the document: `ccd`, `referral_note`, `discharge_summary`, `transfer_summary`, or `auto`:
            what the Composition or the MessageHeader says, else a CCD.
        title: The title of the document; without it, the Composition's, else that of the type.
        custodian: The name of the organization that keeps the document, where the Bundle names none.
        custodian_id: Its id: an object identifier, or `root^extension`.
        software: The name of the authoring device, where the Bundle names no author.
        time_zone: The zone that times are written in; without it, each keeps its own offset.
        systems: A code map from the URI of a system (`code`) to its object identifier (`to_code`).
        unmapped: Whether to `report` elements that no part of the document has a place for, or `ignore` them.
    """
    resource = resource_in(message)
    options = Options(
        document=document,
        title=title,
        custodian=custodian,
        custodian_id=custodian_id,
        software=software,
        time_zone=time_zone,
        systems=systems,
        unmapped=unmapped,
    )
    converted = convert(resource, options, message.received)
    if converted.document is None:
        raise refusal(converted.findings[-1])
    return message.derive("fhir_to_ccda", body=converted.document, format=CCDA, findings=converted.findings)
