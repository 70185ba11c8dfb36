"""The step `v2_to_ccda`: HL7 v2 to a clinical document, by way of FHIR."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from schemas.hl7v2 import Er7
from schemas.message import CCDA, HL7V2, Message
from schemas.tables import CodeMapFile
from transforms import fhir_to_ccda, v2_to_fhir
from transforms.converting import refusal
from transforms.fhir_to_ccda.options import DocumentName
from transforms.moments import TimeZone
from transforms.step import StepError, step


@dataclass(frozen=True, slots=True)
class Options:
    """The decisions of a site: those of the way to FHIR, and those of the way from there."""

    to_fhir: v2_to_fhir.Options
    to_ccda: fhir_to_ccda.Options


def options_of(
    *,
    document: DocumentName = "auto",
    title: str = "",
    custodian: str = "",
    custodian_id: str = "",
    software: str = "hie",
    time_zone: str = "",
    systems: CodeMapFile | None = None,
    codes: CodeMapFile | None = None,
    oids: CodeMapFile | None = None,
    unmapped: Literal["report", "ignore"] = "report",
) -> Options:
    """The options of both ways that the options of the step stand for."""
    return Options(
        v2_to_fhir.Options(time_zone=time_zone, systems=systems, codes=codes, unmapped_field="report"),
        fhir_to_ccda.Options(
            document=document,
            title=title,
            custodian=custodian,
            custodian_id=custodian_id,
            software=software,
            systems=oids,
            unmapped=unmapped,
        ),
    )


def convert(er7: Er7, options: Options, now: datetime) -> fhir_to_ccda.Conversion:
    """The clinical document that a message says, and the findings of both ways; never raises for what it contains."""
    first = v2_to_fhir.convert(er7, options.to_fhir, now)
    if first.bundle is None:
        return fhir_to_ccda.Conversion(None, first.findings)
    second = fhir_to_ccda.convert(first.bundle, options.to_ccda, now)
    return fhir_to_ccda.Conversion(second.document, (*first.findings, *second.findings))


@step
def v2_to_ccda(
    message: Message,
    *,
    document: DocumentName = "auto",
    title: str = "",
    custodian: str = "",
    custodian_id: str = "",
    software: str = "hie",
    time_zone: TimeZone = "",
    systems: CodeMapFile | None = None,
    codes: CodeMapFile | None = None,
    oids: CodeMapFile | None = None,
    unmapped: Literal["report", "ignore"] = "report",
) -> Message:
    """Turn an HL7 v2 message into the clinical document (C-CDA R2.1) that says the same, by way of FHIR.

    ADT^A03 becomes a Discharge Summary, A01 and A02 a Transfer Summary, REF^I12 a Referral Note, anything else a CCD
    whose sections hold the results, notes, immunizations or medicines that the message tells of. The findings are those
    of `v2_to_fhir` and `fhir_to_ccda`; those of the latter name places of the Bundle in between.

    Args:
        document: The type of the document: `ccd`, `referral_note`, `discharge_summary`, `transfer_summary`, or `auto`:
            by the event of the message.
        title: The title of the document; without it, that of the type.
        custodian: The name of the organization that keeps the document, where the message names none.
        custodian_id: Its id: an object identifier, or `root^extension`.
        software: The name of the authoring device.
        time_zone: The zone of times without an offset in messages whose MSH-7 has none.
        systems: A code map of identifier systems by assigning authority, as for `v2_to_fhir`.
        codes: A code map of the site, as for `v2_to_fhir`.
        oids: A code map from the URI of a system (`code`) to its object identifier (`to_code`).
        unmapped: Whether to `report` elements that no part of the document has a place for, or `ignore` them.
    """
    if message.format != HL7V2:
        raise StepError(f"only HL7 v2 can be converted, and the body is {message.format}", "put the step before this")
    chosen = options_of(
        document=document,
        title=title,
        custodian=custodian,
        custodian_id=custodian_id,
        software=software,
        time_zone=time_zone,
        systems=systems,
        codes=codes,
        oids=oids,
        unmapped=unmapped,
    )
    converted = convert(message.er7, chosen, message.received)
    if converted.document is None:
        raise refusal(converted.findings[-1])
    return message.derive("v2_to_ccda", body=converted.document, format=CCDA, findings=converted.findings)
