"""A clinical document: hardened XML, read once."""

from __future__ import annotations

from dataclasses import dataclass

from lxml import etree

from schemas.ccda.error import CcdaError
from schemas.ccda.namespaces import V3
from schemas.xml import XmlError, parse_xml

_ROOT = "ClinicalDocument"


@dataclass(frozen=True, slots=True)
class Document:
    """A ClinicalDocument of any version: `root` is its element, in the namespace `urn:hl7-org:v3`.

    Comments and processing instructions are left out: no stylesheet that a document names is ever looked at.
    `had_namespace` is False for one whose elements had none.
    """

    root: etree._Element
    had_namespace: bool = True

    @classmethod
    def parse(cls, body: bytes) -> Document:
        """The document that `body` is; raises `CcdaError` where it is no well-formed ClinicalDocument.

        No document type, so no entity beyond XML's own five; nothing fetched; within the limits of `schemas.xml`.
        """
        try:
            root = parse_xml(body)
        except XmlError as error:
            raise CcdaError(*error.args, hint=error.hint) from None
        if root.tag == _ROOT:
            for element in root.iter(etree.Element):
                name = etree.QName(element)
                if name.namespace is None:
                    element.tag = f"{{{V3}}}{name.localname}"
            return cls(root, had_namespace=False)
        if root.tag != f"{{{V3}}}{_ROOT}":
            raise CcdaError("the root of the body is no ClinicalDocument", hint="C-CDA documents are taken, no others")
        return cls(root)

    @property
    def template_ids(self) -> list[tuple[str, str]]:
        """The templates that the document says it keeps: root and extension, "" where it has none."""
        found = self.root.iterchildren(f"{{{V3}}}templateId")
        return [(each.get("root", ""), each.get("extension", "")) for each in found]
