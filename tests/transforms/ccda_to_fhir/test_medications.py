"""Medicines: what is refused is not taken, what is planned is not done; dose, times, route."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.transforms.ccda_to_fhir.conversion import code, convert_entries, extensions, only, resources

DRUG = '<code code="197361" codeSystem="2.16.840.1.113883.6.88" displayName="Amlodipine 5 MG Oral Tablet"/>'
SPAN = '<effectiveTime xsi:type="IVL_TS"><low value="20240101"/><high value="20240131"/></effectiveTime>'


def medication(
    mood: str = "INT",
    attributes: str = "",
    status: str = "active",
    times: str = SPAN,
    drug: str = DRUG,
    inner: str = "",
    more: str = "",
    root: str = "2.16.840.1.113883.10.20.22.4.16",
) -> str:
    """A medication activity; `inner` stands behind the consumable, `more` before it."""
    return f"""<substanceAdministration classCode="SBADM" moodCode="{mood}"{attributes}><templateId root="{root}"/>
<id root="1.2.3" extension="m1"/><statusCode code="{status}"/>{times}{more}<consumable><manufacturedProduct>
<manufacturedMaterial>{drug}</manufacturedMaterial></manufacturedProduct></consumable>{inner}</substanceAdministration>"""


def request(*arguments: Any, section: str = "10160-0", **options: Any) -> dict[str, Any]:
    """The MedicationRequest of one medication activity."""
    return only(convert_entries(section, medication(*arguments, **options)), "MedicationRequest")


@pytest.mark.parametrize(
    ("mood", "section", "root", "intent"),
    [
        ("EVN", "10160-0", "16", "plan"),
        ("INT", "10160-0", "16", "order"),
        ("INT", "18776-5", "42", "plan"),
        ("RQO", "18776-5", "42", "order"),
        ("PRP", "18776-5", "42", "proposal"),
    ],
)
def test_the_mood_makes_the_intent(mood: str, section: str, root: str, intent: str) -> None:
    root = f"2.16.840.1.113883.10.20.22.4.{root}"
    assert request(mood, section=section, root=root)["intent"] == intent


def test_a_negated_medication_is_not_to_be_taken() -> None:
    assert request(attributes=' negationInd="true"')["doNotPerform"] is True
    assert "doNotPerform" not in request(attributes=' negationInd="false"')


@pytest.mark.parametrize(
    ("status", "expected"),
    [("active", "active"), ("aborted", "stopped"), ("nullified", "entered-in-error"), ("", "unknown")],
)
def test_status_of_a_medication(status: str, expected: str) -> None:
    assert request(status=status)["status"] == expected


PIVL = '<effectiveTime xsi:type="PIVL_TS" operator="A"{}><period {}/></effectiveTime>'


@pytest.mark.parametrize(
    ("times", "timing"),
    [
        (SPAN, {"repeat": {"boundsPeriod": {"start": "2024-01-01", "end": "2024-01-31"}}}),
        ('<effectiveTime value="20240105"/>', {"event": ["2024-01-05"]}),
        (PIVL.format("", 'value="6" unit="h"'), {"repeat": {"period": Decimal(6), "periodUnit": "h"}}),
        (
            PIVL.format(' institutionSpecified="true"', 'value="8" unit="h"'),
            {"repeat": {"frequency": 3, "period": Decimal(1), "periodUnit": "d"}},
        ),
        (
            PIVL.format("", 'xsi:type="IVL_PQ"><low value="4" unit="h"/><high value="6" unit="h"/></period').replace(
                "/></effectiveTime>", "></effectiveTime>"
            ),
            {"repeat": {"period": Decimal(4), "periodMax": Decimal(6), "periodUnit": "h"}},
        ),
        (
            '<effectiveTime xsi:type="EIVL_TS" operator="A"><event code="ACM"/><offset value="1" unit="h"/>'
            "</effectiveTime>",
            {"repeat": {"when": ["ACM"], "offset": 60}},
        ),
    ],
)
def test_when_it_is_taken(times: str, timing: dict[str, Any]) -> None:
    (dosage,) = request(times=times)["dosageInstruction"]
    assert dosage["timing"] == timing


def test_how_much_and_how() -> None:
    more = """<routeCode code="C38288" codeSystem="2.16.840.1.113883.3.26.1.1"/><doseQuantity value="2.50" unit="mg"/>
