"""The URLs of the extensions that the templates write."""

from __future__ import annotations

from schemas.fhir import Element
from transforms.elements import OWN, extension

CCDA_ELEMENT = f"{OWN}ccda-element"
"""An element of the document that no template reads: `path` (XPath), and `value`: its text, or its XML.

The XML declares none of the namespaces `urn:hl7-org:v3` (no prefix), `sdtc` and `xsi`, which whoever reads it supplies.
"""
CCDA_TIME = f"{OWN}ccda-time"
"""A time that FHIR cannot say: as the document writes it."""


def kept_element(path: str, xml: str) -> Element:
    """The extension that keeps the element at `path`."""
    return {
        "url": CCDA_ELEMENT,
        "extension": [extension("path", "valueString", path), extension("value", "valueString", xml)],
    }
