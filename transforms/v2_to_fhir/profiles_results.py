"""What US Core 6.1 demands of results: their category, and elements that must not be missing."""

from __future__ import annotations

from schemas.fhir import Element, Resource
from transforms.elements import US_CORE, absent, append, coded
from transforms.v2_to_fhir.datatypes.quantities import UCUM
from transforms.v2_to_fhir.run import Run
from transforms.v2_to_fhir.source import SourceSegment

CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
SECTION = "http://terminology.hl7.org/CodeSystem/v2-0074"
LOINC = "http://loinc.org"
LABORATORY = "laboratory"
IMAGING = "imaging"
_DISPLAYS = {LABORATORY: "Laboratory", IMAGING: "Imaging", "procedure": "Procedure", "vital-signs": "Vital Signs"}
_CATEGORIES: dict[str, Element] = {name: coded(CATEGORY, name, display) for name, display in _DISPLAYS.items()}
OBSERVATION_TYPE = "http://terminology.hl7.org/CodeSystem/v2-0936"
_LABORATORY_SECTIONS = frozenset(
    ("BG", "BLB", "CG", "CH", "CP", "HM", "IMM", "LAB", "MB", "MCB", "MYC", "OTH", "PAT", "PTH", "SP", "SR", "TX")
)
_IMAGING_SECTIONS = frozenset(("CT", "CTH", "CUS", "IMG", "MRI", "NMR", "NMS", "OUS", "RAD", "RUS", "RX", "VUS", "XRC"))
_CARDIOLOGY_SECTIONS = frozenset(("CTH", "CUS", "EC"))
_LAB = coded(SECTION, "LAB", "Laboratory")
_RADIOLOGY = coded(LOINC, "LP29684-5", "Radiology")
_CARDIOLOGY = coded(LOINC, "LP29708-2", "Cardiology")
_VITAL_SIGNS = {
    "2708-6": "oxygen saturation",
    "59408-5": "oxygen saturation by pulse oximetry",
    "3150-6": "inhaled oxygen concentration",
    "3151-8": "inhaled oxygen flow",
    "8310-5": "temperature",
    "8302-2": "height",
    "8306-3": "lying height",
    "8287-5": "head circumference by tape measure",
    "9843-4": "head circumference",
    "29463-7": "weight",
    "39156-5": "body mass index",
    "59576-9": "body mass index percentile",
    "8289-1": "head circumference percentile",
    "77606-2": "weight for length percentile",
    "85353-1": "vital signs panel",
    "85354-9": "blood pressure panel",
    "8480-6": "systolic blood pressure",
    "8462-4": "diastolic blood pressure",
    "8867-4": "heart rate",
    "9279-1": "respiratory rate",
}
"""The LOINC codes that US Core 6.1's vital signs profiles fix."""
_ISSUED = ("partial", "preliminary", "final", "amended", "corrected", "appended")


def section_category(section: str) -> str:
    """The category of results of a diagnostic service section (OBR-24, table 0074)."""
    if section in _IMAGING_SECTIONS:
        return IMAGING
    return LABORATORY if section in _LABORATORY_SECTIONS else "procedure"


def put_category(observation: Resource, obx: SourceSegment, run: Run) -> None:
    """Put the categories of an Observation: OBX-29, vital signs by code, else what the open report's results are."""
    codes = [each.get("code") for each in observation["code"].get("coding", []) if each.get("system") == LOINC]
    name = "vital-signs" if any(code in _VITAL_SIGNS for code in codes) else run.section
    if name:
        append(observation, "category", _CATEGORIES[name])
    kind = obx.text(29)
    if kind:
        append(observation, "category", coded(OBSERVATION_TYPE, kind))


def is_vital_sign(code: str) -> bool:
    """Whether a LOINC code is that of a vital sign."""
    return code in _VITAL_SIGNS


def put_report_category(report: Resource, run: Run, section: str) -> None:
    """Put the category that US Core wants beside that of OBR-24, `section`: laboratory, radiology, cardiology."""
    if run.options.profile == "none":
        return
    if run.section == LABORATORY and section != "LAB":
        append(report, "category", _LAB)
    if section in _CARDIOLOGY_SECTIONS:
        append(report, "category", _CARDIOLOGY)
    elif run.section == IMAGING:
        append(report, "category", _RADIOLOGY)


def put_observation_profile(observation: Resource, run: Run) -> None:
    """Supply what US Core wants of an Observation, and say so in its profile where it is a laboratory result."""
    if run.options.profile == "none" or "category" not in observation:
        return
    categories = observation["category"]
    if _CATEGORIES["vital-signs"] in categories and not _has_time(observation):
        observation["_effectiveDateTime"] = absent("unknown")
    if _CATEGORIES[LABORATORY] in categories and "subject" in observation and _is_in_ucum(observation):
        observation["meta"] = {"profile": [f"{US_CORE}us-core-observation-lab"]}


def put_report_profile(report: Resource, run: Run) -> None:
    """Supply what US Core wants of a DiagnosticReport, and say so where it is one of a laboratory or a note."""
    if run.options.profile == "none" or "subject" not in report:
        return
    if report["status"] in _ISSUED:
        if not _has_time(report):
            report["_effectiveDateTime"] = absent("unknown")
        if "issued" not in report and "_issued" not in report:
            report["_issued"] = absent("unknown")
    categories = report.get("category", [])
    name = "lab" if _LAB in categories or _is_laboratory(categories) else ""
    if not name and (_RADIOLOGY in categories or _CARDIOLOGY in categories):
        name = "note"
    if name:
        report.setdefault("meta", {})["profile"] = [f"{US_CORE}us-core-diagnosticreport-{name}"]


def _is_laboratory(categories: list[Element]) -> bool:
    return any(each.get("code") == "LAB" for kind in categories for each in kind.get("coding", []))


def _has_time(resource: Resource) -> bool:
    return any(name in resource for name in ("effectiveDateTime", "_effectiveDateTime", "effectivePeriod"))


def _is_in_ucum(observation: Resource) -> bool:
    return all(
        each.get("valueQuantity", {}).get("system", UCUM) == UCUM
        for each in (observation, *observation.get("component", []))
    )
