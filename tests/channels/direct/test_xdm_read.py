"""Packages read: those of real senders, those of careless ones, and those that are attacks."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
import zlib
from functools import cache

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from channels.direct.xdm import LIMITS, Code, Limits, Sending, XdmError, attributes_of, read_xdm, submit, write_xdm
from tests.channels.direct.documents import CLINICAL, CORPUS, NOW, OTHER, entry, ids, metadata, sha1, zipped

FOLDER = "IHE_XDM/SUBSET01/"
GOOD = {
    "INDEX.HTM": b"<html/>",
    "README.TXT": b"read me",
    f"{FOLDER}METADATA.XML": metadata(entry("d", "DOC1.XML", hash=sha1(CLINICAL), size=str(len(CLINICAL)))),
    f"{FOLDER}DOC1.XML": CLINICAL,
}


@pytest.mark.row("M16")
def test_packages_that_real_senders_made_are_read() -> None:
    files = sorted((CORPUS / "direct").rglob("*.zip"))
    for file in files:
        package = read_xdm(file.read_bytes(), accept_wrong_hash=False)
        assert package.documents, file.name
        assert not package.findings, file.name
        for submission in package.submissions:
            for document in submission.documents:
                facts = attributes_of(submission, document)
                assert facts["xdm.patient_id"].endswith("ISO"), file.name
                assert document.data.lstrip().startswith((b"<", b"MSH")), file.name
    print(f"{len(files)} packages")


@pytest.mark.row("M16")
def test_what_limited_metadata_says_is_read() -> None:
    file = CORPUS / "direct" / "xdm" / "ToC_XDM_Limited_Metadata.zip"
    if not file.exists():
        return
    package = read_xdm(file.read_bytes())
    document = package.documents[0]
    said = document.entry
    assert (said.created, said.language, said.class_code, said.type_code) == ("20150622", "", None, None)
    assert said.format_code == Code("2.16.840.1.113883.10.20.1", "HITSP", "name")
    assert said.patient_info[1] == "PID-5|Newman^Alice^^^^"
    assert package.submissions[0].authors[0].person == "Davis^Albert"
    with pytest.raises(XdmError, match=r"XDSDocumentEntry\.typeCode"):
        read_xdm(file.read_bytes(), strict=True)


ALONE = metadata(entry("d"))
TWO = metadata(entry("d"), entry("e", "DOC2.XML"))


@pytest.mark.row("M16")
@pytest.mark.parametrize(
    ("files", "findings"),
    [
        pytest.param(GOOD, (), id="as the standard has it"),
        pytest.param({f"package/{path}": data for path, data in GOOD.items()}, (), id="in a further folder"),
        pytest.param({path.replace("/", "\\"): data for path, data in GOOD.items()}, (), id="backslashes"),
        pytest.param({path.lower(): data for path, data in GOOD.items()}, (), id="small letters"),
        pytest.param({path.removeprefix(FOLDER): data for path, data in GOOD.items()}, (), id="no folders"),
        pytest.param(
            {path.replace("SUBSET01/", "SUBSET01"): data for path, data in GOOD.items()}, (), id="a slash forgotten"
        ),
        pytest.param({**GOOD, ".DS_Store": b"x", "__MACOSX/._a": b"y", f"{FOLDER}.DS_Store": b"z"}, (), id="litter"),
        pytest.param({**GOOD, f"{FOLDER}CDA.XSL": b"<x/>"}, (), id="a stylesheet"),
        pytest.param({"METADATA.XML": ALONE, "A.XML": CLINICAL}, ("XDM-102",), id="no URI, one file"),
        pytest.param(
            {"METADATA.XML": TWO, "A.XML": CLINICAL, "DOC2.XML": OTHER}, ("XDM-102",), id="no URI, one file left"
        ),
        pytest.param(
            {"METADATA.XML": metadata(entry("d", hash=sha1(CLINICAL))), "A.XML": CLINICAL, "B.XML": OTHER},
            ("XDM-102", "XDM-103"), id="no URI, but the hash",
        ),
        pytest.param({**GOOD, f"{FOLDER}DOC9.XML": OTHER}, ("XDM-103",), id="a file that is not described"),
        pytest.param({"METADATA.XML": metadata(entry("d", "./DOC1.XML")), "DOC1.XML": CLINICAL}, (), id="a dot"),
        pytest.param({"METADATA.XML": metadata(entry("d", "DOC%31.XML")), "DOC1.XML": CLINICAL}, (), id="escaped"),
        pytest.param({"METADATA.XML": metadata(entry("d", "1|DOC1.XML")), "DOC1.XML": CLINICAL}, (), id="in pieces"),
        pytest.param(
            {"METADATA.XML": metadata(entry("d", "DOC1.XML", hash="0" * 40)), "DOC1.XML": CLINICAL},
            ("XDM-101",), id="a wrong hash",
        ),
        pytest.param(
            {"METADATA.XML": metadata(entry("d", "M\u00fc.xml", hash=sha1(CLINICAL))), "M\u251c\u255d.xml": CLINICAL},
            ("XDM-104",), id="a name in another code",
        ),
        pytest.param(
            {"METADATA.XML": metadata(entry("d", "DOC1.XML", size="7")), "DOC1.XML": CLINICAL},
            ("XDM-101",), id="a wrong size",
        ),
    ],
)  # fmt: skip
def test_packages_of_every_make_are_read(files: dict[str, bytes], findings: tuple[str, ...]) -> None:
    package = read_xdm(zipped(files))
    assert package.documents[0].data == CLINICAL
    assert tuple(finding.code for finding in package.findings) == findings


def test_several_submissions_and_a_folder_object_are_told_apart() -> None:
    body = metadata(
        entry("d", "A.XML"), entry("e", "B.XML"),
        '<RegistryPackage id="s1"><ExternalIdentifier value="1.2" '
        'identificationScheme="urn:uuid:96fdda7c-d067-4183-912e-bf5ee74998a8"/></RegistryPackage>',
        '<RegistryPackage id="s2"/>',
        *(f'<Classification classifiedObject="{each}" '
          'classificationNode="urn:uuid:a54d6aa5-d40d-43f9-88c5-b4633d873bdd"/>' for each in ("s1", "s2")),
        *(f'<Association associationType="urn:x:HasMember" sourceObject="{source}" targetObject="{target}"/>'
          for source, target in (("set", "d"), ("s1", "d"), ("s2", "e"), ("s2", "d"))),
    )  # fmt: skip
    package = read_xdm(zipped({"METADATA.XML": body, "A.XML": CLINICAL, "B.XML": OTHER}))
    assert [[each.path for each in submission.documents] for submission in package.submissions] == [
        ["A.XML"],
        ["B.XML"],
    ]
    assert package.submissions[0].unique_id == "1.2"


def test_the_only_package_is_the_submission_set_though_nothing_says_so() -> None:
    body = metadata(entry("d", "A.XML")).replace(
        b'<RegistryPackage id="set"/>',
        b'<RegistryPackage id="set"><Slot name="submissionTime"><ValueList><Value>2026</Value></ValueList></Slot>'
        b"</RegistryPackage>",
    )
    assert read_xdm(zipped({"METADATA.XML": body, "A.XML": CLINICAL})).submissions[0].submitted == "2026"


def raw(*members: tuple[str, bytes, int]) -> bytes:
    """A ZIP with names, data and attributes as they are given, also twice."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as package:
        for name, data, mode in members:
            member = zipfile.ZipInfo(name)
            member.external_attr = mode << 16
            member.compress_type = zipfile.ZIP_DEFLATED
            package.writestr(member, data)
    return made.getvalue()


