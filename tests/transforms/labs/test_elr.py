"""What goes to public health: the reportable results and no others, as HL7's guide (ELR 2.5.1 R1) has them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from schemas.finding import Severity
from schemas.hl7v2.validate import validate
from schemas.message import FHIR, Message
from schemas.tables import CodeMap, Table
from tests.transforms.labs.lab import CLINIC, DIRECTORY, HALE, npi, order, oru
from tests.transforms.notify.fakes import FakeRegistry
from tests.transforms.written import UnboundError, bind, message
from transforms.labs.to_elr import to_elr
from transforms.step import StepError

SAMPLES = Path(__file__).parents[3] / "samples/hl7v2"
CODES = Table.read(
    "code,system,results\n2951-2,LN,\n112283007,SCT,\n600-7,LN,positive; 10828004\nLEAD,,\n", "maps/reportable.csv"
)
SYSTEMS = CodeMap.read(
    "code,system,to_code,to_display,to_system\nSTANNE,,urn:oid:1.2.3,,\nLAB,,1.2.3.4,,\n", "maps/oids.csv"
)
STATE = {
    "receiving_application": "ELR^2.16.840.1.114222.4.1.1^ISO",
    "receiving_facility": "DOH^2.16.840.1.114222.4.1.2^ISO",
}
SUPPLY = {
    **{"OBX[*]-23.1": "St. Anne's", "OBX[*]-23.10": "05D0000001", "OBX[*]-24.1": "1 Main St"},
    **{"ORC-23.2": "WPN", "SPM-2.2.1": "S1"},
}
PLACES = FakeRegistry(
    directory={
        **DIRECTORY,
        CLINIC: replace(DIRECTORY[CLINIC], line="9 Elm St", city="Eastmere", state="IL", phone="(217) 555-0123"),
    }
)
SPM = "SPM|1|^S1&LAB&1.2.3.4&ISO||UR^Urine^HL70487|||||||||||||20260312113000|20260312114000\n"


def report(sent: Message, **options: object) -> Message | None:
    made = to_elr(sent, **{"registry": PLACES, "reportable_codes": CODES, **STATE, **options})  # type: ignore[arg-type]
    return made if isinstance(made, Message) else None


@pytest.mark.parametrize(
    ("fields", "goes"),
    [
        ({}, True),
        ({"OBX_3": "2951-2^Sodium^L"}, False),
        ({"OBX_3": "NA^Sodium^L^2951-2^Sodium^LN"}, True),
        ({"OBX_3": "2345-7^Glucose^LN"}, False),
        ({"OBX_3": "630-4^Culture^LN", "OBX_2": "CWE", "OBX_5": "112283007^E. coli^SCT"}, True),
        ({"OBX_3": "630-4^Culture^LN", "OBX_2": "CE", "OBX_5": "EC^E. coli^L^112283007^E. coli^SCT"}, True),
        ({"OBX_3": "630-4^Culture^LN", "OBX_2": "ST", "OBX_5": "112283007"}, False),
        ({"OBX_3": "600-7^HIV^LN", "OBX_2": "CWE", "OBX_5": "10828004^Positive^SCT"}, True),
        ({"OBX_3": "600-7^HIV^LN", "OBX_2": "ST", "OBX_5": "POSITIVE"}, True),
        ({"OBX_3": "600-7^HIV^LN", "OBX_2": "ST", "OBX_5": "Negative"}, False),
        ({"OBX_3": "1-1^x^LN", "OBR_4": "LEAD^Lead^L"}, True),
        ({"OBX_3": '""', "OBX_5": '""'}, False),
    ],
    ids=str,
)
def test_what_is_in_the_sites_list_goes(fields: dict[str, str], goes: bool) -> None:
    assert (report(oru(order(**fields))) is not None) == goes


def test_orders_that_are_not_reportable_stay_at_home_and_children_go_along() -> None:
    child = order(OBR_3="L9^LAB", OBX_3="18864-9^Ampicillin^LN", OBR_29="&^L1&LAB")
    made = report(oru(order(), child, order(OBR_3="L2^LAB", OBX_3="2345-7^Glucose^LN")))
    assert made is not None
    assert made.er7.get_all("OBR[*]-3.1") == ["L1", "L9"]
    assert made.er7.get_all("OBR[*]-1") == ["1", "2"]


def test_the_report_is_as_the_guide_has_it() -> None:
    sent = oru(order(OBR_16=npi(HALE, "Hale"), OBX_6="mmol/L^^UCUM"), SPM)
    made = report(sent, systems=SYSTEMS, supply=SUPPLY)
    assert made is not None
    wanted = {
        "MSH-3": "LAB^1.2.3.4^ISO",
        "MSH-4": "STANNE^1.2.3^ISO",
        "MSH-5": STATE["receiving_application"],
        "MSH-6": STATE["receiving_facility"],
        "MSH-7": "20240301093000+0000",
        "MSH-9": "ORU^R01^ORU_R01",
        "MSH-12": "2.5.1",
        "MSH-15": "NE",
        "MSH-16": "NE",
        "MSH-21": "PHLabReport-NoAck^ELR_Receiver^2.16.840.1.113883.9.11^ISO",
        "SFT-3": "hie",
        "PID-3": "7704318^^^STANNE&1.2.3&ISO^MR",
        "ORC-1": "RE",
        "ORC-3": "L1^LAB^1.2.3.4^ISO",
        "ORC-12.1": HALE,
        "ORC-12.9": "NPI&2.16.840.1.113883.4.6&ISO",
        "ORC-21.1": "Eastmere",
        "ORC-21.10": CLINIC,
        "ORC-22": "9 Elm St^^Eastmere^IL",
        "ORC-23": "^WPN^PH^^^217^5550123",
        "OBR-3": "L1^LAB^1.2.3.4^ISO",
        "OBX-14": "20260312113000",
        "OBX-23.1": "St. Anne's",
        "OBX-24": "1 Main St",
        "SPM-4.1": "UR",
    }
    assert {path: made.er7.get(path) for path in wanted} == wanted
    assert [each.name for each in made.er7.segments] == ["MSH", "SFT", "PID", "ORC", "OBR", "OBX", "SPM"]
    assert "elr.missing" not in made.attributes
    assert made.findings == ()
    assert [str(each) for each in validate(made.er7) if each.severity is Severity.ERROR] == []


def test_what_is_required_and_not_known_is_said() -> None:
    made = report(oru(order(OBX_3="LEAD^Lead^L", OBX_6="", OBR_22="")))
    assert made is not None
    lacks = made.get("elr.missing").split()
    for place in (
        *("MSH-3.2", "MSH-4.2", "PID-3.4.2", "ORC-12.1", "ORC-21.1", "ORC-22", "ORC-23", "OBR-22", "OBR-16.1", "SPM"),
        *("OBX-23.1", "OBX-24", "OBX[1]-3", "OBX[1]-6"),
    ):
        assert place in lacks
    assert {each.severity for each in made.findings} == {Severity.WARNING}
    assert "7704318" not in str(made.findings)


def test_what_another_laboratory_performed_is_not_given_our_name() -> None:
    ordered = order(OBX_23="Other Lab") + "OBX|2|NM|2951-2^Sodium^LN||1|mmol/L|||||F\n"
    made = report(oru(ordered), supply=SUPPLY)
    assert made is not None
    assert made.er7.get_all("OBX[*]-23") == ["Other Lab", "St. Anne's^^^^^^^^^05D0000001"]


def test_an_old_message_is_brought_to_the_guides_version() -> None:
    sent = oru(order(OBX_2="CE", OBX_5="112283007^E. coli^SCT", OBR_15="UR&Urine&HL70070", OBR_14="20260312114000"))
    body = sent.body.replace(b"|2.5.1", b"|2.3.1").replace(b"ORC|RE\r", b"") + b"ZZZ|1\rDSC|\r"
    made = report(message(body), systems=SYSTEMS, profile="Ack", sending_facility="A^1.2^ISO")
    assert made is not None
    assert [each.name for each in made.er7.segments] == ["MSH", "SFT", "PID", "ORC", "OBR", "OBX", "SPM"]
    wanted = {
        **{"MSH-12": "2.5.1", "MSH-15": "AL", "MSH-21.1": "PHLabReport-Ack", "MSH-4": "A^1.2^ISO", "OBX-2": "CWE"},
        **{"SPM-4": "UR^Urine^HL70070", "SPM-17": "20260312113000", "SPM-18": "20260312114000", "ORC-3.1": "L1"},
    }
    assert {path: made.er7.get(path) for path in wanted} == wanted
    assert [each.where for each in made.findings if each.code == "LAB-402"] == ["ZZZ"]


def test_fields_that_the_version_has_not_are_left_out_and_said() -> None:
    made = report(oru(order(OBX_25="Vale", OBX_28="", OBX_30="x")))
    assert made is not None
    assert made.er7.raw("OBX").endswith("|Vale")
    assert [each.where for each in made.findings if each.code == "LAB-402"] == ["OBX[1]-30"]


def test_the_sample_culture_goes_with_its_susceptibilities() -> None:
    made = report(message((SAMPLES / "oru_r01_microbiology.hl7").read_bytes()), systems=SYSTEMS)
    assert made is not None
    assert len(made.er7.named("OBR")) == 2
    assert report(message((SAMPLES / "oru_r01_report.hl7").read_bytes())) is None


def test_what_is_written_wrong_is_said() -> None:
    with pytest.raises(StepError, match="only HL7 v2"):
        report(message(b"{}", FHIR))
    with pytest.raises(UnboundError, match="an OID and its type"):
        bind("to_elr: {reportable_codes: x.csv, receiving_application: DOH, receiving_facility: A^1.2^ISO}")
