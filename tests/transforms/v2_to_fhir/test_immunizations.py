"""VXU: what was given, what was refused or never given, what is due."""

from __future__ import annotations

import pytest

from tests.transforms.v2_to_fhir.conversion import PID, convert_text, only, resources

ORC = "ORC|RE|4422^STANNE|13696^STANNE-IZ|||||||||9880425977^Harrowgate^Dunstan^^^Dr^MD^^NPI"


def rxa(**fields: str) -> str:
    """An RXA of a vaccine with the fields f1 to f29 set: `rxa(f20="RE")`."""
    parts = ["RXA", "0", "1", "20260312083000+0100", "20260312083000+0100", "08^Hep B^CVX", "0.5", "mL^mL^UCUM"]
    parts += [""] * 22
    for name, text in fields.items():
        parts[int(name[1:])] = text
    return "|".join(parts).rstrip("|")


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, "completed"),
        ({"f20": "CP"}, "completed"),
        ({"f20": "PA"}, "completed"),
        ({"f20": "RE"}, "not-done"),
        ({"f20": "NA"}, "not-done"),
        ({"f18": "00^Parental decision^NIP002"}, "not-done"),
        ({"f20": "??"}, "not-done"),
        ({"f20": "CP", "f21": "D"}, "entered-in-error"),
        ({"f20": "RE", "f21": "D"}, "entered-in-error"),
        ({"f5": "998^No vaccine administered^CVX", "f20": "CP"}, "not-done"),
        ({"f5": "998^No vaccine administered^CVX"}, "not-done"),
    ],
)
def test_only_what_was_given_is_completed(fields: dict[str, str], status: str) -> None:
    assert only(convert_text("VXU^V04^VXU_V04", PID, ORC, rxa(**fields)), "Immunization")["status"] == status


def test_what_is_said_of_a_dose() -> None:
    found = convert_text(
        "VXU^V04^VXU_V04",
        PID,
        ORC,
        rxa(
            f9="00^New record^NIP001",
            f10="9992033313^Pellworth^Imogen^^^Dr^MD^^NPI",
            f11="^^^STANNE-EAST^^^^^2 Quay Steps^^Harbour^WI^53990",
            f15="L-4471",
            f16="20271231",
            f17="SKB^GlaxoSmithKline^MVX",
            f20="CP",
            f21="A",
            f22="20260312090000+0100",
        ),
        "RXR|IM^Intramuscular^HL70162|LD^Left deltoid^HL70163",
        "OBX|1|CE|64994-7^Eligibility^LN|1|V02^VFC eligible - Medicaid^HL70064||||||F",
        "OBX|2|CE|30963-3^Funding^LN|1|VXC50^Public^CDCPHINVS||||||F",
        "OBX|3|CE|30956-7^Vaccine type^LN|2|45^Hep B^CVX||||||F",
        "OBX|4|TS|29768-9^Published^LN|2|20250512||||||F",
        "OBX|5|TS|29769-7^Presented^LN|2|20260312||||||F",
        "OBX|6|CE|30956-7^Vaccine type^LN|3|107^DTaP^CVX||||||F",
        "OBX|7|CE|30945-0^Contraindication^LN|4|21^acute illness^NIP||||||F",
    )
    dose = only(found, "Immunization")
    assert [each["value"] for each in dose["identifier"]] == ["4422", "13696"]
    assert dose["primarySource"] is True
    assert dose["recorded"] == "2026-03-12T09:00:00+01:00"
    assert dose["occurrenceDateTime"] == "2026-03-12T08:30:00+01:00"
    assert (dose["lotNumber"], dose["expirationDate"]) == ("L-4471", "2027-12-31")
    assert str(dose["doseQuantity"]["value"]) == "0.5"
    assert dose["doseQuantity"]["code"] == "mL"
    assert [each["function"]["coding"][0]["code"] for each in dose["performer"]] == ["AP", "OP"]
    assert dose["route"]["coding"][-1]["code"] == "IM"
    assert dose["programEligibility"][0]["coding"][0]["code"] == "V02"
    assert dose["fundingSource"]["coding"][0]["code"] == "VXC50"
    first, second = dose["education"]
    assert (first["documentType"], second["documentType"]) == ("Hep B", "DTaP")
    assert (first["publicationDate"], first["presentationDate"]) == ("2025-05-12", "2026-03-12")
    contraindication = only(found, "Observation")
    assert contraindication["partOf"] == [{"reference": f"urn:uuid:{dose['id']}"}]
    place = next(each for each in resources(found, "Location") if each["name"] == "STANNE-EAST")
    assert place["address"]["city"] == "Harbour"


