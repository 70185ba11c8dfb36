"""The step `adt_to_ccda`."""

from __future__ import annotations

from typing import Literal

from schemas.message import CCDA, Message
from schemas.tables import CodeMapFile
from transforms import fhir_to_ccda
from transforms.converting import refusal
from transforms.fhir_to_ccda.options import DocumentName
from transforms.moments import TimeZone
from transforms.notify.converted import converted
from transforms.notify.notice import notice_of
from transforms.notify.to_practice_adt import adt_of
from transforms.step import step
from transforms.v2_to_ccda import options_of

_WANTED = "CCDA-203"  # what a document must say, and the least content leaves out


@step
def adt_to_ccda(
    message: Message,
    *,
    document: DocumentName = "auto",
    custodian: str = "",
    custodian_id: str = "",
    software: str = "hie",
    time_zone: TimeZone = "",
    systems: CodeMapFile | None = None,
    codes: CodeMapFile | None = None,
    oids: CodeMapFile | None = None,
    unmapped: Literal["report", "ignore"] = "report",
) -> Message:
    """Turn a notice about an ADT message into a clinical document (C-CDA R2.1), as `v2_to_ccda` does.

    Its title says what happened, and whether that changes or takes back what was told. With `subscriber.content:
    minimum` it has the patient's name, the treating practitioner, the institution, the event and its time alone. Put it
    behind `tell_once`.

    Args:
        document: The type of the document, as in `v2_to_ccda`.
        custodian: The name of the organization that keeps the document, where the message names none.
        custodian_id: Its id: an object identifier, or `root^extension`.
        software: The name of the authoring device.
        time_zone: The zone of times without an offset, as in `v2_to_fhir`.
        systems: Identifier systems by assigning authority, as in `v2_to_fhir`.
        codes: The site's code map, as in `v2_to_fhir`.
        oids: A code map from the URI of a system (`code`) to its object identifier (`to_code`).
        unmapped: Whether to `report` elements that no part of the document has a place for, or `ignore` them.
    """
    notice = notice_of(message, time_zone)
    options = options_of(
        document=document,
        title=notice.heading,
        custodian=custodian,
        custodian_id=custodian_id,
        software=software,
        time_zone=time_zone,
        systems=systems,
        codes=codes,
        oids=oids,
        unmapped=unmapped,
    )
    er7, _ = adt_of(message, notice)
    bundle, findings = converted(message, er7, notice, options.to_fhir)
    made = fhir_to_ccda.convert(bundle, options.to_ccda, message.received)
    if made.document is None:
        raise refusal(made.findings[-1])
    found = [each for each in (*findings, *made.findings) if not (notice.is_least and each.code == _WANTED)]
    return message.derive("adt_to_ccda", body=made.document, format=CCDA, findings=found)