def overlapping() -> bytes:
    """A ZIP whose second entry is the first one's bytes again."""
    body = bytearray(zipped({"METADATA.XML": metadata(entry("d", "A.XML")), "A.XML": CLINICAL, "B.XML": OTHER}))
    directory = struct.unpack_from("<L", body, len(body) - 6)[0]
    for _ in range(2):
        name, extra, comment = struct.unpack_from("<3H", body, directory + 28)
        directory += 46 + name + extra + comment
    struct.pack_into("<L", body, directory + 42, 0)
    return bytes(body)


@cache
def packed_zeros() -> bytes:
    """200 MB of nothing."""
    packer = zlib.compressobj(wbits=-15)
    return b"".join([*(packer.compress(bytes(1 << 20)) for _ in range(200)), packer.flush()])


def bomb(size: int) -> bytes:
    """A ZIP of 200 MB that says it is of `size`."""
    packed = packed_zeros()
    head = struct.pack("<4s5H3L2H", b"PK\3\4", 20, 0, 8, 0, 0, 0, len(packed), size, 12, 0) + b"METADATA.XML"
    entry = struct.pack(
        "<4s6H3L5H2L", b"PK\1\2", 20, 20, 0, 8, 0, 0, 0, len(packed), size, 12, 0, 0, 0, 0, 0, 0
    ) + b"METADATA.XML"  # fmt: skip
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, len(entry), len(head) + len(packed), 0)
    return head + packed + entry + end


def many_entries() -> bytes:
    return zipped({f"F{number}": b"" for number in range(2_500)})


def encrypted() -> bytes:
    body = bytearray(zipped({"METADATA.XML": ALONE}))
    struct.pack_into("<H", body, body.rindex(b"PK\1\2") + 8, 1)
    return bytes(body)


