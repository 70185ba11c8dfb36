"""MDM: documents, their content, addenda, replacements and cancellations."""

from __future__ import annotations

from schemas.fhir import Resource
from transforms.v2_to_fhir.messages.adt import on_evn
from transforms.v2_to_fhir.messages.common import HEADER, PERSON, VISIT, finish
from transforms.v2_to_fhir.run import Handler, Run
from transforms.v2_to_fhir.segments.obx_document import DocumentContent, nte_document_reference
from transforms.v2_to_fhir.segments.txa import txa_document_reference, txa_media_type, txa_provenance
from transforms.v2_to_fhir.source import SourceSegment


def mdm_t02(run: Run) -> None:
    """MDM_T02: T02, T04, T06, T08, T10; and MDM_T01, which has no content: T01, T03, T05, T07, T09, T11."""
    documents: list[Resource] = []
    contents: list[DocumentContent] = []

    def on_txa(txa: SourceSegment, run: Run) -> Resource:
        document = run.latest = txa_document_reference(txa, run)
        txa_provenance(txa, run, document)
        documents.append(document)
        contents.append(DocumentContent(document, txa_media_type(txa)))
        return document

    def on_obx(obx: SourceSegment, run: Run) -> Resource | None:
        if not documents:
            return None
        contents[-1].obx_document_reference(obx, run)
        return documents[-1]

    def on_nte(nte: SourceSegment, run: Run) -> Resource | None:
        if not documents:
            return run.order
        contents[-1].close()
        nte_document_reference(nte, documents[-1])
        return documents[-1]

    content: dict[str, Handler] = {"TXA": on_txa, "OBX": on_obx, "NTE": on_nte}
    run.walk({**HEADER, "EVN": on_evn, **PERSON, **VISIT, **content})
    for content_of in contents:
        content_of.finish()
    finish(run)
    if documents:
        run.header["focus"] = [*map(run.refer, documents), *run.header.get("focus", [])]
