"""Packages written: all that full metadata asks for is there, and it is what the documents say."""

from __future__ import annotations

import csv
import io
import zipfile
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from channels.direct.xdm import (
    Author,
    Code,
    Document,
    Entry,
    Sending,
    Submission,
    XdmError,
    read_xdm,
    submit,
    write_xdm,
)
from tests.channels.direct.documents import CLINICAL, CORPUS, NOW, OTHER, REFERRAL, ids, sha1

SENDING = Sending(
    "notify@direct.example.org", ("bob@receiver.example", "eve@receiver.example"), "2.999.1", "St. Anne's"
)
LOINC = "2.16.840.1.113883.6.1"
REFERRAL_ID = "R-2001^^^&2.999.21.15&ISO^urn:ihe:iti:xds:2013:referral"


def test_a_clinical_document_is_described_by_what_it_says() -> None:
    submission = submit([CLINICAL], replace(SENDING, reference_ids=(REFERRAL_ID,)), NOW, ids())
    package = read_xdm(write_xdm(submission, NOW), strict=True, accept_wrong_hash=False)
    assert package.findings == ()
    assert package.documents == (
        Document(
            CLINICAL,
            Entry(
                unique_id="2.999.1.7^D1",
                mime_type="text/xml",
                title="Referral & more",
                created="20261125040000",
                language="en-US",
                service_start="20261101",
                service_stop="20261124",
                patient_id="M1\\S\\7^^^&2.999.1.3&ISO",
                source_patient_id="M1\\S\\7^^^&2.999.1.3&ISO",
                patient_info=(
                    "PID-3|M1\\S\\7^^^&2.999.1.3&ISO",
                    "PID-5|O\\F\\Neil^Ann^B.",
                    "PID-7|19700501",
                    "PID-8|F",
                    "PID-11|1 Oak Way^^Hill^^01234",
                ),
                authors=(
                    Author(
                        "1234567893^Ray^Rae^^^Dr^^^&2.16.840.1.113883.4.6&ISO",
                        ("Hill Clinic^^^^^^^^^2.999.9",),
                        telecoms=("^^Internet^rae@clinic.direct.example",),
                    ),
                ),
                class_code=Code("57133-1", LOINC, "Referral note"),
                type_code=Code("57133-1", LOINC, "Referral note"),
                format_code=Code(
                    "urn:hl7-org:sdwg:ccda-structuredBody:2.1", "1.3.6.1.4.1.19376.1.2.3", "C-CDA R2.1, structured"
                ),
                facility=Code("43741000", "2.16.840.1.113883.6.96", "Site of care"),
                practice=Code("394658006", "2.16.840.1.113883.6.96", "Clinical specialty"),
                confidentiality=(Code("R", "2.16.840.1.113883.5.25", "R"),),
                reference_ids=(REFERRAL_ID,),
                uri="DOC00001.XML",
                hash=sha1(CLINICAL),
                size=str(len(CLINICAL)),
            ),
            "IHE_XDM/SUBSET01/DOC00001.XML",
        ),
    )
    assert package.submissions[0] == Submission(
        package.documents,
        unique_id="2.25.1",
        source_id="2.999.1",
        patient_id="M1\\S\\7^^^&2.999.1.3&ISO",
        submitted="20261125040000",
        title="Referral & more",
        authors=(Author("", ("St. Anne's",), telecoms=("^^Internet^notify@direct.example.org",)),),
        content_type=Code("57133-1", LOINC, "Referral note"),
        recipients=("||^^Internet^bob@receiver.example", "||^^Internet^eve@receiver.example"),
    )


def test_a_referral_goes_with_its_order_and_more() -> None:
    sent = [CLINICAL, REFERRAL, b"%PDF-1.4\n", b"a note", b"\x00\x01"]
    package = read_xdm(write_xdm(submit(sent, SENDING, NOW, ids()), NOW), strict=True)
    assert [each.data for each in package.documents] == sent
    assert [(each.entry.uri, each.entry.mime_type) for each in package.documents] == [
        ("DOC00001.XML", "text/xml"),
        ("DOC00002.HL7", "x-application/hl7-v2+er7"),
        ("DOC00003.PDF", "application/pdf"),
        ("DOC00004.TXT", "text/plain"),
        ("DOC00005.BIN", "application/octet-stream"),
    ]
    order = package.documents[1].entry
    assert order.patient_info == (
        "PID-3|P1001^^^&2.999.21.5&ISO", "PID-5|O\\T\\Neil^Ann^B.", "PID-7|19700501", "PID-8|F",
        "PID-11|1 Oak Way^^Hill",
    )  # fmt: skip
    assert order.type_code == Code("OMG", "2.16.840.1.113883.12.76", "OMG")
    assert {each.entry.patient_id for each in package.documents[2:]} == {"M1\\S\\7^^^&2.999.1.3&ISO"}
    assert len({each.entry.unique_id for each in package.documents}) == 5


