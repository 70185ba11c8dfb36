"""ADT: what each event does to patient, visit and account, and what the segments of a person become."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.fhir import Element, Resource
from tests.transforms.v2_to_fhir.conversion import PID, convert_text, extensions, only, resources
from transforms.v2_to_fhir import Conversion, Options

EVN = "EVN|A01|20260312083000+0100||||20260312081500+0100"


def placed(segment: str, **fields: str) -> str:
    """A segment with texts put into its fields: `placed("PV1|1|I", f44="20260312")`."""
    parts = segment.split("|")
    for name, text in fields.items():
        number = int(name[1:])
        parts += [""] * (number + 1 - len(parts))
        parts[number] = text
    return "|".join(parts)


PV1 = placed("PV1|1|I|4W^412^B", f19="V9^^^STANNE^VN", f44="20260310120000+0100")
DISCHARGED = placed(PV1, f45="20260312080000+0100")


def codes(concept: Element) -> list[str]:
    """The codes of a CodeableConcept."""
    return [each["code"] for each in concept.get("coding", [])]


def told(found: Conversion) -> set[str]:
    """The codes of the findings."""
    return {each.code for each in found.findings}


def kept(resource: Resource) -> set[str]:
    """The addresses of the elements that were kept with a resource."""
    return {
        each["extension"][0]["valueString"]
        for each in resource.get("extension", [])
        if each["url"] == "urn:hie-engine:v2-element"
    }


# the person


def test_the_primary_language_is_the_one_that_is_preferred() -> None:
    patient = only(convert_text("ADT^A01", EVN, placed(PID, f15="en^English^HL70296"), PV1), "Patient")
    assert [each["preferred"] for each in patient["communication"]] == [True]


def test_the_mothers_number_is_that_of_a_related_person() -> None:
    found = convert_text("ADT^A01", EVN, placed(PID, f21="M9^^^STANNE^MR"), PV1)
    mother = only(found, "RelatedPerson")
    assert codes(mother["relationship"][0]) == ["MTH"]
    assert [(each["value"], codes(each["type"])) for each in mother["identifier"]] == [("M9", ["MR"])]
    assert "M9" not in [each["value"] for each in only(found, "Patient")["identifier"]]


@pytest.mark.parametrize(("race", "is_known"), [("2106-3^White^HL70005", True), ("2106-3", True), ("U", False)])
def test_only_a_code_of_cdc_is_a_race_of_us_core(race: str, is_known: bool) -> None:
    patient = only(convert_text("ADT^A01", EVN, placed(PID, f10=race), PV1), "Patient")
    urls = [each["url"].rpartition("/")[2] for each in patient["extension"]]
    assert urls == (["us-core-race"] if is_known else ["urn:hie-engine:race"])


# the visit


@pytest.mark.parametrize(
    ("number", "kinds"), [("V9", ["VN"]), ("V9^^^STANNE^VN", ["VN"]), ("V9^^^STANNE^FIN", ["FIN", "VN"])]
)
def test_a_visit_number_is_of_that_type_beside_the_senders(number: str, kinds: list[str]) -> None:
    encounter = only(convert_text("ADT^A01", EVN, PID, placed(PV1, f19=number)), "Encounter")
    assert codes(encounter["identifier"][0]["type"]) == kinds


def test_one_number_for_the_visits_of_two_patients_is_two_visits() -> None:
    other = placed(PID, f3="99999^^^STANNE^MR")
    visits = resources(convert_text("BAR^P02", EVN, PID, PV1, other, PV1), "Encounter")
    assert len({each["subject"]["reference"] for each in visits}) == 2


@pytest.mark.parametrize(("message", "shown"), [("ADT^A01^ADT_A01", "ADT^A01^ADT_A01"), ("ADT^A01", "ADT^A01")])
def test_the_event_is_shown_as_msh_9_has_it(message: str, shown: str) -> None:
    assert only(convert_text(message, EVN, PID, PV1), "MessageHeader")["eventCoding"]["display"] == shown


def test_an_event_that_is_not_told_leaves_its_place_empty() -> None:
    coding = only(convert_text("ORU^^ORU_R01", PID), "MessageHeader")["eventCoding"]
    assert coding == {"code": "ORU", "display": "ORU^^ORU_R01"}


def test_a_place_that_is_only_described_has_the_description() -> None:
    place = only(convert_text("ADT^A01", EVN, PID, placed(PV1, f3="^^^^^^^^Labour ward")), "Location")
    assert (place["name"], place["description"]) == ("Labour ward", "Labour ward")


@pytest.mark.parametrize(
    ("event", "pv1", "status"),
    [
        ("A01", PV1, "in-progress"),
        ("A02", PV1, "in-progress"),
        ("A03", PV1, "finished"),
        ("A04", placed(PV1, f2="O"), "in-progress"),
        ("A05", PV1, "planned"),
        ("A06", PV1, "in-progress"),
        ("A08", PV1, "in-progress"),
        ("A08", DISCHARGED, "finished"),
        ("A08", placed(PV1, f2="P"), "planned"),
        ("A11", PV1, "cancelled"),
        ("A12", PV1, "in-progress"),
        ("A13", DISCHARGED, "in-progress"),
        ("A14", PV1, "planned"),
        ("A16", PV1, "in-progress"),
        ("A21", PV1, "onleave"),
        ("A22", PV1, "in-progress"),
        ("A23", PV1, "entered-in-error"),
        ("A25", PV1, "in-progress"),
        ("A27", PV1, "cancelled"),
        ("A38", PV1, "cancelled"),
        ("A52", PV1, "in-progress"),
        ("A53", PV1, "onleave"),
        ("A61", PV1, "in-progress"),
    ],
)
def test_the_visits_status_follows_the_event(event: str, pv1: str, status: str) -> None:
    assert only(convert_text(f"ADT^{event}", EVN, PID, pv1), "Encounter")["status"] == status


def test_a_discharge_ends_the_visit_when_pv1_says_or_else_when_it_happened() -> None:
    said = only(convert_text("ADT^A03", EVN, PID, DISCHARGED), "Encounter")["period"]
    happened = only(convert_text("ADT^A03", EVN, PID, PV1), "Encounter")["period"]
    assert said == {"start": "2026-03-10T12:00:00+01:00", "end": "2026-03-12T08:00:00+01:00"}
    assert happened["end"] == "2026-03-12T08:15:00+01:00"


def test_a_cancelled_discharge_leaves_the_visit_open_and_its_time_kept() -> None:
    encounter = only(convert_text("ADT^A13", EVN, PID, DISCHARGED), "Encounter")
    assert encounter["period"] == {"start": "2026-03-10T12:00:00+01:00"}
    assert "PV1-45" in kept(encounter)


@pytest.mark.parametrize(("event", "status"), [("A01", "active"), ("A05", "planned"), ("A03", None), ("A11", None)])
def test_nobody_is_at_the_place_of_a_visit_that_is_over_or_cancelled(event: str, status: str | None) -> None:
    (place,) = only(convert_text(f"ADT^{event}", EVN, PID, PV1), "Encounter")["location"]
    assert place.get("status") == status


def test_a_visit_that_ends_before_it_begins_keeps_its_end_beside() -> None:
    found = convert_text("ADT^A08", PID, placed(PV1, f45="20260301120000+0100"))
    period = only(found, "Encounter")["period"]
    assert "end" not in period
    assert extensions(period["_end"], "v2-time") == ["20260301120000+0100"]
    assert "FHIR-112" in told(found)


def test_no_visit_is_made_where_the_message_says_that_there_is_none() -> None:
    found = convert_text("ADT^A28", EVN, PID, "PV1|1|N")
    assert resources(found, "Encounter") == []
    assert kept(only(found, "Patient")) == {"PV1-2"}


def test_a_swap_has_two_patients_each_with_a_visit_of_their_own() -> None:
    other = "PID|2||78^^^STANNE^MR||Roe^Ned"
    found = convert_text("ADT^A17", EVN, PID, PV1, other, placed(PV1, f19="V10^^^STANNE^VN"))
    patients, visits = resources(found, "Patient"), resources(found, "Encounter")
    assert [each["subject"]["reference"] for each in visits] == [f"urn:uuid:{each['id']}" for each in patients]
    assert len({each["id"] for each in visits}) == 2


def test_a_bed_status_update_is_about_a_place_alone() -> None:
    found = convert_text("ADT^A20", EVN, "NPU|4W^412^B|C")
    bed = next(each for each in resources(found, "Location") if each["name"] == "B")
    assert bed["operationalStatus"]["code"] == "C"
    assert resources(found, "Patient") == []


def test_the_additional_visit_information_joins_the_visit() -> None:
    pv2 = placed("PV2||PR|R07.9^Chest pain^I10", f8="20260311", f9="20260315", f11="4", f12="Fell \\T\\ hurt", f22="Y")
    pv2 = placed(pv2, f23="Day ward", f25="1", f38="A")
    encounter = only(convert_text("ADT^A01", PID, PV1, pv2), "Encounter")
    assert codes(encounter["reasonCode"][0]) == ["R07.9"]
    assert extensions(encounter, "Encounter.plannedStartDate") == ["2026-03-11"]
    assert extensions(encounter, "Encounter.plannedEndDate") == ["2026-03-15"]
    assert encounter["length"]["code"] == "d"
    assert str(encounter["length"]["value"]) == "4"
    assert encounter["text"]["div"].endswith(">Fell &amp; hurt</div>")
    assert encounter["meta"]["security"][0]["code"] == "R"
    assert "EM" in codes(encounter["priority"])
    assert extensions(encounter, "encounter-modeOfArrival")[0]["code"] == "A"
    assert kept(encounter) == {"PV2-2"}


def test_us_core_has_what_it_requires_of_a_visit() -> None:
    encounter = only(convert_text("ADT^A01", "PV1|1"), "Encounter")
    assert codes(encounter["type"][0]) == ["unknown"]
    assert encounter["subject"]["extension"][0]["valueCode"] == "unknown"
    bare = only(convert_text("ADT^A01", "PV1|1", options=Options(profile="none")), "Encounter")
    assert "type" not in bare
    assert "meta" not in bare


# merges, moves, links, deletions

MRG = "MRG|88^^^STANNE^MR||A7^^^STANNE^AN||V7^^^STANNE^VN||Vale^Nan"
ACCOUNT = placed(PID, f18="A9^^^STANNE^AN")


def reference(resource: Resource) -> Element:
    """A reference to a resource of a bundle."""
    return {"reference": f"urn:uuid:{resource['id']}"}


@pytest.mark.parametrize("event", ["A18", "A34", "A36", "A39", "A40", "A47"])
def test_a_merged_patient_is_replaced_by_the_one_who_stays(event: str) -> None:
    stays, goes = resources(convert_text(f"ADT^{event}", EVN, PID, MRG), "Patient")
    assert stays["identifier"][0]["value"] == "77"
    assert stays["active"] is True
    assert stays["link"] == [{"other": reference(goes), "type": "replaces"}]
    assert goes["identifier"][0]["value"] == "88"
    assert goes["name"][0]["given"] == ["Nan"]
    assert goes["active"] is False
    assert goes["link"] == [{"other": reference(stays), "type": "replaced-by"}]


def test_each_of_several_merges_is_between_its_own_two() -> None:
    other = "PID|2||79^^^STANNE^MR||Roe^Ned"
    found = convert_text("ADT^A40", EVN, PID, MRG, other, "MRG|89^^^STANNE^MR")
    numbers = {each["id"]: each["identifier"][0]["value"] for each in resources(found, "Patient")}
    pairs = {
        (numbers[each["id"]], numbers[link["other"]["reference"].removeprefix("urn:uuid:")])
        for each in resources(found, "Patient")
        for link in each["link"]
        if link["type"] == "replaces"
    }
    assert pairs == {("77", "88"), ("79", "89")}


def test_a_merge_of_a_patient_with_itself_links_nothing() -> None:
    patient = only(convert_text("ADT^A40", EVN, PID, "MRG|77^^^STANNE^MR"), "Patient")
    assert "link" not in patient
    assert "active" not in patient


@pytest.mark.parametrize("event", ["A35", "A41", "A49"])
def test_a_merged_account_is_replaced_and_both_are_the_patients(event: str) -> None:
    found = convert_text(f"ADT^{event}", EVN, ACCOUNT, MRG)
    stays, goes = resources(found, "Account")
    assert stays["status"] == "active"
    assert goes["status"] == "inactive"
    assert extensions(goes, "replaced-by") == [reference(stays)]
    assert [each["value"] for each in stays["identifier"]] == ["A9", "A7"]
    assert stays["identifier"][1]["use"] == "old"
    assert stays["subject"] == goes["subject"] == [reference(only(found, "Patient"))]


@pytest.mark.parametrize("event", ["A06", "A07"])
def test_an_account_of_before_is_the_patients_and_stays_as_it_was(event: str) -> None:
    found = convert_text(f"ADT^{event}", EVN, ACCOUNT, MRG, PV1)
    now, before = resources(found, "Account")
    assert [each["value"] for each in before["identifier"]] == ["A7"]
    assert before["status"] == "unknown"
    assert now["status"] == "active"
    assert before["subject"] == [reference(only(found, "Patient"))]
    assert only(found, "Encounter")["status"] == "in-progress"


@pytest.mark.parametrize("event", ["A42", "A50", "A51"])
def test_a_merged_visit_is_replaced(event: str) -> None:
    found = convert_text(f"ADT^{event}", EVN, PID, MRG, PV1)
    goes, stays = resources(found, "Encounter")
    assert goes["status"] == "entered-in-error"
    assert extensions(goes, "replaced-by") == [reference(stays)]
    assert stays["status"] == "in-progress"
    assert [each["value"] for each in stays["identifier"]] == ["V9", "V7"]


def test_a_moved_account_becomes_the_right_patients_and_the_wrong_one_is_not_touched() -> None:
    found = convert_text("ADT^A44", EVN, placed(PID, f18="A7^^^STANNE^AN"), MRG)
    account = only(found, "Account")
    assert account["subject"] == [reference(only(found, "Patient"))]
    assert {"MRG-1", "MRG-7"} <= kept(account)


def test_a_moved_visit_becomes_the_right_patients() -> None:
    found = convert_text("ADT^A45", EVN, PID, MRG, placed(PV1, f19="V7^^^STANNE^VN"))
    visit = only(found, "Encounter")
    assert visit["subject"] == reference(only(found, "Patient"))
    assert visit["status"] == "in-progress"


def test_linked_patients_see_each_other_and_stay_in_use() -> None:
    one, other = resources(convert_text("ADT^A24", EVN, PID, "PID|2||78^^^STANNE^MR||Vale^Ann"), "Patient")
    assert one["link"] == [{"other": reference(other), "type": "seealso"}]
    assert other["link"] == [{"other": reference(one), "type": "seealso"}]
    assert "active" not in one


def test_unlinked_patients_carry_no_link_and_it_is_told() -> None:
    found = convert_text("ADT^A37", EVN, PID, "PID|2||78^^^STANNE^MR||Vale^Ann")
    assert not any("link" in each for each in resources(found, "Patient"))
    assert "FHIR-142" in told(found)


def test_a_deleted_person_is_not_active_and_it_is_told() -> None:
    found = convert_text("ADT^A29", EVN, PID)
    assert only(found, "Patient")["active"] is False
    assert "FHIR-141" in told(found)
    assert "FHIR-141" in told(convert_text("ADT^A23", EVN, PID, PV1))


@pytest.mark.parametrize("event", ["A24", "A37", "A40", "A41", "A42", "A44", "A45", "A50"])
def test_an_event_about_two_without_a_patient_is_converted_all_the_same(event: str) -> None:
    found = convert_text(f"ADT^{event}", EVN, MRG)
    assert found.bundle is not None
    places = set().union(*(kept(entry["resource"]) for entry in found.bundle["entry"]))
    assert places & {"MRG-1", "MRG-7"} == {"MRG-1", "MRG-7"}


# those around the patient


@pytest.mark.parametrize(
    ("relation", "related"),
    [("SPO", 1), ("", 1), ("NOK", 1), ("EMR", 0), ("E", 0), ("F", 0), ("I", 0), ("S", 0)],
)
def test_a_party_is_a_contact_and_where_it_is_a_person_a_related_person(relation: str, related: int) -> None:
    found = convert_text("ADT^A01", PID, f"NK1|1|Vale^Corin|{relation}|1 Row^^Eastmere|6085550143")
    assert len(resources(found, "RelatedPerson")) == related
    (contact,) = only(found, "Patient")["contact"]
    assert contact["name"]["family"] == "Vale"
    assert contact["address"]["city"] == "Eastmere"


def test_one_person_in_several_segments_is_one_related_person() -> None:
    nk1 = "NK1|1|Vale^Corin|SPO^Spouse^HL70063"
    gt1 = placed("GT1|1||Vale^Corin", f11="SPO^Spouse^HL70063", f12="900-55-2816")
    in1 = placed("IN1|1|PPO|HG1|Heron", f16="Vale^Corin", f17="SPO^Spouse^HL70063", f36="P1")
    found = convert_text("ADT^A01", PID, PV1, nk1, gt1, in1)
    person = only(found, "RelatedPerson")
    assert only(found, "Coverage")["subscriber"] == reference(person)
    assert only(found, "Account")["guarantor"] == [{"party": reference(person)}]
    assert person["identifier"][0]["value"] == "900-55-2816"


def test_the_contact_person_of_an_organization_is_not_the_patients_relative() -> None:
    nk1 = placed("NK1|1||EMR^Employer^HL70063", f13="Eastmere Mill", f30="Roe^Ned", f31="6085550188")
    found = convert_text("ADT^A01", PID, nk1)
    mill = next(each for each in resources(found, "Organization") if each["name"] == "Eastmere Mill")
    assert mill["contact"][0]["name"]["family"] == "Roe"
    assert only(found, "Patient")["contact"][0]["organization"] == reference(mill)
    assert resources(found, "RelatedPerson") == []


def test_another_persons_name_never_joins_that_of_the_next_of_kin() -> None:
    nk1 = placed("NK1|1|Vale^Corin|SPO", f30="Roe^Ned", f31="6085550188")
    person = only(convert_text("ADT^A01", PID, nk1), "RelatedPerson")
    assert [name["family"] for name in person["name"]] == ["Vale"]
    assert "telecom" not in person
    assert kept(person) == {"NK1-30", "NK1-31"}


def test_a_relation_that_has_ended_is_not_active() -> None:
    ended = only(convert_text("ADT^A01", PID, placed("NK1|1|Vale^Corin|SPO", f9="20200101")), "RelatedPerson")
    lasts = only(convert_text("ADT^A01", PID, placed("NK1|1|Vale^Corin|SPO", f9="20300101")), "RelatedPerson")
    assert (ended["active"], lasts["active"]) == (False, True)


def test_who_cares_for_the_patient_and_what_they_wish() -> None:
    pd1 = placed("PD1|||Quay Practice^^17|9880425977^Harrowgate^Dunstan^^^^^^NPI", f6="DEAF", f7="Y", f14="St. Bride")
    found = convert_text("ADT^A01", PID, pd1)
    patient = only(found, "Patient")
    assert len(patient["generalPractitioner"]) == 2
    assert codes(extensions(patient, "patient-disability")[0]) == ["DEAF"]
    assert extensions(patient, "patient-congregation") == ["St. Bride"]
    will = only(found, "Observation")
    assert codes(will["code"]) == ["75320-2"]
    assert codes(will["valueCodeableConcept"]) == ["Y"]


def rol(action: str = "AD", role: str = "CP^Consulting^HL70443") -> str:
    """A ROL of that role."""
    return f"ROL|R1^STANNE|{action}|{role}|9880425977^Harrowgate^Dunstan^^^^^^NPI|20260310|20260320"


def test_a_role_belongs_to_what_it_follows() -> None:
    cared = convert_text("ADT^A01", PID, rol(), PV1)
    assert len(only(cared, "CareTeam")["participant"]) == 1
    primary = convert_text("ADT^A01", PID, rol(role="PP^Primary^HL70443"), PV1)
    assert only(primary, "Patient")["generalPractitioner"] == [reference(only(primary, "PractitionerRole"))]
    visit = only(convert_text("ADT^A01", PID, PV1, rol()), "Encounter")
    assert visit["participant"][0]["period"] == {"start": "2026-03-10", "end": "2026-03-20"}
    done = convert_text("ADT^A01", PID, PV1, "PR1|1||1^X^L||20260310", rol())
    assert len(only(done, "Procedure")["performer"]) == 1
    relative = convert_text("ADT^A01", PID, rol(role="SPO^Spouse^HL70063"))
    assert "SPS" in codes(only(relative, "RelatedPerson")["relationship"][0])


@pytest.mark.parametrize("action", ["D", "DE", "UN"])
def test_a_role_that_is_taken_back_is_not_carried_as_one_that_holds(action: str) -> None:
    found = convert_text("ADT^A01", PID, PV1, rol(action))
    encounter = only(found, "Encounter")
    assert "participant" not in encounter
    assert {"ROL-2", "ROL-4"} <= kept(encounter)
    assert "FHIR-141" in told(found)


def test_participations_after_the_patient_and_after_the_visit() -> None:
    person = "9880425977^Harrowgate^Dunstan^^^^^^NPI"
    alone = convert_text("ADT^A01", PID, f"PRT|P1|AD||PP^Primary^HL70912|{person}")
    assert only(alone, "Patient")["generalPractitioner"] == [reference(only(alone, "Practitioner"))]
    with_place = convert_text("ADT^A01", PID, f"PRT|P1|AD||PP^Primary^HL70912|{person}|||Quay Practice")
    assert only(with_place, "Patient")["generalPractitioner"] == [reference(only(with_place, "PractitionerRole"))]
    team = only(convert_text("ADT^A01", PID, f"PRT|P1|AD||CP^Consulting^HL70912|{person}"), "CareTeam")
    assert "CP" in codes(team["participant"][0]["role"][0])
    visit = only(convert_text("ADT^A01", PID, PV1, f"PRT|P1|AD||AT^Attending^HL70912|{person}"), "Encounter")
    assert "AT" in codes(visit["participant"][0]["type"][0])
    relative = only(convert_text("ADT^A01", PID, "PRT|P1|AD||INT^Interpreter^L|^Roe^Ned"), "RelatedPerson")
    assert relative["name"][0]["family"] == "Roe"


def test_a_preferred_way_of_contact_is_marked() -> None:
    ways = "^PRN^PH^^1^608^5550142~^NET^Internet^ned@example.org"
    prt = placed("PRT|P1|AD||INT^Interpreter^L|^Roe^Ned", f15=ways, f23="E")
    person = only(convert_text("ADT^A01", PID, prt), "RelatedPerson")
    assert [extensions(each, "iso21090-preferred") for each in person["telecom"]] == [[], [True]]


def test_the_sex_at_birth_reaches_the_patient() -> None:
    found = convert_text("ADT^A01", PID, "OBX|1|CWE|76689-9^Sex assigned at birth^LN||F^Female^HL70001||||||F")
    assert extensions(only(found, "Patient"), "us-core-birthsex") == ["F"]


@pytest.mark.parametrize("event", ["A07", "A09", "A10", "A15", "A20", "A26", "A31", "A32", "A33", "A62", "O01", ""])
def test_every_other_event_is_converted(event: str) -> None:
    assert only(convert_text(f"ADT^{event}", EVN, PID), "Patient")["birthDate"] == "1961-04-17"


def test_segments_without_a_patient_are_kept_and_nothing_fails() -> None:
    lines: list[Any] = ["PD1|1", "NK1|1|Vale^Corin", rol(), "PRT|1|AD||PP", "PV2||X", "AL1|1||P", "IAM|1||P|||A"]
    lines += ["DG1|1||A", "PR1|1||A", "IN1|1|A", "IN2|1", "IN3|1|2", "GT1|1||Vale", "ACC|2026", "DB1|1|PT", "PDA|A"]
    found = convert_text("ADT^A01", *lines)
    assert found.bundle is not None
    places = set().union(*(kept(entry["resource"]) for entry in found.bundle["entry"]))
    assert {place[:3] for place in places} >= {"NK1", "ROL", "AL1", "DG1", "IN1", "GT1"}


@pytest.mark.timeout(25)
@pytest.mark.parametrize(
    "lines",
    [
        [placed("PV1|1|I", f7="~".join(f"{number}^Roe" for number in range(8_000)))],
        [f"NK1|1|Roe^{number}|SPO" for number in range(8_000)],
        [f"ROL|1|AD|CP|{number}^Roe" for number in range(8_000)],
        [f"PID|2||{number}^^^STANNE" for number in range(8_000)],
    ],
    ids=["PV1-7", "NK1", "ROL", "PID"],
)
def test_a_message_of_many_thousands_takes_time_by_its_length_and_no_more(lines: list[str]) -> None:
    assert convert_text("ADT^A24", PID, *lines).bundle is not None
