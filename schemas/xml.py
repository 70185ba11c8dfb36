"""XML from outside: no document type and so no entity of its own, nothing fetched, within limits on size and depth."""

from __future__ import annotations

import codecs
import re

from lxml import etree

from schemas.error import BodyError
from schemas.prolog import prolog_end

MOST_BYTES = 64 * 1024 * 1024
MOST_DEPTH = 128
"""How deep elements may be nested; the deepest real document has 40."""

_ENCODINGS = frozenset(
    {"utf-8", "utf8", "utf-16", "us-ascii", "ascii", "iso-8859-1", "latin1", "iso-8859-15", "windows-1252", "cp1252"}
)
"""In all but UTF-16 a `<` is the byte 0x3C and nothing else is: what comes before the root can be read as bytes."""
_DECLARATION = re.compile(rb"<\?xml\s.*?\?>", re.DOTALL)
_DOCUMENT_TYPE = re.compile(rb"<!(?!--)")
_ENCODING = re.compile(rb"""\sencoding\s*=\s*["']([^"']*)["']""")
_TOO_DEEP = etree.XPath("boolean(" + "/*" * (MOST_DEPTH + 1) + ")")


class XmlError(BodyError):
    """A body is no XML that is taken."""


def new_parser(*, huge_tree: bool = False, remove_comments: bool = False) -> etree.XMLParser:
    """A parser that expands no entity, loads no document type, fetches nothing and leaves processing instructions out.

    Only where a document type was refused before may `huge_tree` lift the library's own limits.
    """
    return etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=huge_tree,
        remove_comments=remove_comments,
        remove_pis=True,
    )


def parse_xml(body: bytes) -> etree._Element:
    """The root of the well-formed XML that `body` is, without comments; raises `XmlError`.

    No document type, and an encoding in which that can be seen; at most `MOST_BYTES` and `MOST_DEPTH`.
    """
    if len(body) > MOST_BYTES:
        raise XmlError(f"the body is larger than {MOST_BYTES >> 20} MB")
    # Text nodes of documents that hold a PDF are larger than the 10 MB that the parser allows by itself; what else
    # that limit guards against needs a document type, which is refused before anything is parsed.
    _refuse_document_type(body)
    try:
        root = etree.fromstring(body, new_parser(huge_tree=True, remove_comments=True))
    except etree.XMLSyntaxError as error:
        raise XmlError(f"the body is no well-formed XML: line {error.lineno}, column {error.offset}") from None
    except ValueError:
        raise XmlError("the body is no well-formed XML") from None
    if root.getroottree().docinfo.doctype:
        raise XmlError("the body declares a document type", hint="send it without one")
    if _TOO_DEEP(root):
        raise XmlError(f"the body is nested more than {MOST_DEPTH} deep")
    return root


def _refuse_document_type(body: bytes) -> None:
    """Raise `XmlError` for what declares a document type, or is encoded so that this cannot be seen."""
    head = body
    if body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) and b"\0\0" not in body[:8]:
        head = body.decode("utf-16", "replace").encode(errors="replace")
    elif b"\0" in body[:8]:
        raise XmlError("the body's encoding is not taken", hint="send UTF-8")
    head = head.removeprefix(codecs.BOM_UTF8)
    declaration = _DECLARATION.match(head)
    encoding = _ENCODING.search(declaration[0]) if declaration is not None else None
    if encoding is not None and encoding[1].decode("ascii", "replace").lower() not in _ENCODINGS:
        raise XmlError("the body's encoding is not taken", hint="send UTF-8")
    if _DOCUMENT_TYPE.match(head, prolog_end(head)):
        raise XmlError("the body declares a document type", hint="send it without one")