LOCAL = REFERRAL.replace(b"~P1001^^^&2.999.21.5&ISO^MRN", b"")  # no identifier with an OID


@pytest.mark.parametrize(
    ("other", "id", "name"),
    [
        pytest.param(b"a note", "M1\\S\\7^^^&2.999.1.3&ISO", "O\\F\\Neil^Ann^B.", id="one that names nobody"),
        pytest.param(
            LOCAL.replace(b"O\\T\\Neil", b"O\\F\\NEIL"), "M1\\S\\7^^^&2.999.1.3&ISO", "O\\F\\NEIL^Ann^B.",
            id="the same person",
        ),
        pytest.param(LOCAL, "", "O\\T\\Neil^Ann^B.", id="another name"),
        pytest.param(
            LOCAL.replace(b"O\\T\\Neil", b"O\\F\\Neil").replace(b"19700501", b"19700502"), "", "O\\F\\Neil^Ann^B.",
            id="another birthday",
        ),
    ],
)  # fmt: skip
def test_whose_document_it_is_is_never_guessed(other: bytes, id: str, name: str) -> None:
    entry = submit([CLINICAL, other], SENDING, NOW, ids()).documents[1].entry
    assert entry.patient_id == entry.source_patient_id == id
    assert f"PID-5|{name}" in entry.patient_info


def test_documents_of_two_patients_do_not_go_together() -> None:
    with pytest.raises(XdmError) as caught:
        submit([CLINICAL, CLINICAL.replace(b"M1^7", b"M2")], SENDING, NOW, ids())
    assert caught.value.code == "xdm-patients"


def test_the_package_has_the_pages_that_people_open() -> None:
    body = write_xdm(submit([CLINICAL, OTHER], SENDING, NOW, ids()), NOW)
    with zipfile.ZipFile(io.BytesIO(body)) as package:
        assert package.testzip() is None
        assert package.namelist() == [
            "INDEX.HTM", "README.TXT", "IHE_XDM/SUBSET01/METADATA.XML",
            "IHE_XDM/SUBSET01/DOC00001.XML", "IHE_XDM/SUBSET01/DOC00002.XML",
        ]  # fmt: skip
        index = package.read("INDEX.HTM").decode()
        page = ElementTree.fromstring(index.partition(">\n")[2].partition(">\n")[2])
        links = [each.get("href") for each in page.iter("{http://www.w3.org/1999/xhtml}a")]
        assert links == ["IHE_XDM/SUBSET01/DOC00001.XML", "IHE_XDM/SUBSET01/DOC00002.XML", "README.TXT"]
        assert "Referral &amp; more" in index
        readme = package.read("README.TXT").decode("ascii")
        assert "notify@direct.example.org" in readme
        assert "Neil" not in readme


def test_the_same_documents_make_the_same_package() -> None:
    first, second = (write_xdm(submit([CLINICAL], SENDING, NOW, ids()), NOW) for _ in range(2))
    assert first == second


def test_a_document_whose_id_is_a_uuid_has_the_oid_of_it() -> None:
    named = CLINICAL.replace(b'"2.999.1.7" extension="D1"', b'"00000000-0000-0000-0000-00000000002A"')
    assert submit([named], SENDING, NOW, ids()).documents[0].entry.unique_id == "2.25.42"


NAME = b"<assignedPerson><name><prefix>Dr</prefix><given>Rae</given><family>Ray</family></name></assignedPerson>"
DEVICE = b"<assignedAuthoringDevice><softwareName>Chart &amp; Co</softwareName></assignedAuthoringDevice>"
ID = b'<id root="2.16.840.1.113883.4.6" extension="1234567893"/>'


