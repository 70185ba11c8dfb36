"""OBX in a message about a document: the document's content."""

from __future__ import annotations

from schemas.fhir import Element, Resource
from transforms.v2_to_fhir.datatypes.annotations import lines
from transforms.v2_to_fhir.datatypes.attachments import ed_document_reference, rp_document_reference, text_attachment
from transforms.v2_to_fhir.elements import append
from transforms.v2_to_fhir.extensions import absent
from transforms.v2_to_fhir.run import Run
from transforms.v2_to_fhir.source import SourceSegment

WITHDRAWN = "FHIR-132"
_WITHDRAWN = ("D", "W", "X")


class DocumentContent:
    """The content of a document, put together from its OBX.

    Lines of text that stand one behind the other under one code (OBX-3) are one text.
    """

    def __init__(self, document: Resource, media_type: str = "") -> None:
        self._document = document
        self._media_type = media_type
        self._code = ""
        self._lines: list[str] = []
        self._title = ""

    def obx_document_reference(self, obx: SourceSegment, run: Run) -> None:
        """OBX[DocumentReference]; what was deleted, wrong or cannot be had (table 0085) is kept, and is no content."""
        if obx.raw(11) in _WITHDRAWN:
            run.tell(WITHDRAWN, obx.where(11), "this part of the document was withdrawn; it is kept, and is no content")
            return
        match obx.raw(2):
            case "ED":
                self.close()
                for value in obx[5]:
                    self._append(ed_document_reference(value, run, obx.where(5)), obx)
            case "RP":
                self.close()
                for value in obx[5]:
                    self._append(rp_document_reference(value, run, obx.where(5)), obx)
            case _:
                if obx.raw(3) != self._code:
                    self.close()
                    self._code = obx.raw(3)
                self._title = _title(obx)
                self._lines.append(lines(obx[5]))
        if obx.raw(11) == "F":
            obx.text(11)

    def close(self) -> None:
        """End the text that is open, if one is."""
        if self._lines:
            attachment = text_attachment("\n".join(self._lines), self._title)
            append(self._document, "content", {"attachment": attachment})
        self._lines, self._code, self._title = [], "", ""

    def finish(self) -> None:
        """End the content; a document without any says what kind it would be of."""
        self.close()
        if "content" not in self._document:
            attachment: Element = {"contentType": self._media_type} if self._media_type else {}
            attachment["_data"] = absent("unknown")
            self._document["content"] = [{"attachment": attachment}]

    def _append(self, content: Element | None, obx: SourceSegment) -> None:
        if content is not None:
            title = _title(obx)
            if title:
                content["attachment"]["title"] = title
            append(self._document, "content", content)


def nte_document_reference(nte: SourceSegment, document: Resource) -> None:
    """NTE[DocumentReference]: a note as a text of its own."""
    text = lines(nte[3])
    coded = [" - ".join(filter(None, (value[1], value[2], value[3]))) for value in nte[9]]
    whole = "\n".join(filter(None, (text, *coded)))
    if whole:
        append(document, "content", {"attachment": text_attachment(whole, "Note")})


def _title(obx: SourceSegment) -> str:
    """What OBX-3 calls it."""
    code = obx.first(3)
    if code is None:
        return ""
    return code[2] or code[5] or code[1]
