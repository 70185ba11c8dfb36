"""What a body holds, told by its first bytes."""

import pytest

from channels.formats import sniff


@pytest.mark.parametrize(
    ("body", "format"),
    [
        (b"MSH|^~\\&|A\r", "hl7v2"),
        (b"\xef\xbb\xbf\r\nFHS|^~\\&\r", "hl7v2"),
        (b'{"resourceType":"Patient"}', "fhir"),
        (b'\xef\xbb\xbf\n { "resourceType" : "Bundle", "entry": [] }\n', "fhir"),
        (b'{"id":"a","meta":{"profile":["x"]},"resourceType":"Patient"}', "fhir"),
        (b'{"resourceType":"Patient","name":[{"family":', "fhir"),  # damaged, and to be refused as FHIR
        (b'{"id":"a","contained":{"resourceType":"Patient"}}', "text"),
        (b'{"id":"a","resourceType":"Patient"', "text"),
        (b'[{"resourceType":"Patient"}]', "text"),
        (b'{"type":"resourceType"}', "text"),
        (b"{}", "text"),
        (b'<?xml version="1.0"?>\n<!-- a > b -->\n<ClinicalDocument xmlns="urn:hl7-org:v3"/>', "ccda"),
        (b'\xef\xbb\xbf<?xml version="1.0"?><?xml-stylesheet href="x"?><cda:ClinicalDocument>', "ccda"),
        ("\ufeff<ClinicalDocument>".encode("utf-16-le"), "ccda"),
        (b"<ClinicalDocuments/>", "text"),
        (b"<html>ClinicalDocument</html>", "text"),
        (b"<!-- <ClinicalDocument> ", "text"),
        (b"a note", "text"),
        (b"", "text"),
        (b"\x00\x01", "binary"),
        (b"\xff\xfe", "binary"),
    ],
)
def test_what_a_body_holds(body: bytes, format: str) -> None:
    assert sniff(body) == format