def test_refusal_says_why_and_has_no_dose() -> None:
    refused = rxa(f6="0", f7="", f18="03^Patient decision^NIP002", f20="RE")
    dose = only(convert_text("VXU^V04^VXU_V04", PID, ORC, refused), "Immunization")
    assert dose["statusReason"]["coding"][0]["code"] == "03"
    assert "doseQuantity" not in dose


def test_history_is_told_by_another_source_and_its_amount_is_not_known() -> None:
    told = rxa(f6="999", f7="", f9="01^Historical information^NIP001")
    dose = only(convert_text("VXU^V04^VXU_V04", PID, ORC, told), "Immunization")
    assert dose["primarySource"] is False
    assert dose["reportOrigin"]["coding"][0]["code"] == "01"
    assert "doseQuantity" not in dose


def test_forecast_is_a_recommendation_and_no_immunization() -> None:
    found = convert_text(
        "RSP^K11^RSP_K11",
        PID,
        "ORC|RE||9999^STANNE",
        rxa(f5="998^No vaccine administered^CVX", f6="999", f7=""),
        "OBX|1|CE|30979-9^Vaccine due next^LN|1|45^Hep B^CVX||||||F",
        "OBX|2|TS|30980-7^Date due^LN|1|20260512||||||F",
        "OBX|3|CE|59783-1^Status^LN|1|LA13423-1^Overdue^LN||||||F",
        "OBX|4|CE|30979-9^Vaccine due next^LN|2|107^DTaP^CVX||||||F",
        "OBX|5|TS|30981-5^Earliest date^LN|2|20260601||||||F",
    )
    assert resources(found, "Immunization") == []
    first, second = only(found, "ImmunizationRecommendation")["recommendation"]
    assert first["vaccineCode"][0]["coding"][0]["code"] == "45"
    assert first["dateCriterion"][0]["value"] == "2026-05-12"
    assert first["forecastStatus"]["coding"][0]["code"] == "LA13423-1"
    assert second["dateCriterion"][0]["code"]["coding"][0]["code"] == "30981-5"


@pytest.mark.parametrize("number", ["9999^EHR", "77^EHR"])
def test_doses_that_share_a_number_are_told_apart(number: str) -> None:
    orc = f"ORC|RE||{number}"
    found = convert_text("VXU^V04^VXU_V04", PID, orc, rxa(), orc, rxa(f5="33^PPV23^CVX"), orc, rxa())
    assert len({each["id"] for each in resources(found, "Immunization")}) == 3


def test_order_without_a_dose_is_no_immunization() -> None:
    assert resources(convert_text("VXU^V04^VXU_V04", PID, ORC), "Immunization") == []


def test_nothing_fails_where_everything_is_missing() -> None:
    found = convert_text("VXU^V04^VXU_V04", "RXR|IM", "OBX|1|ST|||x||||||F", "RXA", "RXR")
    assert only(found, "Immunization")["occurrenceString"] == "unknown"


def test_participations_are_performers_before_and_behind_the_dose() -> None:
    ordered = "PRT|1|AD||OP^Ordering provider^HL70443|7^Lisk^Oriana"
    gave = "PRT|2|AD||AP^Administering provider^HL70443|8^Pellworth^Imogen"
    found = convert_text("VXU^V04^VXU_V04", PID, "ORC|RE|1^STANNE", ordered, rxa(), gave)
    performers = only(found, "Immunization")["performer"]
    assert [each["function"]["coding"][0]["code"] for each in performers] == ["OP", "AP"]
