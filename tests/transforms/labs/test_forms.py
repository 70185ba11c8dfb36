"""A result as a PDF and as text: nothing of it is missing, whoever reads it."""

from __future__ import annotations

import base64
import io
import time
from pathlib import Path

import pytest
from pypdf import PdfReader

from schemas.message import BINARY, FHIR, TEXT, Message
from tests.transforms.labs.lab import HALE, LISK, npi, order, oru
from tests.transforms.written import UnboundError, bind, message, run
from transforms.labs.fonts import Fonts
from transforms.labs.pdf import TooLongError, wrapped
from transforms.labs.result_to_pdf import result_to_pdf
from transforms.labs.result_to_text import result_to_text
from transforms.step import StepError

SAMPLES = Path(__file__).parents[3] / "samples/hl7v2"
REPORTS = ("oru_r01", "oru_r01_microbiology", "oru_r01_report")
LAB_ONE = "Lab One^^^^^CLIA^XX^^^05D1|1 Main St^^Springfield^IL^62704|77^Vale^Ann^^^Dr"
MORE = f"""\
NTE|1||Repeated by hand.~Hemolysis \\T\\ lipemia.
OBX|2|CWE|630-4^Culture^LN|2|112283007^Escherichia coli^SCT||||||P
OBX|3|SN|19090-0^Count^LN||>=^100000|{{CFU}}/mL|||||F||||LAB9^Second Lab^L|||||||||||
OBX|4|TX|22637-3^Diagnosis^LN||First line of the text.~Second line of it.||||||C
OBX|5|NM|777-3^Platelets^LN||12|10*3/uL^^UCUM|150-400|LL|||F|||20260312120000|||||||||{LAB_ONE}
SPM|1|S1||UR^Urine^HL70487||||LF^Left kidney
"""
SAID = (
    *(
        "Okonjo, Thessaly",
        "1961-04-17",
        "Female",
        "7704318",
        "STANNE",
        "2026-03-12 12:00",
        "O1 STANNE",
        "L1 LAB",
        "Basic",
    ),
    *(f"Hale, Ada ({HALE})", f"Lisk ({LISK})", "Sodium", "139", "mmol/L", "135-145", "High", "Final"),
    *("Repeated by hand.", "Hemolysis & lipemia.", "Escherichia coli", "PRELIMINARY", ">=100000", "{CFU}/mL"),
    *(
        "Second Lab",
        "First line of the text.",
        "Second line of it.",
        "CORRECTED",
        "Critically low",
        "10*3/uL",
        "150-400",
    ),
    *("Lab One (05D1)", "1 Main St, Springfield, IL 62704", "director Vale, Ann, Dr (77)", "Urine, Left kidney"),
)


def full(status: str = "F") -> Message:
    ordered = order(
        OBR_16=f"{HALE}^Hale^Ada^^^^^^NPI", OBR_28=npi(LISK, "Lisk"), OBR_25=status, OBX_7="135-145", OBX_8="H"
    )
    return oru(ordered, MORE)


def drawn(sent: Message) -> tuple[str, Message]:
    """What an independent reader reads in the PDF, in one line, and the message with it."""
    (made,) = result_to_pdf(sent)  # type: ignore[misc]
    assert made.format == BINARY
    return " ".join(" ".join(page.extract_text() for page in PdfReader(io.BytesIO(made.body)).pages).split()), made


def written(sent: Message) -> str:
    made = result_to_text(sent)
    assert isinstance(made, Message)
    assert made.format == TEXT
    return " ".join(made.body.decode().split())


def test_everything_that_the_laboratory_said_is_in_both() -> None:
    text, made = drawn(full())
    assert [each for each in SAID if each not in text] == []
    assert [each for each in SAID if each not in written(full())] == []
    assert made.get("result.report") == "written"
    assert made.findings == ()


