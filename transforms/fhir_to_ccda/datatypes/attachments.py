"""Attachment to ED."""

from __future__ import annotations

import base64
import binascii

from transforms.fhir_node import Node
from transforms.fhir_to_ccda.element import Element, make
from transforms.fhir_to_ccda.run import Run

_PLAIN = "text/plain"


def ed_of(attachment: Node, run: Run, tag: str = "value", kind: str = "ED") -> Element | None:
    """The ED of an Attachment: its data, in base64 unless they are plain text, or where they are; None without either.

    Data that the Attachment refers to as a Binary of the Bundle are taken from there.
    """
    media, data, url = attachment.text("contentType"), attachment.text("data"), attachment.text("url")
    language = attachment.text("language")
    attachment.pass_over("size", "hash")
    if not data and url:
        binary = run.by_address(url)
        if binary.peek("resourceType") == "Binary":
            run.mark(binary)
            data, media = binary.text("data"), binary.text("contentType") or media
    if data:
        plain = text_of(data) if media.partition(";")[0] == _PLAIN else ""
        if plain:
            return make(tag, text=plain, kind=kind, mediaType=_PLAIN, language=language)
        return make(tag, text=data, kind=kind, mediaType=media, language=language, representation="B64")
    if url:
        return make(tag, make("reference", value=url), kind=kind, mediaType=media, language=language)
    return None


def text_of(data: str) -> str:
    """The text that base64 `data` hold in UTF-8, "" where they hold none."""
    try:
        return base64.b64decode(data, validate=True).decode()
    except (binascii.Error, ValueError):
        return ""
