"""What a site decides about the documents that are made of FHIR."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from schemas.tables import CodeMap

DocumentName = Literal["auto", "ccd", "referral_note", "discharge_summary", "transfer_summary"]


@dataclass(frozen=True, slots=True)
class Options:
    """The decisions of a site, with their defaults; `docs/fhir-to-ccda.md` explains each.

    `document` is the type of the document, `auto` what the Composition or the resources say. `title` replaces the
    document's. `custodian` and `custodian_id` (`root` or `root^extension`) are who keeps the document where the Bundle
    names nobody. `software` is the name of the authoring device where no author is named. `time_zone` is the zone that
    times are written in; empty leaves each its own offset. `systems` gives object identifiers by the URI of an
    identifier or code system (`code` the URI, `to_code` the OID). `unmapped` says whether elements that no part of the
    document has a place for are reported.
    """

    document: DocumentName = "auto"
    title: str = ""
    custodian: str = ""
    custodian_id: str = ""
    software: str = "hie"
    time_zone: str = ""
    systems: CodeMap | None = None
    unmapped: Literal["report", "ignore"] = "report"
