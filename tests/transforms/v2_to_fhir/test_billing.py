"""IN1, IN2, IN3, GT1 and FT1; BAR and DFT: who pays, and for what."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.transforms.v2_to_fhir.conversion import PID, convert_text, extensions, only, resources
from tests.transforms.v2_to_fhir.test_adt import ACCOUNT, EVN, PV1, codes, kept, placed, reference, told
from transforms.v2_to_fhir import Options

IN1 = placed("IN1|1|PPO^Preferred^L|HG1^^^HERON|Heron Mutual|1 Row^^Eastmere", f8="GRP-1", f9="Mill", f36="P-1")


def test_an_insurance_is_a_coverage_of_the_patient() -> None:
    in1 = placed(IN1, f6="Roe^Ned", f7="6085550188", f11="Eastmere Mill", f12="20240101", f13="20261231", f22="2")
    found = convert_text("ADT^A01", PID, PV1, placed(in1, f15="HMO", f49="M-1^^^HERON"))
    coverage = only(found, "Coverage")
    names = {each["id"]: each["name"] for each in resources(found, "Organization")}
    payor = names[coverage["payor"][0]["reference"].removeprefix("urn:uuid:")]
    holder = names[coverage["policyHolder"]["reference"].removeprefix("urn:uuid:")]
    assert (payor, holder) == ("Heron Mutual", "Eastmere Mill")
    assert coverage["beneficiary"] == reference(only(found, "Patient"))
    assert coverage["period"] == {"start": "2024-01-01", "end": "2026-12-31"}
    assert coverage["subscriberId"] == "M-1"
    assert extensions(coverage, "Coverage.subscriberId")[0]["value"] == "M-1"
    assert [each["value"] for each in coverage["identifier"]] == ["PPO", "P-1"]
    assert [(codes(each["type"]), each["value"]) for each in coverage["class"]] == [
        (["group"], "GRP-1"),
        (["plan"], "PPO"),
    ]
    assert coverage["order"] == 2
    assert codes(coverage["type"]) == ["HMO"]
    heron = next(each for each in resources(found, "Organization") if each["name"] == "Heron Mutual")
    assert heron["identifier"][0]["value"] == "HG1"
    assert heron["address"][0]["city"] == "Eastmere"
    assert heron["contact"][0]["name"]["family"] == "Roe"


@pytest.mark.parametrize("relation", ["SEL", "SEL^Self^HL70063", "18^Self", "patient"])
def test_the_patient_may_be_the_insured(relation: str) -> None:
    found = convert_text("ADT^A01", PID, placed(IN1, f16="Vale^Ann", f17=relation))
    assert only(found, "Coverage")["subscriber"] == reference(only(found, "Patient"))
    assert resources(found, "RelatedPerson") == []


def test_two_insurances_are_two_and_a_re_sent_one_is_the_same() -> None:
    two = convert_text("ADT^A01", PID, IN1, placed(IN1, f1="2", f36="P-2"))
    again = convert_text("ADT^A08", PID, placed(IN1, f36="P-2"))
    ids = [each["id"] for each in resources(two, "Coverage")]
    assert len(set(ids)) == 2
    assert only(again, "Coverage")["id"] == ids[1]


def test_us_core_has_what_it_requires_of_a_coverage() -> None:
    coverage = only(convert_text("ADT^A01", PID, "IN1|1"), "Coverage")
    assert extensions(coverage["_subscriberId"], "data-absent-reason") == ["unknown"]
    assert codes(coverage["relationship"]) == ["unknown"]
    assert extensions(coverage["payor"][0], "data-absent-reason") == ["unknown"]
    bare = only(convert_text("ADT^A01", PID, "IN1|1", options=Options(profile="none")), "Coverage")
    assert not bare.keys() & {"relationship", "_subscriberId", "meta"}


def test_more_of_an_insurance_joins_it_and_the_insured() -> None:
    in2 = placed("IN2", f2="900-55-2816", f6="1AB2", f8="M77", f63="6085550143", f72="SPO")
    found = convert_text("ADT^A01", PID, placed(IN1, f16="Vale^Corin"), in2)
    coverage, person = only(found, "Coverage"), only(found, "RelatedPerson")
    assert [codes(each["type"]) for each in coverage["identifier"]][1:] == [["MB"], ["MC"], ["MA"]]
    assert "SPS" in codes(coverage["relationship"])
    assert person["identifier"][0]["system"] == "http://hl7.org/fhir/sid/us-ssn"
    assert person["telecom"][0]["use"] == "home"


def test_who_manages_the_case_is_in_the_care_team() -> None:
    found = convert_text("ADT^A01", PID, IN1, placed("IN3|1|C-1", f21="Ned Roe"))
    (participant,) = only(found, "CareTeam")["participant"]
    assert codes(participant["role"][0]) == ["768832004"]
    assert participant["member"] == {"display": "Ned Roe"}
    assert "IN3-2" in kept(only(found, "Coverage"))


@pytest.mark.parametrize(
    ("gt1", "party"),
    [
        (placed("GT1|1||Vale^Corin", f11="SPO"), "RelatedPerson"),
        (placed("GT1|1||Vale^Ann", f11="SEL"), "Patient"),
        (placed("GT1|1", f21="Eastmere Mill"), "Organization"),
    ],
)
def test_a_guarantor_answers_for_the_account(gt1: str, party: str) -> None:
    found = convert_text("ADT^A01", ACCOUNT, placed(gt1, f13="20260101", f14="20261231"))
    (guarantor,) = only(found, "Account")["guarantor"]
    ids = [reference(each) for each in resources(found, party)]
    assert guarantor["party"] in ids
    assert guarantor["period"] == {"start": "2026-01-01", "end": "2026-12-31"}


def test_a_guarantor_without_an_account_number_has_the_patients_account() -> None:
    found = convert_text("ADT^A01", PID, placed("GT1|1||Vale^Corin", f11="SPO"))
    account = only(found, "Account")
    assert account["subject"] == [reference(only(found, "Patient"))]
    assert account["status"] == "unknown"


@pytest.mark.parametrize(
    ("event", "status", "codes_told"),
    [("P01", "active", set()), ("P05", "active", set()), ("P06", "inactive", set()), ("P02", "inactive", {"FHIR-141"})],
)
def test_an_account_is_what_the_event_makes_of_it(event: str, status: str, codes_told: set[str]) -> None:
    found = convert_text(f"BAR^{event}", EVN, ACCOUNT, PV1)
    account = only(found, "Account")
    assert account["status"] == status
    assert told(found) & {"FHIR-141"} == codes_told
    assert account.get("servicePeriod") == ({"end": "2026-03-12T08:15:00+01:00"} if event == "P06" else None)


def ft1(kind: str, number: str = "T1") -> str:
    """An FT1 of that transaction type."""
    return placed(f"FT1|1|{number}||20260312084000+0100|20260313|{kind}|93000^ECG^C4|||2|370.00&USD", f12="185.00&USD")


def test_a_charge_is_a_charge_item_with_its_digits() -> None:
    line = placed(ft1("CG"), f13="CAR^Cardiology^L", f19="R07.9^Pain^I10", f20="7^Pellworth", f21="8^Lisk", f24="9^Roe")
    found = convert_text("DFT^P03", EVN, ACCOUNT, PV1, line, "PR1|1||93000^ECG^C4||20260312")
    item = only(found, "ChargeItem")
    assert item["status"] == "billable"
    assert item["identifier"][0]["value"] == "T1"
    assert codes(item["code"]) == ["93000"]
    assert item["quantity"] == {"value": Decimal("2")}
    assert item["priceOverride"] == {"value": Decimal("370.00"), "currency": "USD"}
    assert str(item["priceOverride"]["value"]) == "370.00"
    assert item["occurrenceDateTime"] == "2026-03-12T08:40:00+01:00"
    assert item["enteredDate"] == "2026-03-13"
    assert [each["function"]["text"] for each in item["performer"]] == ["performer", "orderer"]
    assert codes(item["reason"][0]) == ["R07.9"]
    assert item["context"] == reference(only(found, "Encounter"))
    assert item["account"] == [reference(only(found, "Account"))]
    assert item["service"] == [reference(only(found, "Procedure"))]


@pytest.mark.parametrize("kind", ["CD", "PY", "AJ", "CO", "R"])
def test_a_credit_or_payment_never_becomes_a_charge(kind: str) -> None:
    found = convert_text("DFT^P03", EVN, PID, ft1(kind))
    assert resources(found, "ChargeItem") == []
    basic = only(found, "Basic")
    assert codes(basic["code"]) == [kind]
    assert {"FT1-7", "FT1-10", "FT1-11"} <= kept(basic)


def test_charges_without_a_number_are_never_taken_for_one() -> None:
    found = convert_text("DFT^P03", EVN, PID, ft1("CG", ""), ft1("CG", ""))
    assert len({each["id"] for each in resources(found, "ChargeItem")}) == 2


def test_a_charge_over_a_time_has_a_period() -> None:
    line = placed(ft1("CG"), f4="20260312^20260314")
    item = only(convert_text("DFT^P11", EVN, PID, line), "ChargeItem")
    assert item["occurrencePeriod"] == {"start": "2026-03-12", "end": "2026-03-14"}