@pytest.mark.parametrize(
    ("was", "becomes", "person"),
    [
        pytest.param(NAME, DEVICE, "^Chart \\T\\ Co", id="a device"),
        pytest.param(NAME, b"", "1234567893^^^^^^^^&2.16.840.1.113883.4.6&ISO", id="an id alone"),
        pytest.param(ID, b"", "^Ray^Rae^^^Dr", id="a name alone"),
        pytest.param(ID, b'<id root="no OID" extension="7"/>', "^Ray^Rae^^^Dr", id="an id of nobody's"),
    ],
)
def test_an_author_is_named_by_what_is_there(was: bytes, becomes: bytes, person: str) -> None:
    body = CLINICAL.replace(b"\n  <assignedPerson>", b"<assignedPerson>").replace(was, becomes)
    if was == NAME and becomes == DEVICE:
        body = body.replace(ID, b"")
    assert body != CLINICAL
    assert submit([body], SENDING, NOW, ids()).documents[0].entry.authors[0].person == person


def test_an_authors_address_is_found_however_it_is_written() -> None:
    body = CLINICAL.replace(b"mailto:rae", b"MAILTO:rae")
    author = submit([body], SENDING, NOW, ids()).documents[0].entry.authors[0]
    assert author.telecoms == ("^^Internet^rae@clinic.direct.example",)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("20261124230000-0500", "20261125040000"),
        ("202611242300-0500", "202611250400"),
        ("2026112423-0530", "202611250430"),
        ("20261124230000.123+0000", "20261124230000"),
        ("20261124230000", "20261124230000"),
        ("20261124", "20261124"),
        ("2026112", "202611"),
        ("20261199230000-0500", ""),
        ("yesterday", ""),
    ],
)
def test_times_are_in_utc(written: str, said: str) -> None:
    document = CLINICAL.replace(b"20261124230000-0500", written.encode())
    found = submit([document], SENDING, NOW, ids()).documents[0].entry.created
    assert found == (said or "20261125040000")


def test_nothing_is_longer_than_the_schema_allows() -> None:
    document = CLINICAL.replace(b"Referral &amp; more", b"T" * 2000).replace(b"1 Oak Way", b"S" * 300)
    document = document.replace(b'extension="D1"', b'extension="%s"' % (b"9" * 200))
    entry = read_xdm(write_xdm(submit([document], SENDING, NOW, ids()), NOW), strict=True).documents[0].entry
    assert (len(entry.title), entry.unique_id) == (1024, "2.25.1")
    assert [each.partition("|")[0] for each in entry.patient_info] == ["PID-3", "PID-5", "PID-7", "PID-8"]


def test_damaged_documents_are_sent_as_what_they_are() -> None:
    damaged = CLINICAL.replace(b"</ClinicalDocument>", b"")
    package = read_xdm(write_xdm(submit([damaged, b"MSH|^~"], SENDING, NOW, ids()), NOW))
    assert [each.data for each in package.documents] == [damaged, b"MSH|^~"]


def test_a_package_of_nothing_and_one_of_too_much_are_refused() -> None:
    with pytest.raises(XdmError):
        submit([], SENDING, NOW, ids())
    with pytest.raises(XdmError):
        write_xdm(submit([b"x"] * 600, SENDING, NOW, ids()), NOW)
    with pytest.raises(XdmError):
        write_xdm(submit([b"x"], replace(SENDING, organization="a\x00b"), NOW, ids()), NOW)


def test_documents_of_the_corpus_come_with_full_metadata() -> None:
    """All but those whose patient has no identifier with an OID."""
    manifest = CORPUS / "ccda" / "manifest.csv"
    rows = list(csv.DictReader(manifest.read_text().splitlines())) if manifest.exists() else []
    bodies = [
        (CORPUS / "ccda" / row["file"]).read_bytes()
        for row in rows
        if row["kind"] == "document" and row["wellformed"] == "yes"
    ]
    whole = 0
    for body in bodies:
        submission = submit([body], SENDING, NOW, ids())
        package = read_xdm(write_xdm(submission, NOW), strict=bool(submission.patient_id), accept_wrong_hash=False)
        assert package.documents[0].data == body
        whole += bool(submission.patient_id)
    print(f"{len(bodies)} documents, {whole} with full metadata")
    assert whole >= 0.95 * len(bodies)