def cut(body: bytes, at: int) -> bytes:
    return body[:at]


ENTITY = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
EXTERNAL = '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize(
    ("body", "code"),
    [
        pytest.param(zipped({**GOOD, "../../etc/cron.d/x": b"x"}), "xdm-path", id="slip"),
        pytest.param(zipped({**GOOD, "..\\x": b"x"}), "xdm-path", id="slip by backslash"),
        pytest.param(zipped({**GOOD, "a/../../x": b"x"}), "xdm-path", id="slip within"),
        pytest.param(zipped({**GOOD, "/etc/passwd": b"x"}), "xdm-path", id="absolute"),
        pytest.param(zipped({**GOOD, "\\windows\\x": b"x"}), "xdm-path", id="absolute by backslash"),
        pytest.param(zipped({**GOOD, "C:x": b"x"}), "xdm-path", id="a drive"),
        pytest.param(zipped({**GOOD, "a\nb": b"x"}), "xdm-path", id="a line feed"),
        pytest.param(zipped({**GOOD, "x" * 300: b"x"}), "xdm-path", id="a long name"),
        pytest.param(raw(("A", b"/etc/passwd", stat.S_IFLNK | 0o777)), "xdm-link", id="a symbolic link"),
        pytest.param(raw(("A", b"1", 0), ("a", b"2", 0)), "xdm-duplicate", id="two names that differ by case"),
        pytest.param(raw(("x/A", b"1", 0), ("x\\A", b"2", 0)), "xdm-duplicate", id="two names that differ by slash"),
        pytest.param(overlapping(), "xdm-overlap", id="overlap"),
        pytest.param(encrypted(), "xdm-encrypted", id="encrypted"),
        pytest.param(bomb(200 << 20), "xdm-bomb", id="a bomb of 200 MB"),
        pytest.param(zipped({"A": b"\0" * 2_000_000}), "xdm-bomb", id="a small bomb"),
        pytest.param(bomb(100), "xdm-damaged", id="a bomb that says it is small"),
        pytest.param(many_entries(), "xdm-too-many", id="2,500 entries"),
        pytest.param(cut(zipped(GOOD), 900), "xdm-damaged", id="cut"),
        pytest.param(zipped(GOOD)[100:], "xdm-damaged", id="cut in front"),
        pytest.param(b"", "xdm-damaged", id="nothing"),
        pytest.param(b"PK\x03\x04", "xdm-damaged", id="only a beginning"),
        pytest.param(b"PK\5\6" + b"\0" * 18, "xdm-no-metadata", id="an empty ZIP"),
        pytest.param(b"PK\6\7" + b"\0" * 16 + b"PK\5\6" + b"\0" * 18, "xdm-zip64", id="ZIP64"),
        pytest.param(zipped({"A.XML": CLINICAL}), "xdm-no-metadata", id="no metadata"),
        pytest.param(zipped({"METADATA.XML": metadata(entry("d"), head=EXTERNAL)}), "xdm-metadata", id="XXE"),
        pytest.param(zipped({"METADATA.XML": metadata(entry("d"), head=ENTITY)}), "xdm-metadata", id="entity bomb"),
        pytest.param(
            zipped({"METADATA.XML": metadata(entry("d"), head=ENTITY).decode().encode("utf-16")}),
            "xdm-metadata", id="a DOCTYPE in UTF-16",
        ),
        pytest.param(zipped({"METADATA.XML": b"<html/>"}), "xdm-metadata", id="no SubmitObjectsRequest"),
        pytest.param(zipped({"METADATA.XML": b"no XML"}), "xdm-metadata", id="no XML"),
        pytest.param(zipped({"METADATA.XML": metadata()}), "xdm-metadata", id="metadata without documents"),
        pytest.param(zipped({"METADATA.XML": metadata(entry("d"), entry("d"))}), "xdm-metadata", id="an id twice"),
        pytest.param(zipped({"METADATA.XML": metadata(entry("d", "../../etc/passwd"))}), "xdm-path", id="URI slip"),
        pytest.param(zipped({"METADATA.XML": metadata(entry("d", "%2e%2e/x"))}), "xdm-path", id="URI slip, escaped"),
        pytest.param(zipped({"METADATA.XML": metadata(entry("d", "/etc/passwd"))}), "xdm-path", id="URI, absolute"),
        pytest.param(zipped({"METADATA.XML": metadata(entry("d", "file:///etc/passwd"))}), "xdm-uri", id="URI, a file"),
        pytest.param(zipped({"METADATA.XML": metadata(entry("d", "http://x.example/"))}), "xdm-uri", id="URI, the web"),
        pytest.param(zipped({"METADATA.XML": metadata(entry("d", "//[x/"))}), "xdm-uri", id="URI, none"),
        pytest.param(zipped({"METADATA.XML": metadata(entry("d", "A"))}), "xdm-missing-document", id="missing file"),
        pytest.param(
            zipped({"METADATA.XML": metadata(entry("d", "A", hash=sha1(b"y"))), "B": b"x"}),
            "xdm-missing-document", id="missing file, and another",
        ),
        pytest.param(
            zipped({"METADATA.XML": metadata(entry("d", "A"), entry("e", "A")), "A": b"x"}),
            "xdm-duplicate", id="one file for two",
        ),
        pytest.param(zipped({"METADATA.XML": ALONE, "A": b"x", "B": b"y"}), "xdm-no-uri", id="no URI, two files"),
        pytest.param(
            zipped({"METADATA.XML": metadata(entry("d"), entry("e")), "A": b"x", "B": b"y"}),
            "xdm-no-uri", id="two without a URI",
        ),
    ],
)  # fmt: skip
@pytest.mark.row("M16")
def test_attacks_and_damage_are_refused(body: bytes, code: str) -> None:
    with pytest.raises(XdmError) as caught:
        read_xdm(body)
    assert caught.value.code == code


