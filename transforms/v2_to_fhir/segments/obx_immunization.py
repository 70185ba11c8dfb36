"""OBX behind an RXA: what belongs to the Immunization itself (CDC's guide 1.5), and forecasts of the next doses."""

from __future__ import annotations

from schemas.fhir import Element, Resource
from transforms.elements import OWN, absent, add_extension, append, extension, put
from transforms.v2_to_fhir.datatypes.annotations import lines
from transforms.v2_to_fhir.datatypes.codes import cwe_codeable_concept, cwe_string
from transforms.v2_to_fhir.datatypes.times import put_date_time, put_field_time
from transforms.v2_to_fhir.run import Run
from transforms.v2_to_fhir.segments.msh import recorded
from transforms.v2_to_fhir.segments.orc_medication import put_subject
from transforms.v2_to_fhir.source import SourceSegment

ELIGIBILITY, FUNDING = "64994-7", "30963-3"
DOCUMENT_TYPE, VACCINE_TYPE, PUBLISHED, PRESENTED = "69764-9", "30956-7", "29768-9", "29769-7"
DOSE_NUMBER, DOSES, SERIES, STATUS, SCHEDULE, REASON = "30973-2", "59782-3", "59780-7", "59783-1", "59779-9", "30982-3"
NOTE, INDICATION, REACTION = "48767-8", "59785-6", "31044-1"
NEXT_VACCINE = "30979-9"
_VIS = (DOCUMENT_TYPE, VACCINE_TYPE, PUBLISHED, PRESENTED)
_CRITERIA = ("30980-7", "30981-5", "59777-3", "59778-1")
"""When a vaccine is due, and the earliest, latest and overdue date to give it."""
_FORECAST = (NEXT_VACCINE, VACCINE_TYPE, DOSE_NUMBER, DOSES, SERIES, STATUS, SCHEDULE, REASON, *_CRITERIA)
_STATEMENT = "Vaccine Information Statement"
_LOINC = "http://loinc.org"


def obx_immunization(obx: SourceSegment, run: Run, immunization: Resource) -> bool:
    """Put what an OBX says of the immunization into it; False where it is an observation of its own.

    The parts of one statement that the patient was given share their OBX-4.
    """
    code = _code(obx)
    if obx.raw(11) in ("D", "W", "X") or not obx.has(5):
        return False
    where = obx.where(5)
    match code:
        case "64994-7":
            append(immunization, "programEligibility", cwe_codeable_concept(obx.first(5), run, where, table="0064"))
        case "30963-3":
            if "fundingSource" in immunization:
                return False
            put(immunization, "fundingSource", cwe_codeable_concept(obx.first(5), run, where))
        case "48767-8":
            append(immunization, "note", {"text": lines(obx[5])})
        case "59785-6":
            append(immunization, "reasonCode", cwe_codeable_concept(obx.first(5), run, where))
        case "30973-2":
            number = obx.text(5)
            key = "doseNumberPositiveInt" if number.isdecimal() and int(number) > 0 else "doseNumberString"
            append(immunization, "protocolApplied", {key: int(number) if key.endswith("Int") else number})
        case _ if code in _VIS:
            _put_education(immunization, obx, code, run)
        case _:
            return False
    _mark(obx)
    return True


def obx_immunization_recommendation(obx: SourceSegment, run: Run, forecast: Resource) -> bool:
    """Put what an OBX says of the next doses into a forecast, the parts of one by OBX-4; False where it is none."""
    code = _code(obx)
    if code not in _FORECAST or obx.raw(11) in ("D", "W", "X") or not obx.has(5):
        return False
    each = _recommendation(forecast, obx)
    where = obx.where(5)
    match code:
        case "30979-9" | "30956-7":
            append(each, "vaccineCode", cwe_codeable_concept(obx.first(5), run, where))
        case "59783-1":
            put(each, "forecastStatus", cwe_codeable_concept(obx.first(5), run, where))
        case "30982-3":
            append(each, "forecastReason", cwe_codeable_concept(obx.first(5), run, where))
        case "59779-9":
            put(each, "description", cwe_string(obx.first(5)))
        case "59780-7":
            put(each, "series", cwe_string(obx.first(5)))
        case "30973-2":
            _put_number(each, "doseNumber", obx.text(5))
        case "59782-3":
            _put_number(each, "seriesDoses", obx.text(5))
        case _:
            criterion: Element = {"code": {"coding": [{"system": _LOINC, "code": code}]}}
            put_date_time(criterion, "value", obx.text(5), run, where)
            append(each, "dateCriterion", criterion)
    _mark(obx)
    return True