@pytest.mark.parametrize("name", REPORTS)
def test_the_samples(name: str) -> None:
    sent = message((SAMPLES / f"{name}.hl7").read_bytes())
    values = [value for path in ("OBX[*]-5[*]", "OBX[*]-7", "NTE[*]-3") for value in sent.er7.get_all(path)]
    parts = [part for value in values for part in value.split("^")[1:2] or [value]]
    assert parts
    for text in (drawn(sent)[0], written(sent)):
        assert [each for each in parts if each not in text and each not in ("PACS", "SCT")] == []


@pytest.mark.parametrize(
    ("status", "banner"),
    [("C", "CORRECTED REPORT"), ("P", "PRELIMINARY REPORT"), ("X", "CANCELLED"), ("I", "NO RESULT YET")],
)
def test_what_is_not_the_final_word_says_so_on_every_page(status: str, banner: str) -> None:
    long = oru(order(OBR_25=status, OBR_16=npi(HALE)), "".join(f"OBX|{n}|ST|{n}^T^L||a\n" for n in range(2, 200)))
    (made,) = result_to_pdf(long)  # type: ignore[misc]
    pages = [page.extract_text() for page in PdfReader(io.BytesIO(made.body)).pages]
    assert len(pages) > 2
    assert all(banner in page for page in pages)
    assert all("Okonjo" in page and f"Page {number} of {len(pages)}" in page for number, page in enumerate(pages, 1))
    assert banner in written(long)


def test_a_final_report_has_no_banner() -> None:
    whole = oru(order(OBR_25="F", OBR_16=npi(HALE)))
    for text in (drawn(whole)[0], written(whole)):
        assert not any(each in text for each in ("CORRECTED", "PRELIMINARY", "CANCELLED"))


@pytest.mark.parametrize("value", ["wide " * 400, "W" * 5000, "Ωμέγα Привет ąęł ñ µg/L ≥ β ½"])
def test_wide_text_is_wrapped_and_other_scripts_can_be_read(value: str) -> None:
    sent = oru(order(OBR_16=npi(HALE), OBX_2="TX", OBX_5=value))
    text, made = drawn(sent)
    assert made.findings == ()
    for word in set(value.split()):
        letter = word if len(word) < 100 else word[0]
        assert text.count(letter) >= value.count(letter)
    assert value.replace(" ", "") in written(sent).replace(" ", "")


@pytest.mark.parametrize(("value", "what"), [("漢字", "no font has CJK"), ("שלום", "one by one of HEBREW")])
def test_what_cannot_be_drawn_is_said(value: str, what: str) -> None:
    _, made = drawn(oru(order(OBR_16=npi(HALE), OBX_2="TX", OBX_5=value)))
    (finding,) = made.findings
    assert finding.code == "LAB-302"
    assert what in finding.what


def test_a_font_of_the_site_draws_what_others_have_not(tmp_path: Path) -> None:
    serif = Path("/usr/share/fonts/truetype/dejavu/DejaVuSerif.ttf")
    (tmp_path / "serif.ttf").write_bytes(serif.read_bytes())
    (made,) = run("result_to_pdf: {fonts: [serif.ttf]}", full(), site=tmp_path)
    assert made.body.startswith(b"%PDF-")
    (tmp_path / "none.ttf").write_text("no font")
    for name in ("none.ttf", "absent.ttf"):
        with pytest.raises(UnboundError, match="no TrueType font"):
            bind(f"result_to_pdf: {{fonts: [{name}]}}", tmp_path)


def test_the_same_report_gives_the_same_bytes() -> None:
    assert drawn(full())[1].body == drawn(full())[1].body


def test_the_laboratorys_own_report_comes_before_one_that_is_written() -> None:
    sent = message((SAMPLES / "oru_r01_pdf.hl7").read_bytes())
    (made,) = result_to_pdf(sent)  # type: ignore[misc]
    assert made.body == base64.b64decode(sent.get("OBX-5.5"))
    assert made.get("result.report") == "own"
    hexed = sent.body.replace(b"Base64^" + sent.get("OBX-5.5").encode(), b"Hex^" + made.body.hex().encode())
    (other,) = result_to_pdf(message(hexed))  # type: ignore[misc]
    assert other.body == made.body


