"""A clinical document: hardened XML, read once."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from lxml import etree

from schemas.ccda.error import CcdaError
from schemas.ccda.namespaces import V3
from schemas.prolog import prolog_end

MOST_BYTES = 64 * 1024 * 1024
MOST_DEPTH = 128
"""How deep elements may be nested; the deepest real document has 40."""

_ROOT = "ClinicalDocument"
_ENCODINGS = frozenset(
    {"utf-8", "utf8", "utf-16", "us-ascii", "ascii", "iso-8859-1", "latin1", "iso-8859-15", "windows-1252", "cp1252"}
)
"""In all but UTF-16 a `<` is the byte 0x3C and nothing else is: what comes before the root can be read as bytes."""
_DECLARATION = re.compile(rb"<\?xml\s.*?\?>", re.DOTALL)
_DOCUMENT_TYPE = re.compile(rb"<!(?!--)")
_ENCODING = re.compile(rb"""\sencoding\s*=\s*["']([^"']*)["']""")
_TOO_DEEP = etree.XPath("boolean(" + "/*" * (MOST_DEPTH + 1) + ")")


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

        No document type, so no entity beyond XML's own five; nothing fetched; at most `MOST_BYTES` and `MOST_DEPTH`.
        """
        root = parse_xml(body)
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


def parse_xml(body: bytes) -> etree._Element:
    """The root of well-formed XML within the limits that `Document.parse` names; raises `CcdaError`."""
    if len(body) > MOST_BYTES:
        raise CcdaError(f"the body is larger than {MOST_BYTES >> 20} MB")
    # Text nodes of documents that hold a PDF are larger than the 10 MB that the parser allows by itself; what else
    # that limit guards against needs a document type, which is refused before anything is parsed.
    _refuse_document_type(body)
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=True,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(body, parser)
    except etree.XMLSyntaxError as error:
        raise CcdaError(f"the body is no well-formed XML: line {error.lineno}, column {error.offset}") from None
    except ValueError:
        raise CcdaError("the body is no well-formed XML") from None
    if root.getroottree().docinfo.doctype:
        raise CcdaError("the body declares a document type", hint="C-CDA has none")
    if _TOO_DEEP(root):
        raise CcdaError(f"the body is nested more than {MOST_DEPTH} deep")
    return root


def _refuse_document_type(body: bytes) -> None:
    """Raise `CcdaError` for what declares a document type, or is encoded so that this cannot be seen."""
    head = body
    if body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) and b"\0\0" not in body[:8]:
        head = body.decode("utf-16", "replace").encode(errors="replace")
    elif b"\0" in body[:8]:
        raise CcdaError("the body's encoding is not taken", hint="send UTF-8")
    head = head.removeprefix(codecs.BOM_UTF8)
    declaration = _DECLARATION.match(head)
    encoding = _ENCODING.search(declaration[0]) if declaration is not None else None
    if encoding is not None and encoding[1].decode("ascii", "replace").lower() not in _ENCODINGS:
        raise CcdaError("the body's encoding is not taken", hint="send UTF-8")
    if _DOCUMENT_TYPE.match(head, prolog_end(head)):
        raise CcdaError("the body declares a document type", hint="C-CDA has none")