def new_forecast(run: Run, rxa: SourceSegment) -> Resource:
    """The ImmunizationRecommendation of an RXA that says that no vaccine was given."""
    owner = run.patient["id"] if run.patient is not None else ""
    forecast = run.add("ImmunizationRecommendation", run.sender, run.control_id, owner, rxa.where())
    put_subject(forecast, "patient", run)
    put_field_time(forecast, "date", rxa, 3, run)
    if "date" not in forecast:
        forecast["date"] = recorded(run)
    return forecast


def settle_forecast(forecast: Resource) -> None:
    """Give a forecast what R4 demands: a status of each recommendation, and what is recommended."""
    groups: dict[str, Element] = forecast.pop("_groups", {})
    recommendations = list(groups.values()) or [{"vaccineCode": [{"text": "no vaccine"}]}]
    for each in recommendations:
        each.setdefault("forecastStatus", absent("unknown"))
        if "vaccineCode" not in each:
            each["vaccineCode"] = [{"text": "unknown"}]
    forecast["recommendation"] = recommendations


def _recommendation(forecast: Resource, obx: SourceSegment) -> Element:
    groups: dict[str, Element] = forecast.setdefault("_groups", {})
    return groups.setdefault(obx.raw(4), {})


def _put_education(immunization: Resource, obx: SourceSegment, code: str, run: Run) -> None:
    """The statement of OBX-4: its type, when it was published, when it was given to the patient."""
    held = immunization.setdefault("education", [])
    group = obx.raw(4)
    element = next((each for each in held if each.get("id") == _group_id(group)), None)
    if element is None:
        element = {"id": _group_id(group), "documentType": _STATEMENT}
        held.append(element)
    match code:
        case "69764-9":
            element["documentType"] = cwe_string(obx.first(5)) or _STATEMENT
            _keep_concept(element, "vis-document-type", obx, run)
        case "30956-7":
            if element["documentType"] == _STATEMENT:
                element["documentType"] = cwe_string(obx.first(5)) or _STATEMENT
            _keep_concept(element, "vis-vaccine-type", obx, run)
        case "29768-9":
            put_date_time(element, "publicationDate", obx.text(5), run, obx.where(5))
        case _:
            put_date_time(element, "presentationDate", obx.text(5), run, obx.where(5))


def _keep_concept(element: Element, name: str, obx: SourceSegment, run: Run) -> None:
    concept = cwe_codeable_concept(obx.first(5), run, obx.where(5))
    if concept is not None and "coding" in concept:
        add_extension(element, extension(f"{OWN}{name}", "valueCodeableConcept", concept))


def _group_id(group: str) -> str:
    """OBX-4 as an id of an element, which tells the statements apart."""
    return f"obx-4-{group}" if group.isalnum() and group.isascii() else "obx-4"


def _put_number(element: Element, name: str, text: str) -> None:
    if text.isascii() and text.isdecimal() and int(text[:9]) > 0:
        element[f"{name}PositiveInt"] = int(text[:9])
    else:
        element[f"{name}String"] = text


def _code(obx: SourceSegment) -> str:
    """The LOINC code of OBX-3."""
    code = obx.first(3)
    if code is None:
        return ""
    return code.peek(1) if code.peek(3) in ("LN", "") else code.peek(4)


def _mark(obx: SourceSegment) -> None:
    """Mark as read what the element that it went into says: what is told of, of which group, and that it is final."""
    code = obx.first(3)
    if code is not None:
        code.shown()
    obx.text(4)
    if obx.raw(11) == "F":
        obx.text(11)
