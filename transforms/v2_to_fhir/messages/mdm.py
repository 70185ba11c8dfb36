"""MDM: documents, their content, addenda, replacements and cancellations."""

from __future__ import annotations

from schemas.fhir import Resource
from transforms.elements import absent, append
from transforms.v2_to_fhir.medications import settle_medications
from transforms.v2_to_fhir.messages.adt import on_evn
from transforms.v2_to_fhir.messages.common import finish
from transforms.v2_to_fhir.messages.order_groups import close_group
from transforms.v2_to_fhir.messages.orders import ORDER_HANDLERS
from transforms.v2_to_fhir.messages.results import on_result
from transforms.v2_to_fhir.run import Handler, Run
from transforms.v2_to_fhir.segments.nte import nte_document_reference, on_nte
from transforms.v2_to_fhir.segments.obx import obx_document_reference, text_lines
from transforms.v2_to_fhir.segments.txa import txa_document_reference, txa_media_type, txa_provenance
from transforms.v2_to_fhir.source import SourceSegment

WITHDRAWN = "FHIR-132"
_WITHDRAWN = ("D", "W", "X")


class Documents:
    """The documents of one message; OBX and NTE belong to the last."""

    def __init__(self) -> None:
        self.all: list[Resource] = []

    def on_txa(self, txa: SourceSegment, run: Run) -> Resource:
        """TXA: a document."""
        document = run.latest = txa_document_reference(txa, run)
        txa_provenance(txa, run, document)
        kind = txa_media_type(txa)
        attachment = {**({"contentType": kind} if kind else {}), "_data": absent("unknown")}
        document["content"] = [{"attachment": attachment}]
        self.all.append(document)
        close_group(run)
        run.latest = document
        return document

    def on_obx(self, obx: SourceSegment, run: Run) -> Resource | None:
        """OBX: content; what was deleted, wrong or cannot be had (table 0085) is kept, and is no content."""
        if obx.target is not None or not self.all:
            return on_result(obx, run)
        document = self.all[-1]
        if obx.raw(11) in _WITHDRAWN:
            run.tell(WITHDRAWN, obx.where(11), "this part of the document was withdrawn; it is kept, and is no content")
            return document
        more = text_lines(obx, run)
        found: Resource = {}
        obx_document_reference(obx, run, found, more)
        for line in more:
            line.target = document
        if obx.raw(11) == "F":
            obx.text(11)  # that it is final is what a content is
        title = _title(obx)
        for content in found.get("content", []):
            if title:
                content["attachment"]["title"] = title
            _add(document, content)
        return document

    def on_nte(self, nte: SourceSegment, run: Run) -> Resource | None:
        """NTE: a content of its own."""
        if not self.all:
            return on_nte(nte, run)
        found: Resource = {}
        nte_document_reference(nte, run, found)
        for content in found.get("content", []):
            _add(self.all[-1], content)
        return self.all[-1]


def mdm_t02(run: Run) -> None:
    """MDM_T02: T02, T04, T06, T08, T10; and MDM_T01, which has no content: T01, T03, T05, T07, T09, T11."""
    documents = Documents()
    content: dict[str, Handler] = {"TXA": documents.on_txa, "OBX": documents.on_obx, "NTE": documents.on_nte}
    run.walk({**ORDER_HANDLERS, "EVN": on_evn, **content})
    close_group(run)
    settle_medications(run)
    finish(run)
    if documents.all:
        run.header["focus"] = [*map(run.refer, documents.all), *run.header.get("focus", [])]


def _add(document: Resource, content: Resource) -> None:
    """Put a content into a document, the first in the place of what says that there is none."""
    if "_data" in document["content"][0]["attachment"]:
        document["content"] = []
    append(document, "content", content)


def _title(obx: SourceSegment) -> str:
    """What OBX-3 calls it."""
    code = obx.first(3)
    return code[2] or code[5] or code[1] if code is not None else ""
