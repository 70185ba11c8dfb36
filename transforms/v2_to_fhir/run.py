"""One conversion under way: what the message has become so far, and what there is to say about it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from itertools import islice
from urllib.parse import quote

from schemas.fhir import Element, Resource
from schemas.finding import Finding, Severity
from schemas.hl7v2 import Er7
from schemas.tables import Code
from transforms.building import Building
from transforms.v2_to_fhir.options import Options
from transforms.v2_to_fhir.order_group import OrderGroup
from transforms.v2_to_fhir.source import SourceSegment, source_of

Handler = Callable[[SourceSegment, "Run"], Resource | None]
"""Takes a segment into the run; the resource that it went into, for what is left over of it."""

UNMAPPED_CODE = "FHIR-121"
TIME_WITHOUT_OFFSET = "FHIR-111"
NOT_A_TIME = "FHIR-112"
NOT_A_NUMBER = "FHIR-113"
NOT_A_CODE = "FHIR-122"


_OFFSET = re.compile(r"[+-]\d{4}\Z", re.ASCII)


class RefusedError(Exception):
    """The message is not converted; `finding` says why."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(str(finding))
        self.finding = finding


class Run(Building):
    """The conversion of one message.

    The attributes named for resources hold the one that is open: what a segment that comes later belongs to.
    """

    occurred: str = ""
    """When the event happened (EVN-6), as a dateTime."""
    patient: Resource | None = None
    encounter: Resource | None = None
    prior_encounter: Resource | None = None
    """The visit of MRG, until the PV1 that it goes into."""
    account: Resource | None = None
    coverage: Resource | None = None
    procedure: Resource | None = None
    charge: Resource | None = None
    order: Resource | None = None
    report: Resource | None = None
    observation: Resource | None = None
    specimen: Resource | None = None
    appointment: Resource | None = None
    immunization: Resource | None = None
    medication: Resource | None = None
    """The MedicationRequest, MedicationDispense or MedicationAdministration that is open."""
    orc: SourceSegment | None = None
    """The ORC of what is ordered next."""
    group: OrderGroup | None = None
    """The order that is open, and what came with it."""
    latest: Resource | None = None
    """What a note that follows belongs to."""
    section: str = ""
    """What the results of the open report are: `laboratory`, `imaging`, `procedure`."""
    position: int = 0
    """Where in `segments` the walk is."""

    def __init__(self, er7: Er7, options: Options, now: datetime) -> None:
        super().__init__("urn:uuid:" if options.bundle != "batch" else "")
        self.er7 = er7
        self.options = options
        self.now = now
        self.segments = source_of(er7)
        self.message_type = er7.message_type
        self.trigger_event = er7.trigger_event
        self.control_id = er7.control_id
        self.senders = tuple(dict.fromkeys(filter(None, (er7.get("MSH-4.1"), er7.get("MSH-3.1")))))
        self.facility = er7.get("MSH-4.1")
        self.sender = f"{er7.get('MSH-3.1')}|{self.facility}"
        self.zone = _offset_of(er7.get("MSH-7[1].1")) or options.time_zone
        """The zone of times without an offset: that of MSH-7 (HL7 v2.9, 2A.3.22), else the site's."""
        self.bundle: Element = {}
        """What MSH says of the Bundle itself."""
        self.header: Resource = {}
        self.software: list[Element] = []
        """What the message came through, in the order of SFT."""
        self.waiting: list[SourceSegment] = []
        """Segments that came before what they belong to."""
        self.requests: dict[tuple[str, str, str], Resource] = {}
        """The orders of the message by the system, value and kind of each of their numbers."""
        self.results: dict[tuple[str, str], Resource] = {}
        """The patient's results by OBX-3 and OBX-4, which OBR-26 refers to."""

    @property
    def at(self) -> str:
        """The address of the segment that is being read."""
        return self.segments[self.position].where()

    @property
    def sender_uri(self) -> str:
        """The sender as part of a URN."""
        application, _, facility = self.sender.partition("|")
        return f"{quote(facility, safe='')}:{quote(application, safe='')}"

    # walking

    def walk(self, handlers: Mapping[str, Handler]) -> None:
        """Hand each segment to its handler, in the order of the message; one without is left to `leftovers`."""
        extra = self.options.segments
        for position, segment in enumerate(self.segments):
            self.position = position
            handler = handlers.get(segment.name)
            if handler is not None:
                segment.target = handler(segment, self)
            if segment.name in extra:
                made = extra[segment.name](segment, self)
                segment.target = segment.target or made

    def following(self) -> Iterator[SourceSegment]:
        """The segments behind the one that is being handled."""
        return islice(self.segments, self.position + 1, None)

    # codes and systems

    def own_code(self, code: str, system: str) -> Code | None:
        """What the site's code map makes of a code of this sender."""
        codes = self.options.codes
        return codes.find(code, system, self.senders) if codes is not None else None

    # what there is to say

    def report_time(self, where: str, day: str) -> None:
        """Say that a time could not be carried as it is."""
        if day:
            what = "a time without an offset, and the time zone is not known; the day is kept, and the text beside it"
            self.tell(TIME_WITHOUT_OFFSET, where, what, "name the sender's time_zone in the options")
        else:
            self.tell(NOT_A_TIME, where, "this is no time that FHIR can say; its text is kept beside")

    def report_code(self, where: str, code: str, codes: str) -> None:
        """Say that a code has no row in the map `codes`; raises `RefusedError` where the site wants that."""
        what = f"the map {codes} has no code {code!r}" if _is_showable(code) else f"the map {codes} has no such code"
        hint = "add it to the code map that the option codes names"
        if self.options.unmapped_code == "fail":
            raise RefusedError(Finding(UNMAPPED_CODE, where, what, hint))
        severity = Severity.WARNING if self.options.unmapped_code == "report" else Severity.INFORMATION
        self.tell(UNMAPPED_CODE, where, what, hint, severity)


def _offset_of(text: str) -> str:
    found = _OFFSET.search(text)
    return found.group() if found is not None else ""


def _is_showable(code: str) -> bool:
    """Whether `code` looks like a code and not like a name that somebody put into its place."""
    return len(code) <= 10 and code.isascii() and code.replace("-", "").isalnum() and code == code.upper()
