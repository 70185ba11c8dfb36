"""What a site decides about the messages that are made of FHIR."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from schemas.tables import CodeMap


@dataclass(frozen=True, slots=True)
class Options:
    """The decisions of a site, with their defaults; `docs/fhir-to-v2.md` explains each.

    `message_type` and `trigger_event` are chosen by what the resource holds where they are empty. `version` and
    `charset` (a name of HL7 table 0211) are the receiver's. Applications, facilities and `control_id` come from the
    MessageHeader and the Bundle where they are empty. `time_zone` (an IANA name or an offset) is the zone that times
    are written in; empty leaves each its own offset. `systems` gives identifier systems by assigning authority, the
    same file as for `v2_to_fhir`, and is read backwards; `codes` gives codes by FHIR code and system. `order` is the
    message of a ServiceRequest: OML^O21, or ORM^O01 (always before version 2.5). `unmapped` says whether elements that
    no segment has a place for are reported.
    """

    message_type: str = ""
    trigger_event: str = ""
    version: str = "2.5.1"
    charset: str = "UNICODE UTF-8"
    sending_application: str = ""
    sending_facility: str = ""
    receiving_application: str = ""
    receiving_facility: str = ""
    control_id: str = ""
    processing_id: str = ""
    time_zone: str = ""
    systems: CodeMap | None = None
    codes: CodeMap | None = None
    order: Literal["OML", "ORM"] = "OML"
    unmapped: Literal["report", "ignore"] = "report"
