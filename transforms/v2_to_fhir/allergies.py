"""What AL1 and IAM share: an allergy, or the statement that there is none."""

from __future__ import annotations

import re

from schemas.codes import concept_map
from schemas.fhir import Element, Resource
from transforms.elements import ALTERNATE_CODES, coded, extension, put, unknown_concept
from transforms.v2_to_fhir.datatypes.codes import cwe_codeable_concept
from transforms.v2_to_fhir.profiles import claims
from transforms.v2_to_fhir.run import Run
from transforms.v2_to_fhir.source import SourceSegment, Value

SNOMED = "http://snomed.info/sct"
CLINICAL = "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical"
VERIFICATION = "http://terminology.hl7.org/CodeSystem/allergyintolerance-verification"
_NONE_KNOWN = {
    "716186003": "No known allergy",
    "409137002": "No known drug allergy",
    "429625007": "No known food allergy",
    "428607008": "No known environmental allergy",
    "1003774007": "No known latex allergy",
}
"""The codes of SNOMED CT that say that no allergy is known."""
_NONE_KNOWN_TEXTS = {
    "nka": "716186003",
    "noallergies": "716186003",
    "none": "716186003",
    "noneknown": "716186003",
    "nkda": "409137002",
    "nkfa": "429625007",
}
_KINDS = (
    (("drug", "medic"), "409137002"),
    (("food",), "429625007"),
    (("environ",), "428607008"),
    (("latex",), "1003774007"),
)
"""The words that tell of which kind nothing is known, in a text that begins `no known`."""
_EXCEPTIONS = ("except", "otherthan", "but")
_NOT_A_LETTER = re.compile(r"[^a-z]+")


def allergy(segment: SourceSegment, run: Run, patient: Resource, *key: str) -> Resource:
    """The AllergyIntolerance of field 3 of AL1 or IAM, with what both say in fields 2 to 5.

    That no allergy is known is carried as such: as the code of SNOMED CT that says so, beside the sender's. `key`
    identifies it, else the patient and the allergen do.
    """
    allergen = segment.first(3)
    concept = cwe_codeable_concept(allergen, run, segment.where(3)) or {}
    none_known = _none_known(concept)
    if none_known:
        _put_none_known(concept, none_known)
    resource = run.add("AllergyIntolerance", patient["id"], *(key or _key(concept, run)))
    claims(resource, "us-core-allergyintolerance", run)
    resource["clinicalStatus"] = coded(CLINICAL, "active")
    _put_category(resource, segment.first(2), run, segment.where(2), bool(none_known))
    resource["code"] = concept or unknown_concept()
    resource["patient"] = run.refer(patient)
    if run.encounter is not None:
        resource["encounter"] = run.refer(run.encounter)
    if not none_known:
        _put_severity(resource, segment.first(4), run, segment.where(4))
        _put_reaction(resource, segment, run)
    return resource


def take_back(resource: Resource) -> None:
    """Say that an allergy was entered in error: it has no clinical status then (R4, ait-2)."""
    resource.pop("clinicalStatus", None)
    resource["verificationStatus"] = coded(VERIFICATION, "entered-in-error")


def _none_known(concept: Element) -> str:
    """The code of SNOMED CT that says what kind of allergy is not known, "" where the concept is an allergen."""
    texts = [concept.get("text", "")]
    for each in concept.get("coding", []):
        if each["code"] in _NONE_KNOWN:
            code: str = each["code"]
            return code
        texts += [each["code"], each.get("display", "")]
    for text in texts:
        letters = _NOT_A_LETTER.sub("", text.lower())
        found = _NONE_KNOWN_TEXTS.get(letters)
        if found is not None:
            return found
        if letters.startswith("noknown") and not any(word in letters for word in _EXCEPTIONS):
            return next((code for words, code in _KINDS if any(word in letters for word in words)), "716186003")
    return ""


def _put_none_known(concept: Element, code: str) -> None:
    codings = concept.setdefault("coding", [])
    if not any(each["code"] == code for each in codings):
        codings.insert(0, {"system": SNOMED, "code": code, "display": _NONE_KNOWN[code]})


def _key(concept: Element, run: Run) -> tuple[str, ...]:
    for each in concept.get("coding", []):
        return (each.get("system", ""), each["code"])
    text = concept.get("text", "")
    return ("text", text.casefold()) if text else (run.control_id, str(run.count("allergy")))


def _put_category(resource: Resource, kind: Value | None, run: Run, where: str, none_known: bool) -> None:
    concept = cwe_codeable_concept(kind, run, where, table="0127")
    if kind is None or concept is None:
        return
    code = kind[1] or kind[4]
    found = concept_map("AllergyType").code(code)
    if found and not none_known:
        resource["type"] = found
    category = _code(code, "AllergenType[AllergyIntoleranceCategory]", "0127", run, where)
    if category:
        resource["category"] = [category]
    resource["_category"] = [{"extension": [extension(ALTERNATE_CODES, "valueCodeableConcept", concept)]}]


def _put_severity(resource: Resource, severity: Value | None, run: Run, where: str) -> None:
    """The severity of an allergy is how bad the next reaction may be: its criticality."""
    concept = cwe_codeable_concept(severity, run, where, table="0128")
    if severity is None or concept is None:
        return
    code = severity[1] or severity[4]
    put(resource, "criticality", _code(code, "AllergySeverity[AllergyIntolerance.criticality]", "0128", run, where))
    resource["_criticality"] = {"extension": [extension(ALTERNATE_CODES, "valueCodeableConcept", concept)]}


def _code(code: str, codes: str, table: str, run: Run, where: str) -> str:
    """What the site's map or the guide's gives for a code, "" with a finding where neither has it."""
    own = run.own_code(code, f"HL7{table}")
    found = own.code if own is not None else concept_map(codes).code(code)
    if code and not found:
        run.report_code(where, code, codes)
    return found


def _put_reaction(resource: Resource, segment: SourceSegment, run: Run) -> None:
    manifestations: list[Element] = []
    for value in segment[5]:
        concept = cwe_codeable_concept(value, run, segment.where(5)) if value.has(2) else {"text": value[1]}
        if concept and concept not in manifestations:
            manifestations.append(concept)
    if manifestations:
        put(resource, "reaction", [{"manifestation": manifestations}])
