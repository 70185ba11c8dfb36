"""What US Core 6.1 demands beyond the guide: race, ethnicity, birth sex, and elements that must not be missing."""

from __future__ import annotations

from schemas.codes import system_uri
from schemas.fhir import Element, Resource
from transforms.elements import ALTERNATE_CODES, OWN, US_CORE, add_extension, extension, supply_patient
from transforms.v2_to_fhir.datatypes.codes import cwe_codeable_concept
from transforms.v2_to_fhir.encoded import keep_text
from transforms.v2_to_fhir.run import Run
from transforms.v2_to_fhir.source import SourceSegment, Value

CDC_RACE = "urn:oid:2.16.840.1.113883.6.238"
_OMB_RACES = {
    "1002-5": "American Indian or Alaska Native",
    "2028-9": "Asian",
    "2054-5": "Black or African American",
    "2076-8": "Native Hawaiian or Other Pacific Islander",
    "2106-3": "White",
}
_OMB_ETHNICITIES = {"2135-2": "Hispanic or Latino", "2186-5": "Not Hispanic or Latino"}
_ETHNICITY_0189 = {"H": "2135-2", "N": "2186-5"}
_BIRTH_SEXES = ("F", "M", "UNK", "ASKU", "OTH")
_NULLS = {"UNK": "Unknown", "ASKU": "Asked but no answer"}
_NULL_SYSTEM = "http://terminology.hl7.org/CodeSystem/v3-NullFlavor"


def put_race(patient: Resource, pid: SourceSegment, field: int, run: Run) -> None:
    """Put each race of PID-10 into the US Core extension, its codes of another system beside it."""
    _put_category(patient, pid[field], f"{US_CORE}us-core-race", _OMB_RACES, {}, pid.where(field), run, "0005")


def put_ethnicity(patient: Resource, pid: SourceSegment, field: int, run: Run) -> None:
    """Put the ethnic group of PID-22 into the US Core extension, codes of another system beside it."""
    url = f"{US_CORE}us-core-ethnicity"
    _put_category(patient, pid[field], url, _OMB_ETHNICITIES, _ETHNICITY_0189, pid.where(field), run, "0189")


def put_birth_sex(patient: Resource, observation: Resource) -> None:
    """Put the sex at birth, where `observation` (LOINC 76689-9) tells of it, into the US Core extension as well."""
    codes = observation.get("code", {}).get("coding", [])
    if not any(each.get("code") == "76689-9" for each in codes):
        return
    for each in observation.get("valueCodeableConcept", {}).get("coding", []):
        if each.get("code") in _BIRTH_SEXES:
            add_extension(patient, extension(f"{US_CORE}us-core-birthsex", "valueCode", each["code"]))
            return


def put_patient_profile(patient: Resource, run: Run) -> None:
    """Supply what a US Core Patient must have, by saying that it is not known."""
    if run.options.profile != "none":
        supply_patient(patient)


def claims(resource: Resource, profile: str, run: Run) -> bool:
    """Whether the site wants US Core; `resource` says then that it meets `profile`, and its map sees to it."""
    if run.options.profile == "none":
        return False
    resource["meta"] = {**resource.get("meta", {}), "profile": [f"{US_CORE}{profile}"]}
    return True


def put_organization_uses(organization: Resource) -> None:
    """Say that an organization's address or number is a home only beside it: R4 forbids it there (org-2, org-3)."""
    for element in (*organization.get("address", ()), *organization.get("telecom", ())):
        if element.get("use") == "home":
            del element["use"]
            beside = element.setdefault("_use", {})
            add_extension(beside, extension(ALTERNATE_CODES, "valueCodeableConcept", {"coding": [{"code": "home"}]}))


def _put_category(
    patient: Resource,
    values: list[Value],
    url: str,
    categories: dict[str, str],
    old: dict[str, str],
    where: str,
    run: Run,
    table: str,
) -> None:
    inner: list[Element] = []
    texts: list[str] = []
    for value in values:
        concept = cwe_codeable_concept(value, run, where, "", table)
        if concept is None:
            continue
        found = _category(concept, categories, old)
        if found is None:
            add_extension(patient, extension(f"{OWN}{url.rpartition('-')[2]}", "valueCodeableConcept", concept))
            continue
        coding = found["valueCoding"]
        if value.wire != _usual(coding, table):
            keep_text(coding, value.wire, run)
        inner.append(found)
        texts.append(concept.get("text") or found["valueCoding"].get("display") or found["valueCoding"]["code"])
    if inner:
        inner.append(extension("text", "valueString", ", ".join(dict.fromkeys(texts))))
        add_extension(patient, {"url": url, "extension": inner})


def _usual(coding: Element, table: str) -> str:
    """What the way back writes for a category."""
    code = {"2135-2": "H", "2186-5": "N"}.get(coding["code"], coding["code"])
    return f"{code}^{coding.get('display', '')}^{'NULLFL' if coding['system'] == _NULL_SYSTEM else f'HL7{table}'}"


def _category(concept: Element, categories: dict[str, str], old: dict[str, str]) -> Element | None:
    for each in concept.get("coding", []):
        code = old.get(each["code"], each["code"])
        if code in categories:
            display = each.get("display") if code == each["code"] else None
            coding = {"system": CDC_RACE, "code": code, "display": display or categories[code]}
            return extension("ombCategory", "valueCoding", coding)
        if each["code"] in _NULLS:
            coding = {"system": _NULL_SYSTEM, "code": each["code"], "display": _NULLS[each["code"]]}
            return extension("ombCategory", "valueCoding", coding)
        if each.get("system") in (CDC_RACE, system_uri("CDCREC")):
            return extension("detailed", "valueCoding", {**each, "system": CDC_RACE})
    return None
