"""ED to Attachment."""

from __future__ import annotations

import base64
import binascii

from schemas.ccda.targets import plain_text
from schemas.fhir import Element
from transforms.ccda_to_fhir.narrative import referred
from transforms.ccda_to_fhir.node import Node
from transforms.ccda_to_fhir.run import Run
from transforms.elements import put


def attachment(ed: Node | None, run: Run) -> Element | None:
    """The Attachment of an ED: what it holds, or what its reference leads to, in base64; None where it says nothing.

    A reference that leads out of the document is the Attachment's url.
    """
    if ed is None or ed.null:
        return None
    element: Element = {}
    put(element, "contentType", ed.attr("mediaType") or ("" if ed.peek("representation") == "B64" else "text/plain"))
    put(element, "language", ed.attr("language"))
    reference = ed.get("reference")
    target = referred(ed, run)
    if target is not None:
        element["data"] = _encoded(plain_text(target))
    elif ed.attr("representation") == "B64":
        data = "".join(ed.own_text.split())
        put(element, "data", data if _is_base64(data) else _encoded(data))
    elif ed.own_text:
        element["data"] = _encoded(ed.own_text)
    elif reference is not None:
        put(element, "url", reference.attr("value"))
    return element if "data" in element or "url" in element else None


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _is_base64(data: str) -> bool:
    try:
        base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        return False
    return True