def test_a_wrong_hash_is_refused_where_that_is_wanted() -> None:
    body = zipped({"METADATA.XML": metadata(entry("d", "A", hash="0" * 40)), "A": b"x"})
    with pytest.raises(XdmError) as caught:
        read_xdm(body, accept_wrong_hash=False)
    assert caught.value.code == "xdm-hash"


@pytest.mark.parametrize(
    ("files", "code"),
    [
        pytest.param({path: data for path, data in GOOD.items() if path != "INDEX.HTM"}, "xdm-layout", id="no index"),
        pytest.param({path.removeprefix(FOLDER): data for path, data in GOOD.items()}, "xdm-layout", id="no folder"),
        pytest.param(GOOD, "xdm-metadata", id="no members"),
    ],
)
def test_strictly_a_package_is_as_the_standard_has_it(files: dict[str, bytes], code: str) -> None:
    with pytest.raises(XdmError) as caught:
        read_xdm(zipped(files), strict=True)
    assert caught.value.code == code


def test_strictly_a_document_is_where_its_uri_says() -> None:
    written = write_xdm(submit([CLINICAL], Sending("a@x.example", ("b@y.example",), "2.999"), NOW, ids()), NOW)
    with zipfile.ZipFile(io.BytesIO(written)) as package:
        files = {name.replace("DOC00001", "DOC00009"): package.read(name) for name in package.namelist()}
    assert [each.code for each in read_xdm(zipped(files)).findings] == ["XDM-104"]
    with pytest.raises(XdmError) as caught:
        read_xdm(zipped(files), strict=True)
    assert caught.value.code == "xdm-missing-document"


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        (Limits(files=3), "xdm-too-many"),
        (Limits(unpacked=1000), "xdm-too-large"),
        (Limits(metadata=100), "xdm-metadata"),
    ],
)
def test_limits_hold(limits: Limits, code: str) -> None:
    with pytest.raises(XdmError) as caught:
        read_xdm(zipped(GOOD), limits=limits)
    assert caught.value.code == code
    assert read_xdm(zipped(GOOD), limits=LIMITS).documents


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_no_damage_to_a_package_is_a_defect_of_ours(data: st.DataObject) -> None:
    body = bytearray(zipped(GOOD))
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(body) - 1))
        match data.draw(st.sampled_from(("flip", "cut", "insert", "far"))):
            case "flip":
                body[at] = data.draw(st.integers(0, 255))
            case "cut":
                del body[at : at + data.draw(st.integers(1, 40))]
            case "insert":
                body[at:at] = data.draw(st.binary(max_size=20))
            case "far":
                body[-min(len(body), 300) + at % min(len(body), 300)] ^= 0x41
        if not body:
            break
    try:
        read_xdm(bytes(body))
    except XdmError as refused:
        assert refused.code.startswith("xdm-")


XML = st.text(st.sampled_from("<>/=\"' abRegistryObjectListSlotnameValue&;![]"), max_size=80)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(XML, st.integers(0, 600))
def test_no_damage_to_metadata_is_a_defect_of_ours(text: str, at: int) -> None:
    whole = GOOD[f"{FOLDER}METADATA.XML"]
    broken = whole[:at] + text.encode() + whole[at:]
    try:
        read_xdm(zipped({**GOOD, f"{FOLDER}METADATA.XML": broken}))
    except XdmError as refused:
        assert refused.code.startswith("xdm-")
