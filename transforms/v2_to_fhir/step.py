"""The step `v2_to_fhir`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator

from schemas.fhir import dumps
from schemas.message import FHIR, HL7V2, Message
from schemas.tables import CodeMapFile
from transforms.converting import refusal
from transforms.moments import TimeZone
from transforms.step import StepError, step
from transforms.v2_to_fhir.convert import convert
from transforms.v2_to_fhir.options import PATIENT_IDENTIFIERS, BundleType, Options
from transforms.v2_to_fhir.site import segment_functions


def _known(names: list[str]) -> list[str]:
    segment_functions(names)
    return names


SegmentNames = Annotated[list[str], AfterValidator(_known)]
"""Names of functions that the site's extensions mark with `@reads_segment`."""


@step
def v2_to_fhir(
    message: Message,
    *,
    bundle: BundleType = "message",
    server: str = "",
    mentioned: Literal["create", "update"] = "create",
    profile: Literal["us-core", "none"] = "us-core",
    time_zone: TimeZone = "",
    systems: CodeMapFile | None = None,
    authorities: Literal["shared", "by_facility"] = "shared",
    codes: CodeMapFile | None = None,
    local_systems: str = "",
    unmapped_code: Literal["keep", "fail", "report"] = "keep",
    unmapped_field: Literal["keep", "report"] = "keep",
    z_segments: Literal["basic", "extension", "drop"] = "basic",
    patient_identifiers: list[str] | None = None,
    segments: SegmentNames | None = None,
) -> Message:
    """Turn an HL7 v2 message into a FHIR R4 Bundle, by HL7's v2-to-FHIR guide.

    The same patient, visit, order or report has the same id whichever message tells of it. What no map reads is kept as
    an extension and reported (FHIR-101); nothing is lost in silence. A message that cannot be converted stops here.

    Args:
        bundle: The type of the Bundle: `message` for `$process-message`, `transaction` (what has an identifier is put
            by it, `PUT Patient?identifier=...`), `batch` or `collection`.
        server: The base address of the FHIR server, for the full URLs of a batch.
        mentioned: What a transaction does with what a message only mentions, such as a doctor, or the patient of a
            result: `create` it where the server does not know it, or `update` what the server has.
        profile: Whose required elements are supplied where the message has none: `us-core` or `none`.
        time_zone: The zone of times without an offset in messages whose MSH-7 has none: `America/Chicago`, `-06:00`.
            Without it, such a time keeps its day only, and the text beside it.
        systems: A code map of identifier systems by assigning authority: `code` is the authority (`STANNE` or its
            universal id), `to_code` the URI.
        authorities: Whether the local name of an authority means the same from every facility (`shared`) or not
            (`by_facility`).
        codes: A code map of the site: what it gives comes first, the sender's own code stays behind it.
        local_systems: The URI of a coding system that has none: `https://stanne.example/codes/{name}`.
        unmapped_code: What becomes of a code that the guide's map does not have: `keep` it, keep it and `report` it as
            a warning, or `fail`.
        unmapped_field: What becomes of an element that no map reads: `keep` it as an extension, or only `report` it.
        z_segments: Where Z segments go: to a `basic` resource each, to the patient as an `extension`, or `drop`.
        patient_identifiers: The types of PID-3 (table 0203) that identify a patient, the best first.
        segments: Functions of the site's extensions that read segments besides the guide's maps.
    """
    if message.format != HL7V2:
        raise StepError(f"only HL7 v2 can be converted, and the body is {message.format}", "put the step before this")
    options = Options(
        bundle=bundle,
        server=server,
        mentioned=mentioned,
        profile=profile,
        time_zone=time_zone,
        systems=systems,
        authorities=authorities,
        codes=codes,
        local_systems=local_systems,
        unmapped_code=unmapped_code,
        unmapped_field=unmapped_field,
        z_segments=z_segments,
        patient_identifiers=tuple(patient_identifiers or PATIENT_IDENTIFIERS),
        segments=segment_functions(segments or ()),
    )
    converted = convert(message.er7, options, message.received)
    if converted.bundle is None:
        raise refusal(converted.findings[-1])
    return message.derive("v2_to_fhir", body=dumps(converted.bundle), format=FHIR, findings=converted.findings)
