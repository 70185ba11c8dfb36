"""The extensions that the templates write, and that the way back reads."""

from __future__ import annotations

from schemas.fhir import Element
from transforms.elements import OWN, extension

CCDA_ELEMENT = f"{OWN}ccda-element"
"""An element of the document that no template reads: `path` (XPath), and `value`: its text, or its XML.

The XML declares none of the namespaces `urn:hl7-org:v3` (no prefix), `sdtc` and `xsi`, which whoever reads it supplies.
"""
CCDA_TIME = f"{OWN}ccda-time"
"""A time that FHIR cannot say: as the document writes it."""
IDENTIFIER = f"{OWN}ccda-identifier"
"""A number of the service that a document is about."""
IN_ERROR = f"{OWN}ccda-in-error"
"""That what a resource without a status says was entered in error."""
NEGATED = f"{OWN}ccda-negated"
"""What an observation says is not so: its value, which the resource then does not have; as a modifier, that a resource
without a status says what is not so."""
PARTICIPANT = f"{OWN}ccda-participant"
"""Who takes part in a document otherwise than R4's Composition can say: how (`type`), in what role, when."""
RELATED = f"{OWN}ccda-related"
"""What was said within an entry, and has become a resource of its own."""


def kept_element(path: str, xml: str) -> Element:
    """The extension that keeps the element at `path`."""
    return {
        "url": CCDA_ELEMENT,
        "extension": [extension("path", "valueString", path), extension("value", "valueString", xml)],
    }
