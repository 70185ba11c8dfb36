"""What a site decides about the conversion of clinical documents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from schemas.tables import CodeMap

BundleType = Literal["document", "transaction", "batch", "collection"]


@dataclass(frozen=True, slots=True)
class Options:
    """The decisions of a site, with their defaults; `docs/ccda-to-fhir.md` explains each.

    `bundle` is the type of the Bundle, `server` the base address that a batch's entries belong to, `profile` whose
    required elements are supplied, `time_zone` that of times without an offset in documents whose effectiveTime has
    none. `systems` gives identifier systems by root, `patient_roots` the roots whose numbers identify a patient, the
    best first. `unmapped` says what becomes of an element that no template reads.
    """

    bundle: BundleType = "document"
    server: str = ""
    profile: Literal["us-core", "none"] = "us-core"
    time_zone: str = ""
    systems: CodeMap | None = None
    patient_roots: tuple[str, ...] = ()
    unmapped: Literal["keep", "report"] = "keep"
