"""ORM, OML, OMG and their responses: orders, and what is to become of them."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.fhir import Resource
from tests.transforms.v2_to_fhir.conversion import PID, convert_text, extensions, only, resources

TEN_DAYS = {"value": 10, "unit": "d", "system": "http://unitsofmeasure.org", "code": "d"}
TWO_HOURS = {"start": "2026-03-12T08:00:00+01:00", "end": "2026-03-12T10:00:00+01:00"}
OBR = "OBR|1|P1^STANNE||CBC^Blood count^L"


def ordered(*segments: str, kind: str = "ORM^O01") -> Resource:
    """The one ServiceRequest of a message of these segments behind a PID."""
    return only(convert_text(kind, PID, *segments), "ServiceRequest")


@pytest.mark.parametrize(
    ("control", "status", "expected"),
    [
        ("NW", "", "active"),
        ("CA", "", "revoked"),
        ("CA", "IP", "revoked"),
        ("OC", "", "revoked"),
        ("DC", "", "revoked"),
        ("HD", "", "on-hold"),
        ("RP", "", "revoked"),
        ("XO", "", "unknown"),
        ("SC", "CM", "completed"),
        ("SC", "IP", "active"),
        ("SC", "HD", "on-hold"),
        ("SN", "?", "unknown"),
    ],
)
def test_status(control: str, status: str, expected: str) -> None:
    order = ordered(f"ORC|{control}|P1^STANNE|||{status}", OBR)
    assert (order["status"], order["intent"]) == (expected, "order")


def test_order_control_stays_known() -> None:
    order = ordered("ORC|XO|P1^STANNE|||||||20260312080000+0100", OBR)
    (event,) = [each for each in order["extension"] if each["url"].endswith("businessEvent")]
    assert extensions(event, "value")[0]["coding"][0]["code"] == "XO"
    assert extensions(event, "date") == ["2026-03-12T08:00:00+01:00"]


@pytest.mark.parametrize(("action", "intent"), [("G", "reflex-order"), ("A", "order"), ("L", "order"), ("", "order")])
def test_intent(action: str, intent: str) -> None:
    assert ordered("ORC|NW|P1^STANNE", f"{OBR}|||||||{action}")["intent"] == intent


def test_who_ordered_it_where() -> None:
    found = convert_text(
        "ORM^O01",
        PID,
        "ORC|NW|P1^STANNE||G1^STANNE|||||20260312080000+0100|5^Clerk^Lea||7^Doc^Ann||^WPN^PH^^^555^5550100|||||||"
        "City Clinic^^^^^NPI^XX^^^12|1 Main St^^Town|^WPN^PH^^^555^5550111|2 Side St^^Town",
        OBR,
    )
    order, role = only(found, "ServiceRequest"), only(found, "PractitionerRole")
    assert order["requester"]["reference"].endswith(role["id"])
    clinic = [each for each in resources(found, "Organization") if each.get("name") == "City Clinic"]
    assert role["organization"]["reference"].endswith(clinic[0]["id"])
    assert clinic[0]["address"] == [{"line": ["1 Main St"], "city": "Town"}]
    assert order["authoredOn"] == "2026-03-12T08:00:00+01:00"
    assert order["requisition"]["value"] == "G1"
    assert extensions(order, "callback-phone-number")[0]["value"].endswith("5550100")
    agents = resources(found, "Provenance")[0]["agent"]
    assert [each["type"]["coding"][0]["code"] for each in agents] == ["enterer", "author"]


@pytest.mark.parametrize(
    ("tq1", "timing"),
    [
        ("TQ1|1||BID", {"repeat": {"frequency": 2, "period": 1, "periodUnit": "d"}}),
        ("TQ1|1||Q6H", {"repeat": {"frequency": 1, "period": 6, "periodUnit": "h"}}),
        ("TQ1|1|||0800~2000", {"repeat": {"timeOfDay": ["08:00:00", "20:00:00"]}}),
        (
            "TQ1|1|||||10^d",
            {
                "repeat": {
                    "boundsDuration": {"value": 10, "unit": "d", "system": "http://unitsofmeasure.org", "code": "d"}
                }
            },
        ),
        (
            "TQ1|1|||||2^h|20260312080000+0100",
            {"repeat": {"boundsPeriod": TWO_HOURS}},
        ),
        ("TQ1|1||||||||||||30^min|5", {"repeat": {"duration": 30, "durationUnit": "min", "count": 5}}),
    ],
)
def test_timing(tq1: str, timing: dict[str, Any]) -> None:
    found = ordered("ORC|NW|P1^STANNE", tq1, OBR, kind="OML^O21")["occurrenceTiming"]
    assert {name: value for name, value in found.items() if name != "code"} == timing


def test_old_timing_is_in_orc() -> None:
    order = ordered("ORC|NW|P1^STANNE|||||2^QID^D5^20260312^20260316^S^^with food^^^^20", OBR)
    assert order["priority"] == "stat"
    assert order["quantityQuantity"] == {"value": 2}
    repeat = order["occurrenceTiming"]["repeat"]
    assert (repeat["frequency"], repeat["count"]) == (4, 20)
    assert repeat["boundsPeriod"] == {"start": "2026-03-12", "end": "2026-03-16"}
    assert order["note"] == [{"text": "with food"}]


def test_answers_diagnosis_and_specimen_stand_with_the_order() -> None:
    found = convert_text(
        "OML^O21",
        PID,
        "ORC|NW|P1^STANNE",
        OBR,
        "NTE|1||left arm",
        "DG1|1||E87.6^Hypokalemia^I10|||A",
        "OBX|1|CWE|FAST^Fasting^L||Y^Yes^L||||||F",
        "SPM|1|S1&STANNE||SER|||VENIP||||||5^mL",
    )
    order = only(found, "ServiceRequest")
    assert order["note"][0]["text"] == "left arm"
    for kind, name in (("Condition", "reasonReference"), ("Observation", "supportingInfo"), ("Specimen", "specimen")):
        assert order[name][0]["reference"].endswith(only(found, kind)["id"])


def test_specimen_comes_first_in_oml_o33() -> None:
    found = convert_text(
        "OML^O33", PID, "SPM|1|S1&STANNE||SER", "ORC|NW|P1^STANNE", OBR, "ORC|NW|P2^STANNE", OBR.replace("P1", "P2")
    )
    specimen = only(found, "Specimen")
    assert all(each["specimen"][0]["reference"].endswith(specimen["id"]) for each in resources(found, "ServiceRequest"))


def test_prior_result_is_a_report() -> None:
    found = convert_text(
        "OML^O21",
        PID,
        "ORC|NW|P1^STANNE",
        OBR,
        "ORC|PR|P0^STANNE|F0^LAB",
        "OBR|1|P0^STANNE|F0^LAB|K^Potassium^L",
        "OBX|1|NM|K^Potassium^L||4|||||||F",
    )
    assert only(found, "DiagnosticReport")["result"][0]["reference"].endswith(only(found, "Observation")["id"])


@pytest.mark.parametrize("kind", ["ORR^O02", "ORL^O22", "ORG^O20", "OMG^O19", "OMI^O23", "OML^O35", "OML^O39"])
def test_every_kind_of_order_message_has_its_order(kind: str) -> None:
    assert ordered("ORC|OK|P1^STANNE|F1^LAB", OBR, kind=kind)["status"] == "active"


def test_order_without_a_patient_says_so() -> None:
    order = only(convert_text("ORM^O01", "ORC|NW|P1^STANNE", OBR), "ServiceRequest")
    assert order["subject"]["extension"][0]["valueCode"] == "unknown"
