"""OMP, RDE, RDS, RGV and RAS: medicines ordered, encoded, dispensed, to be given, given."""

from __future__ import annotations

import pytest

from tests.transforms.v2_to_fhir.conversion import PID, convert_text, only, resources

ORC = "ORC|NW|M1^STANNE||||||||||9880425977^Harrowgate^Dunstan^^^Dr^MD^^NPI"
RXO = "RXO|AMX^Amoxicillin 500 MG^RXN|500||mg^mg^UCUM|CAP^Capsule^L||^with food||N||21|CAP^capsule^L|2"
RXE = "RXE||AMX^Amoxicillin 500 MG^RXN|500|1000|mg^mg^UCUM||^three times a day||G|21|CAP^capsule^L|2||||||||21&g"


@pytest.mark.parametrize(
    ("control", "order", "status"),
    [
        ("NW", "", "active"),
        ("XO", "", "active"),
        ("CA", "", "cancelled"),
        ("CA", "IP", "cancelled"),
        ("OC", "", "cancelled"),
        ("CR", "", "cancelled"),
        ("DC", "", "stopped"),
        ("OD", "", "stopped"),
        ("HD", "", "on-hold"),
        ("RL", "", "active"),
        ("SC", "CM", "completed"),
        ("SC", "CA", "cancelled"),
        ("NW", "CA", "cancelled"),
        ("SC", "ER", "entered-in-error"),
        ("SC", "", "unknown"),
        ("??", "", "unknown"),
    ],
)
def test_status_of_a_request_and_nothing_cancelled_is_active(control: str, order: str, status: str) -> None:
    found = convert_text("OMP^O09^OMP_O09", PID, f"ORC|{control}|M1^STANNE|||{order}", RXO)
    assert only(found, "MedicationRequest")["status"] == status


def test_order_as_it_was_written() -> None:
    found = convert_text(
        "OMP^O09^OMP_O09",
        PID,
        ORC,
        "TQ1|1||TID|||10^d|20260312||R",
        RXO,
        "RXR|PO^Oral^HL70162",
        "OBX|1|ST|W^Weight^L||70",
    )
    request = only(found, "MedicationRequest")
    assert request["intent"] == "original-order"
    assert request["priority"] == "routine"
    assert request["substitution"]["allowedCodeableConcept"]["coding"][0]["code"] == "N"
    assert request["dispenseRequest"]["numberOfRepeatsAllowed"] == 2
    assert str(request["dispenseRequest"]["quantity"]["value"]) == "21"
    (dosage,) = request["dosageInstruction"]
    assert dosage["text"] == "with food"
    assert dosage["doseAndRate"][0]["doseQuantity"]["code"] == "mg"
    assert dosage["timing"]["repeat"]["boundsPeriod"]["start"] == "2026-03-12"
    assert dosage["route"]["coding"]
    medicine = only(found, "Medication")
    assert medicine["code"]["coding"][0]["code"] == "AMX"
    assert medicine["form"]["coding"][0]["code"] == "CAP"


def test_encoded_order_stands_beside_the_order_that_it_encodes() -> None:
    found = convert_text("RDE^O11^RDE_O11", PID, ORC, RXO, RXE)
    ordered, encoded = resources(found, "MedicationRequest")
    assert (ordered["intent"], encoded["intent"]) == ("original-order", "filler-order")
    assert encoded["basedOn"] == [{"reference": f"urn:uuid:{ordered['id']}"}]
    dose = encoded["dosageInstruction"][0]["doseAndRate"][0]["doseRange"]
    assert (str(dose["low"]["value"]), str(dose["high"]["value"])) == ("500", "1000")


def test_encoded_order_alone_is_the_order() -> None:
    assert only(convert_text("RDE^O11^RDE_O11", PID, ORC, RXE), "MedicationRequest")["intent"] == "order"


def test_components_are_ingredients() -> None:
    found = convert_text(
        "OMP^O09^OMP_O09", PID, ORC, RXO, "RXC|B|D5W^Dextrose^L|1000|mL^mL^UCUM", "RXC|A|KCL^KCl^L|20|meq"
    )
    base, additive = only(found, "Medication")["ingredient"]
    assert (base["isActive"], additive["isActive"]) == (False, True)
    assert str(additive["strength"]["numerator"]["value"]) == "20"