<rateQuantity><low value="1" unit="mL/h"/><high value="2" unit="mL/h"/></rateQuantity>
<maxDoseQuantity><numerator value="10" unit="mg"/><denominator value="1" unit="d"/></maxDoseQuantity>"""
    (dosage,) = request(more=more)["dosageInstruction"]
    assert code(dosage["route"]) == "C38288"
    (amounts,) = dosage["doseAndRate"]
    assert str(amounts["doseQuantity"]["value"]) == "2.50"
    assert amounts["rateRange"]["high"]["code"] == "mL/h"
    assert dosage["maxDosePerPeriod"]["denominator"]["code"] == "d"


def test_texts_reasons_and_supplies_within() -> None:
    inner = """<entryRelationship typeCode="RSON"><observation classCode="OBS" moodCode="EVN">
<templateId root="2.16.840.1.113883.10.20.22.4.19"/><code code="404684003" codeSystem="2.16.840.1.113883.6.96"/>
<value xsi:type="CD" code="38341003" codeSystem="2.16.840.1.113883.6.96"/></observation></entryRelationship>
<entryRelationship typeCode="COMP"><substanceAdministration classCode="SBADM" moodCode="EVN">
<templateId root="2.16.840.1.113883.10.20.22.4.147"/><code code="76662-6" codeSystem="2.16.840.1.113883.6.1"/>
<text>one in the morning</text></substanceAdministration></entryRelationship>
<entryRelationship typeCode="SUBJ" inversionInd="true"><act classCode="ACT" moodCode="INT">
<templateId root="2.16.840.1.113883.10.20.22.4.20"/><code code="311401005" codeSystem="2.16.840.1.113883.6.96"/>
<text>take with food</text></act></entryRelationship>
<entryRelationship typeCode="REFR"><supply classCode="SPLY" moodCode="INT">
<templateId root="2.16.840.1.113883.10.20.22.4.17"/><statusCode code="completed"/><repeatNumber value="3"/>
<quantity value="30"/></supply></entryRelationship>
<entryRelationship typeCode="REFR"><supply classCode="SPLY" moodCode="EVN">
<templateId root="2.16.840.1.113883.10.20.22.4.18"/><id root="1.2.3" extension="d1"/><statusCode code="completed"/>
<effectiveTime value="20240102"/><quantity value="30"/><product><manufacturedProduct><manufacturedMaterial>
<code code="197361" codeSystem="2.16.840.1.113883.6.88"/></manufacturedMaterial></manufacturedProduct></product>
</supply></entryRelationship>
<precondition><criterion><value xsi:type="CD" code="56018004" codeSystem="2.16.840.1.113883.6.96"/></criterion>
</precondition>"""
    found = convert_entries("10160-0", medication(inner=inner))
    resource, dispense = only(found, "MedicationRequest"), only(found, "MedicationDispense")
    (dosage,) = resource["dosageInstruction"]
    assert code(resource["reasonCode"][0]) == "38341003"
    assert (dosage["text"], dosage["patientInstruction"]) == ("one in the morning", "take with food")
    assert code(dosage["asNeededCodeableConcept"]) == "56018004"
    assert resource["dispenseRequest"] == {"numberOfRepeatsAllowed": 2, "quantity": {"value": Decimal(30)}}
    assert dispense["authorizingPrescription"][0]["reference"].endswith(resource["id"])
    assert (dispense["status"], dispense["whenHandedOver"]) == ("completed", "2024-01-02")
    assert extensions(resource, "ccda-related")[0]["reference"].endswith(dispense["id"])


def test_more_than_a_code_makes_a_contained_medication() -> None:
    resource = request(inner='<administrationUnitCode code="C48501" codeSystem="2.16.840.1.113883.3.26.1.1"/>')
    (medicine,) = resource["contained"]
    assert resource["medicationReference"] == {"reference": f"#{medicine['id']}"}
    assert (code(medicine["code"]), code(medicine["form"])) == ("197361", "C48501")
    assert code(request()["medicationCodeableConcept"]) == "197361"


def test_a_discharge_medication_is_the_medicine_within() -> None:
    act = f"""<act classCode="ACT" moodCode="EVN"><templateId root="2.16.840.1.113883.10.20.22.4.35"/>
<code code="10183-2" codeSystem="2.16.840.1.113883.6.1"/><statusCode code="completed"/>
<entryRelationship typeCode="SUBJ">{medication()}</entryRelationship></act>"""
    found = convert_entries("10183-2", act)
    assert code(only(found, "MedicationRequest")["category"][0]) == "discharge"
    assert resources(found, "Basic") == []
