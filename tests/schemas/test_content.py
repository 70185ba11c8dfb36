"""What bytes hold is told by the bytes, never by a name."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.content import Kind, recognize

CORPUS = Path(os.environ.get("HIE_CORPUS") or Path(__file__).resolve().parents[3] / "shared" / "corpus") / "direct"


def zipped(*names: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as file:
        for name in names:
            file.writestr(name, b"x" * 100)
    return made.getvalue()


@pytest.mark.parametrize(
    ("body", "kind", "format"),
    [
        pytest.param(b"MSH|^~\\&|A\r", "hl7v2", "hl7v2", id="HL7 v2"),
        pytest.param(b'{"resourceType":"Patient"}', "fhir", "fhir", id="FHIR"),
        pytest.param(b'<?xml version="1.0"?><ClinicalDocument xmlns="urn:hl7-org:v3"/>', "ccda", "ccda", id="C-CDA"),
        pytest.param(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "pdf", "binary", id="PDF"),
        pytest.param(b"\r\n\r\njunk\n%PDF-1.4\n", "pdf", "binary", id="PDF after junk"),
        pytest.param(b"x" * 2000 + b"%PDF-1.4", "text", "text", id="a text that quotes a PDF"),
        pytest.param(zipped("INDEX.HTM", "IHE_XDM/SUBSET01/METADATA.XML"), "xdm", "binary", id="XDM"),
        pytest.param(zipped("docs\\subset01\\metadata.xml"), "xdm", "binary", id="XDM, backslashes, small letters"),
        pytest.param(zipped("IHE_XDM/SUBSET01METADATA.xml"), "xdm", "binary", id="XDM, a slash forgotten"),
        pytest.param(zipped("METADATA.XML"), "xdm", "binary", id="XDM without folders"),
        pytest.param(zipped("word/document.xml", "MY-METADATA.XML"), "other", "binary", id="another ZIP"),
        pytest.param("Grüße".encode(), "text", "text", id="text"),
        pytest.param("Grüße".encode("latin-1"), "other", "binary", id="bytes that are no UTF-8"),
        pytest.param(b"", "text", "text", id="nothing"),
    ],
)
def test_a_body_is_recognized(body: bytes, kind: str, format: str) -> None:
    found = recognize(body)
    assert (found, found.message_format) == (kind, format)
    assert "/" in found.media_type


def test_real_packages_are_recognized() -> None:
    files = sorted(CORPUS.rglob("*.zip"))
    assert {recognize(each.read_bytes()) for each in files} <= {Kind.XDM}
    print(f"{len(files)} packages")


@given(
    st.binary(max_size=300),
    st.sampled_from((b"", b"<", b"{", b"PK\x03\x04", b"\xff\xfe", b"\xef\xbb\xbf<?xml ", b"<!--")),
)
def test_anything_is_something(body: bytes, start: bytes) -> None:
    assert recognize(start + body).message_format
