"""What is taken as a clinical document, and what is refused before it can do harm."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.ccda import CcdaError, Document
from schemas.xml import MOST_DEPTH

NS = b'xmlns="urn:hl7-org:v3"'


def document(inner: bytes = b"", before: bytes = b"") -> bytes:
    return before + b"<ClinicalDocument " + NS + b">" + inner + b"</ClinicalDocument>"


@pytest.mark.parametrize(
    "body",
    [
        document(),
        document(before=b'<?xml version="1.0"?>'),
        document(before=b"\xef\xbb\xbf"),
        document(before=b"<?xml version='1.0' encoding='ISO-8859-1' ?>\r\n<!-- a <!DOCTYPE in words -->"),
        document(before=b'<?xml version="1.0"?>\n<?xml-stylesheet type="text/xsl" href="http://x.example/a.xsl"?>'),
        document().decode().encode("utf-16"),
        b"<c:ClinicalDocument xmlns:c='urn:hl7-org:v3'/>",
        document(b"<text>" + b"x" * 11_000_000 + b"</text>"),
    ],
    ids=["bare", "declared", "bom", "latin1", "stylesheet", "utf16", "prefixed", "large text"],
)
def test_documents_that_are_taken(body: bytes) -> None:
    assert Document.parse(body).root.tag == "{urn:hl7-org:v3}ClinicalDocument"


def test_a_document_without_namespace_is_read_as_one_with() -> None:
    found = Document.parse(b"<ClinicalDocument><templateId root='1.2' extension='x'/></ClinicalDocument>")
    assert found.template_ids == [("1.2", "x")]
    assert not found.had_namespace


BOMB = b"<!DOCTYPE a [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;&a;'>]>"


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b"", "no well-formed XML"),
        (b"MSH|^~\\&|", "no well-formed XML"),
        (document(b"<a>"), "no well-formed XML"),
        (document(b"<sdtc:raceCode/>"), "no well-formed XML"),
        (document(b"&nbsp;"), "no well-formed XML"),
        (b"<Bundle xmlns='http://hl7.org/fhir'/>", "no ClinicalDocument"),
        (document(before=b"<!DOCTYPE html>"), "document type"),
        (document(b"&b;", before=BOMB), "document type"),
        (document(b"<id root='&b;'/>", before=b'<?xml version="1.0"?><!-- > --><?p <!-- ?>' + BOMB), "document type"),
        (document(b"&b;", before=BOMB).decode().encode("utf-16"), "document type"),
        (document(before=b"<!DOCTYPE a SYSTEM 'file:///etc/passwd'>"), "document type"),
        (document(before=b"<?xml version='1.0' encoding='UTF-7'?>"), "encoding"),
        (document(before=b"<?xml version='1.0' encoding='IBM037'?>"), "encoding"),
        (document().decode().encode("utf-16-le"), "encoding"),
        (document().decode().encode("utf-32"), "encoding"),
        (document(b"<a>" * MOST_DEPTH + b"</a>" * MOST_DEPTH), "deep"),
        (b"<a>" * 100_000, "no well-formed XML"),
    ],
)
def test_what_is_refused(body: bytes, what: str) -> None:
    with pytest.raises(CcdaError, match=what):
        Document.parse(body)


@given(st.binary(max_size=300), st.integers(0, 60))
def test_hostile_bytes_are_refused_or_read(noise: bytes, at: int) -> None:
    body = document(b"<title>A</title>", before=b'<?xml version="1.0"?>')
    try:
        Document.parse(body[:at] + noise + body[at:])
    except CcdaError as error:
        assert error.args