@pytest.mark.parametrize(("control", "status"), [("RE", "completed"), ("CA", "cancelled"), ("OD", "stopped")])
def test_dispense(control: str, status: str) -> None:
    orc = f"ORC|{control}|M1^STANNE|F1^PHARM"
    start = "RXD|1|AMX^Amoxicillin^RXN|20260312100000+0100|21|CAP^capsule^L||RX881"
    rxd = f"{start}||keep dry|7^Lisk^Oriana|G||||||||LOT7|20280101"
    dispense = only(convert_text("RDS^O13^RDS_O13", PID, orc, rxd), "MedicationDispense")
    assert dispense["status"] == status
    assert dispense["whenHandedOver"] == "2026-03-12T10:00:00+01:00"
    assert dispense["authorizingPrescription"][0]["identifier"]["value"] == "M1"
    assert dispense["substitution"]["wasSubstituted"] is True
    assert dispense["note"] == [{"text": "keep dry"}]


def test_dose_to_be_given_is_an_instance_of_its_order() -> None:
    found = convert_text("RGV^O15^RGV_O15", PID, ORC, RXE, "RXG|1|||AMX^Amoxicillin^RXN|500||mg^mg^UCUM")
    order, dose = resources(found, "MedicationRequest")
    assert dose["intent"] == "instance-order"
    assert dose["basedOn"] == [{"reference": f"urn:uuid:{order['id']}"}]


@pytest.mark.parametrize(
    ("completion", "action", "refusal", "status"),
    [
        ("CP", "A", "", "completed"),
        ("", "", "", "completed"),
        ("PA", "A", "", "stopped"),
        ("RE", "A", "", "not-done"),
        ("NA", "A", "", "not-done"),
        ("", "", "PR^Patient refused^L", "not-done"),
        ("CP", "D", "", "entered-in-error"),
        ("??", "A", "", "unknown"),
    ],
)
def test_dose_that_was_given_or_was_not(completion: str, action: str, refusal: str, status: str) -> None:
    rxa = f"RXA|1|1|20260312083000+0100||AMX^Amoxicillin^RXN|500|mg^mg^UCUM|||||||||||{refusal}||{completion}|{action}"
    found = convert_text("RAS^O17^RAS_O17", PID, ORC, rxa, "RXR|PO^Oral^HL70162")
    given = only(found, "MedicationAdministration")
    assert given["status"] == status
    assert given["request"]["identifier"]["value"] == "M1"
    assert given["dosage"]["route"]["coding"]


def test_nothing_fails_where_everything_is_missing() -> None:
    for kind, segment in (
        ("OMP^O09", "RXO"),
        ("RDE^O11", "RXE"),
        ("RDS^O13", "RXD"),
        ("RGV^O15", "RXG"),
        ("RAS^O17", "RXA"),
    ):
        found = convert_text(kind, "RXR|PO", "RXC|A", "TQ1|1", segment, "RXC", "RXR", "TQ1", "ORC")
        assert found.bundle is not None


def test_old_timing_of_an_order() -> None:
    orc = "ORC|NW|M1^STANNE|||||2&tablet^Q6H^D10^20260312^20260322^R^as needed^after meals"
    request = only(convert_text("OMP^O09^OMP_O09", PID, orc, "RXO|AMX^Amoxicillin^RXN"), "MedicationRequest")
    (dosage,) = request["dosageInstruction"]
    assert dosage["doseAndRate"][0]["doseQuantity"]["unit"] == "tablet"
    assert dosage["timing"]["repeat"]["boundsPeriod"] == {"start": "2026-03-12", "end": "2026-03-22"}
    assert request["priority"] == "routine"
    assert request["note"] == [{"text": "after meals"}]


def test_medicines_in_an_order_message_beside_other_orders() -> None:
    found = convert_text(
        "ORM^O01^ORM_O01",
        PID,
        ORC,
        RXO,
        "RXR|PO^Oral^HL70162",
        "ORC|NW|L1^STANNE",
        "TQ1|1||||||||S",
        "OBR|1|L1^STANNE||CBC^Blood count^L",
    )
    assert only(found, "MedicationRequest")["dosageInstruction"][0]["route"]["coding"]
    assert only(found, "ServiceRequest")["priority"] == "stat"
