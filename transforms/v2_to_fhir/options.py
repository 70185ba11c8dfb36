"""What a site decides about the conversion."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from schemas.tables import CodeMap

if TYPE_CHECKING:
    from transforms.v2_to_fhir.run import Run
    from transforms.v2_to_fhir.source import SourceSegment

BundleType = Literal["message", "transaction", "batch", "collection"]
PATIENT_IDENTIFIERS = ("MR", "PI", "PT", "EI", "PN", "MC", "SS")
"""The types of PID-3 (table 0203) that identify a patient, the best first: those that stay with one register."""
SegmentFunction = Callable[["SourceSegment", "Run"], Any]


@dataclass(frozen=True, slots=True)
class Options:
    """The decisions of a site, with their defaults; `docs/v2-to-fhir.md` explains each.

    `bundle` is the type of the Bundle, `server` the base address that a batch's entries belong to,
    `mentioned` what a transaction does with what a message only mentions. `profile` is whose
    required elements are supplied. `time_zone` (an IANA name or an offset, `America/Chicago`, `-06:00`) is that of
    times without an offset in messages whose MSH-7 has none. `systems` gives identifier systems by assigning authority,
    `codes` codes by code and system, both maybe by sender; `authorities` says whether an authority's local name means
    the same whoever sends it. `unmapped_code` and `unmapped_field` say what becomes of what no map knows.
    `local_systems` is the URI of a coding system that has none, with `{name}` for its name.
    """

    bundle: BundleType = "message"
    server: str = ""
    mentioned: Literal["create", "update"] = "create"
    profile: Literal["us-core", "none"] = "us-core"
    time_zone: str = ""
    systems: CodeMap | None = None
    authorities: Literal["shared", "by_facility"] = "shared"
    codes: CodeMap | None = None
    local_systems: str = ""
    unmapped_code: Literal["keep", "fail", "report"] = "keep"
    unmapped_field: Literal["keep", "report"] = "keep"
    z_segments: Literal["basic", "extension", "drop"] = "basic"
    patient_identifiers: tuple[str, ...] = PATIENT_IDENTIFIERS
    segments: Mapping[str, SegmentFunction] = field(default_factory=lambda: MappingProxyType({}))