@pytest.mark.parametrize("encoded", ["JVBERi0xLjQ=", "JVBERi0xLjQ", "JVBERi\\.br\\0xLjQ="])
def test_the_laboratorys_own_report_is_read_without_padding_and_in_lines(encoded: str) -> None:
    (made,) = result_to_pdf(oru(order(OBX_2="ED", OBX_5=f"^^PDF^Base64^{encoded}")))  # type: ignore[misc]
    assert (made.body, made.get("result.report")) == (b"%PDF-1.4", "own")


@pytest.mark.parametrize(
    ("old", "new"), [(b"JVBERi", b"!!!!"), (b"||||||F|||20260312140500", b"||||||D|||20260312140500")]
)
def test_a_document_that_is_damaged_or_deleted_is_not_the_report(old: bytes, new: bytes) -> None:
    text, made = drawn(message((SAMPLES / "oru_r01_pdf.hl7").read_bytes().replace(old, new, 1)))
    assert "Chronic lymphoid leukemia" in text
    assert [each.code for each in made.findings] == (["LAB-301"] if new == b"!!!!" else [])


def test_what_is_no_report_of_one_patient_is_said() -> None:
    two = oru(order(), "PID|1||99^^^STANNE||Vale^Ann\n", order(OBR_3="L2"))
    for step in (result_to_text, lambda sent: list(result_to_pdf(sent))):  # type: ignore[arg-type]
        with pytest.raises(StepError, match="several patients"):
            step(two)
        with pytest.raises(StepError, match="answers no order"):
            step(oru())
        with pytest.raises(StepError, match="only HL7 v2"):
            step(message(b"{}", FHIR))


def test_a_hostile_report_ends_soon() -> None:
    huge = oru(order(OBX_2="TX", OBX_5="x" * 3_000_000))
    since = time.perf_counter()
    with pytest.raises(StepError, match="200 pages"):
        list(result_to_pdf(huge))  # type: ignore[arg-type]
    assert time.perf_counter() - since < 20


def test_a_text_of_more_lines_than_a_report_has_is_not_laid_out_to_its_end() -> None:
    with pytest.raises(TooLongError):
        wrapped("lorem ipsum " * 100_000, 60, Fonts())


def test_control_characters_are_no_part_of_the_text() -> None:
    body = result_to_text(oru(order(OBX_2="TX", OBX_5=r"a\X1B\[2Jb\X00\c\X9B\d\X07\e"))).body.decode()
    assert all(each.isprintable() or each == "\n" for each in body)
    assert "a [2Jb c" in body


def test_a_message_brings_so_many_documents_at_most() -> None:
    document = f"^^^Base64^{base64.b64encode(b'%PDF-1.4').decode()}"
    assert len(list(result_to_pdf(oru(order(OBX_2="ED", OBX_5="~".join([document] * 100)))))) == 100  # type: ignore[arg-type]
    with pytest.raises(StepError, match="101 documents"):
        list(result_to_pdf(oru(order(OBX_2="ED", OBX_5="~".join([document] * 101)))))  # type: ignore[arg-type]


def test_a_text_that_comes_line_by_line_is_one_result() -> None:
    lines = "".join(
        f"OBX|{n}|TX|22637-3^Diagnosis^LN|{n}|{line}||||||F\n" for n, line in enumerate(["One.", "", "Two."], 2)
    )
    sent = oru(order(OBR_16=npi(HALE)), lines, "OBX|9|TX|22637-3^Diagnosis^LN|9|Three.||||||C\n")
    assert "Diagnosis (22637-3 LN) [2]: (Final) One. Two. Diagnosis (22637-3 LN) [9]: Three. (CORRECTED)" in written(
        sent
    )
    assert drawn(sent)[0].count("Diagnosis") == 2
