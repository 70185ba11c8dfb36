"""The sections of C-CDA R2.1: their templates, codes and titles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

_S = "2.16.840.1.113883.10.20.22.2."
_E = "2.16.840.1.113883.10.20.22.4."
_IHE = "1.3.6.1.4.1.19376.1.5.3.1."


class Kind(NamedTuple):
    """A kind of section; `templates` the roots and extensions of its templates, `translation` a second LOINC code."""

    key: str
    code: str
    title: str
    templates: tuple[tuple[str, str], ...]
    nothing: str = "No information."
    """What a reader is told where there is nothing."""
    translation: str = ""
    entries: tuple[str, ...] = ()
    """The entry templates of which the section must have one, or say that there is nothing."""
    only: str = ""
    """The entry template that each of its entries must keep."""


def _both(number: str, extension: str) -> tuple[tuple[str, str], ...]:
    """A section with entries optional and required: a document that has the one may say that it has the other."""
    return ((f"{_S}{number}", extension), (f"{_S}{number}.1", extension))


KINDS: Mapping[str, Kind] = {
    each.key: each
    for each in (
        Kind("allergies", "48765-2", "Allergies and Intolerances", _both("6", "2015-08-01"), entries=(f"{_E}30",)),
        Kind(
            "medications",
            "10160-0",
            "Medications",
            _both("1", "2014-06-09"),
            entries=(f"{_E}16",),
        ),
        Kind("problems", "11450-4", "Problems", _both("5", "2015-08-01"), entries=(f"{_E}3",)),
        Kind(
            "procedures",
            "47519-4",
            "Procedures",
            _both("7", "2014-06-09"),
            entries=(
                f"{_E}12",
                f"{_E}13",
                f"{_E}14",
            ),
        ),
        Kind("results", "30954-2", "Results", _both("3", "2015-08-01"), entries=(f"{_E}1",)),
        Kind("vitals", "8716-3", "Vital Signs", _both("4", "2015-08-01"), entries=(f"{_E}26",)),
        Kind("immunizations", "11369-6", "Immunizations", _both("2", "2015-08-01"), entries=(f"{_E}52",)),
        Kind("encounters", "46240-8", "Encounters", _both("22", "2015-08-01"), entries=(f"{_E}49",)),
        Kind("social", "29762-2", "Social History", ((f"{_S}17", "2015-08-01"),)),
        Kind("plan", "18776-5", "Plan of Treatment", ((f"{_S}10", "2014-06-09"),)),
        Kind("goals", "61146-7", "Goals", ((f"{_S}60", ""),), entries=(f"{_E}121",)),
        Kind("concerns", "75310-3", "Health Concerns", ((f"{_S}58", "2015-08-01"),), entries=(f"{_E}132",)),
        Kind("interventions", "62387-6", "Interventions", (("2.16.840.1.113883.10.20.21.2.3", "2015-08-01"),)),
        Kind("outcomes", "11383-7", "Health Status and Outcomes", ((f"{_S}61", ""),), entries=(f"{_E}144",)),
        Kind("team", "85847-2", "Care Team", ((f"{_S}500", "2019-07-01"),)),
        Kind("payers", "48768-6", "Payers", ((f"{_S}18", "2015-08-01"),)),
        Kind("equipment", "46264-8", "Medical Equipment", ((f"{_S}23", "2014-06-09"),)),
        Kind("family", "10157-6", "Family History", ((f"{_S}15", "2015-08-01"),)),
        Kind("functional", "47420-5", "Functional Status", ((f"{_S}14", "2014-06-09"),)),
        Kind("mental", "10190-7", "Mental Status", ((f"{_S}56", "2015-08-01"),)),
        Kind(
            "directives",
            "42348-3",
            "Advance Directives",
            _both("21", "2015-08-01"),
            entries=(
                f"{_E}48",
                f"{_E}108",
            ),
        ),
        Kind("nutrition", "61144-2", "Nutrition", ((f"{_S}57", ""),), only=f"{_E}124"),
        Kind("referral", "42349-1", "Reason for Referral", ((f"{_IHE}3.1", "2014-06-09"),)),
        Kind("course", "8648-8", "Hospital Course", ((f"{_IHE}3.5", ""),)),
        Kind("assessment", "51848-0", "Assessments", ((f"{_S}8", ""),)),
        Kind("assessment_plan", "51847-2", "Assessment and Plan", ((f"{_S}9", "2014-06-09"),)),
        Kind(
            "discharge_diagnosis",
            "11535-2",
            "Discharge Diagnosis",
            ((f"{_S}24", "2015-08-01"),),
            translation="78375-3",
            only=f"{_E}33",
        ),
        Kind(
            "discharge_medications",
            "10183-2",
            "Discharge Medications",
            _both("11", "2015-08-01"),
            translation="75311-1",
            entries=(f"{_E}35",),
        ),
        Kind(
            "admission_diagnosis",
            "46241-6",
            "Admission Diagnosis",
            ((f"{_S}43", "2015-08-01"),),
            translation="42347-5",
            only=f"{_E}34",
        ),
        Kind(
            "admission_medications",
            "42346-7",
            "Admission Medications",
            ((f"{_S}44", "2015-08-01"),),
            only=f"{_E}36",
        ),
        Kind("administered", "29549-3", "Medications Administered", ((f"{_S}38", "2014-06-09"),)),
        Kind("chief_complaint", "10154-3", "Chief Complaint", ((f"{_IHE}1.13.2.1", ""),)),
        Kind("reason_for_visit", "29299-5", "Reason for Visit", ((f"{_S}12", ""),)),
        Kind("complaint_and_reason", "46239-0", "Chief Complaint and Reason for Visit", ((f"{_S}13", ""),)),
        Kind("present_illness", "10164-2", "History of Present Illness", ((f"{_IHE}3.4", ""),)),
        Kind("past_illness", "11348-0", "Past Medical History", ((f"{_S}20", "2015-08-01"),)),
        Kind("physical_exam", "29545-1", "Physical Examination", (("2.16.840.1.113883.10.20.2.10", "2015-08-01"),)),
        Kind("general_status", "10210-3", "General Status", (("2.16.840.1.113883.10.20.2.5", ""),)),
        Kind("review", "10187-3", "Review of Systems", ((f"{_IHE}3.18", ""),)),
        Kind("instructions", "69730-0", "Instructions", ((f"{_S}45", "2014-06-09"),), entries=(f"{_E}20",)),
        Kind("discharge_instructions", "8653-8", "Hospital Discharge Instructions", ((f"{_S}41", ""),)),
        Kind("consultations", "18841-7", "Hospital Consultations", ((f"{_S}42", ""),)),
        Kind("notes", "34109-9", "Notes", ((f"{_S}65", "2016-11-01"),)),
    )
}
"""Every kind of section by its key, in the order in which a document has them that was not composed otherwise."""

BY_CODE: Mapping[str, Kind] = {kind.code: kind for kind in KINDS.values()}
"""Every kind by its LOINC code."""
