"""Health concerns and risks: what they are about."""

from __future__ import annotations

from schemas.fhir import Resource
from transforms.ccda_to_fhir.datatypes.codes import codeable_concept
from transforms.ccda_to_fhir.datatypes.times import put_time, start_of
from transforms.ccda_to_fhir.entry import put_notes, start
from transforms.ccda_to_fhir.narrative import text_of
from transforms.ccda_to_fhir.node import Node
from transforms.ccda_to_fhir.provenance import put_authors
from transforms.ccda_to_fhir.registry import ENTRY_REFERENCE, read_entry, statements, template
from transforms.ccda_to_fhir.run import Run
from transforms.ccda_to_fhir.statement import is_negated, is_planned, status_of
from transforms.ccda_to_fhir.templates.problems import CLINICAL, VERIFICATION
from transforms.elements import US_CORE, coded

CATEGORY = "http://hl7.org/fhir/us/core/CodeSystem/condition-category"
_STATUSES = {"completed": "resolved", "aborted": "inactive", "cancelled": "inactive", "suspended": "inactive"}


@template(
    "2.16.840.1.113883.10.20.22.4.132",
    "2.16.840.1.113883.10.20.22.4.136",
    sections=[("75310-3", "act")],
    codes=[("75310-3", "act"), ("281694009", "act")],
    any_mood=True,
)
def health_concern_act(act: Node, run: Run) -> list[Resource]:
    """Health Concern Act, Risk Concern Act: the problems and observations that it is about.

    One that holds nothing but its text, or that refers to entries elsewhere, is a Condition of the category health
    concern.
    """
    found: list[Resource] = []
    for link, inner in statements(act, "entryRelationship"):
        if link.attr("typeCode") in ("REFR", "COMP", "SUBJ", "") and not inner.keeps(ENTRY_REFERENCE):
            found += read_entry(inner, run)
    if found:
        act.value("code", "code")
        act.value("statusCode", "code")
        act.target = found[0]
        return found
    return [_concern(act, run)]


def _concern(act: Node, run: Run) -> Resource:
    resource = start("Condition", act, run)
    act.target = resource
    if run.options.profile == "us-core":
        resource["meta"] = {"profile": [f"{US_CORE}us-core-condition-problems-health-concerns"]}
    status = status_of(act)
    if status == "nullified":
        resource["verificationStatus"] = coded(VERIFICATION, "entered-in-error", "Entered in Error")
    elif is_negated(act):
        resource["verificationStatus"] = coded(VERIFICATION, "refuted", "Refuted")
    else:
        if is_planned(act) or act.null:
            resource["verificationStatus"] = coded(VERIFICATION, "unconfirmed", "Unconfirmed")
        code = _STATUSES.get(status, "active")
        resource["clinicalStatus"] = coded(CLINICAL, code, code.capitalize())
    resource["category"] = [coded(CATEGORY, "health-concern", "Health Concern")]
    concept = codeable_concept(act.get("code"), run) or {}
    text = text_of(act.get("text"), run)
    if text:
        concept["text"] = text
    resource["code"] = concept or {"text": "unknown"}
    put_time(resource, "recordedDate", start_of(act.get("effectiveTime")), run)
    put_notes(resource, act, run)
    put_authors(resource, act, run, "recorder", "recordedDate")
    return resource
