"""The step `ccda_to_fhir`."""

from __future__ import annotations

from typing import Literal

from schemas.fhir import dumps
from schemas.message import CCDA, FHIR, Message
from schemas.tables import CodeMapFile
from transforms.ccda_to_fhir.convert import convert
from transforms.ccda_to_fhir.options import BundleType, Options
from transforms.moments import TimeZone
from transforms.step import StepError, step


@step
def ccda_to_fhir(
    message: Message,
    *,
    bundle: BundleType = "document",
    server: str = "",
    profile: Literal["us-core", "none"] = "us-core",
    time_zone: TimeZone = "",
    systems: CodeMapFile | None = None,
    patient_roots: list[str] | None = None,
    unmapped: Literal["keep", "report"] = "keep",
) -> Message:
    """Turn a clinical document into a FHIR R4 Bundle, by HL7's guide C-CDA on FHIR.

    Documents of every version are taken, valid or not: a template that fails gives a finding (CCDA-102), and the rest
    is converted. The same document gives the same bundle. What no template reads is kept as an extension and reported
    (CCDA-101); nothing is lost in silence.

    Args:
        bundle: The type of the Bundle: `document`, whose first entry is the Composition; `transaction` (what has an
            identifier is put by it, `PUT Patient?identifier=...`), `batch` or `collection`.
        server: The base address of the FHIR server, for the full URLs of a batch.
        profile: Whose required elements are supplied where the document has none: `us-core` or `none`.
        time_zone: The zone of times without an offset in documents whose effectiveTime has none: `America/Chicago`,
            `-06:00`. Without it, such a time keeps its day only, and the text beside it.
        systems: A code map of identifier systems by root: `code` is the root (`2.16.840.1.113883.19.5`), `to_code` the
            URI.
        patient_roots: The roots of the numbers that identify a patient, the best first; without any, the first id of
            the patientRole does.
        unmapped: What becomes of an element that no template reads: `keep` it as an extension, or only `report` it.
    """
    if message.format != CCDA:
        raise StepError(
            f"only C-CDA can be converted, and the body is {message.format}", "put the step where documents come"
        )
    options = Options(
        bundle=bundle,
        server=server,
        profile=profile,
        time_zone=time_zone,
        systems=systems,
        patient_roots=tuple(patient_roots or ()),
        unmapped=unmapped,
    )
    converted = convert(message.ccda, options, message.received)
    return message.derive("ccda_to_fhir", body=dumps(converted.bundle), format=FHIR, findings=converted.findings)
