"""AllergyIntolerance to the Allergy Concern Act (4.30) and the observation within it (4.7)."""

from __future__ import annotations

from schemas.finding import Severity
from transforms.fhir_node import EMPTY, Node
from transforms.fhir_to_ccda.datatypes.codes import (
    ACT_CODE,
    LOINC,
    SNOMED,
    SNOMED_URI,
    cd_of,
    code_in,
    coded,
    has_code,
    shown,
)
from transforms.fhir_to_ccda.datatypes.ids import ids_of
from transforms.fhir_to_ccda.datatypes.times import low_high, ts_text
from transforms.fhir_to_ccda.element import Element, make, null
from transforms.fhir_to_ccda.entries.common import (
    T,
    authors,
    comments,
    observation,
    references,
    related,
    severity,
    status,
    status_observation,
    text_reference,
    told_time,
)
from transforms.fhir_to_ccda.entries.concern import concern
from transforms.fhir_to_ccda.entries.problems import begin_of
from transforms.fhir_to_ccda.narrative import Row
from transforms.fhir_to_ccda.parties import assigned, party_of
from transforms.fhir_to_ccda.registry import entry
from transforms.fhir_to_ccda.run import CHANGED, Run

CONCERN = (f"{T}30", "2015-08-01")
OBSERVATION = (f"{T}7", "2014-06-09")
REACTION = (f"{T}9", "2014-06-09")
STATUS = (f"{T}28", "2019-06-20")
CRITICALITY = (f"{T}145", "")

RISK = "http://hl7.org/fhir/StructureDefinition/allergyintolerance-substanceExposureRisk"
ABATEMENT = "http://hl7.org/fhir/StructureDefinition/allergyintolerance-abatement"

_DRUG, _FOOD, _SUBSTANCE = ("416098002", "Allergy to drug"), ("414285001", "Allergy to food"), ("419199007", "Allergy")
_TYPES = {
    ("allergy", "medication"): _DRUG,
    ("allergy", "food"): _FOOD,
    ("allergy", "environment"): _SUBSTANCE,
    ("allergy", "biologic"): _SUBSTANCE,
    ("allergy", ""): _SUBSTANCE,
    ("intolerance", "medication"): ("59037007", "Intolerance to drug"),
    ("intolerance", "food"): ("235719002", "Intolerance to food"),
    ("intolerance", "environment"): ("418038007", "Propensity to adverse reactions to substance"),
    ("intolerance", "biologic"): ("418038007", "Propensity to adverse reactions to substance"),
    ("", "medication"): ("419511003", "Propensity to adverse reactions to drug"),
    ("", "food"): ("418471000", "Propensity to adverse reactions to food"),
    ("", "environment"): ("418038007", "Propensity to adverse reactions to substance"),
    ("", "biologic"): ("418038007", "Propensity to adverse reactions to substance"),
}
"""FHIR's type and category as an Allergy and Intolerance Type (HL7's guide, FC-AllergyIntoleranceType and Category)."""
_ANY = ("420134006", "Propensity to adverse reactions")

NONE_KNOWN = {
    "716186003": ("419199007", "Allergy to substance"),
    "409137002": ("416098002", "Allergy to drug"),
    "429625007": ("414285001", "Allergy to food"),
    "428607008": ("426232007", "Environmental allergy"),
    "160244002": ("419199007", "Allergy to substance"),
}
"""That nothing of a kind is known, as the kind that is denied (HL7's guide, FC-NoKnownAllergies)."""

_CRITICALITIES = {
    "low": ("CRITL", "low criticality"),
    "high": ("CRITH", "high criticality"),
    "unable-to-assess": ("CRITU", "unable to assess criticality"),
}
_CRITICALITY_SYSTEM = "2.16.840.1.113883.5.1063"


@entry("AllergyIntolerance", home="allergies")
def allergy(resource: Node, row: Row, run: Run) -> Element | None:
    """The concern act of an AllergyIntolerance; None of one entered in error, or whose denial is itself refuted."""
    refuted = _verification(resource) == "refuted"
    risk = resource.extension(RISK)
    denied = risk.extension("exposureRisk").one("valueCodeableConcept")
    is_denied = bool(risk) and "no-known-reaction-risk" in {each.peek("code") for each in denied.all("coding")}
    none_known = _none_known(resource.one("code"))
    if refuted and (none_known or is_denied):
        run.leave(resource, "this refutes that nothing is known; a document has no way to say so")
        return None
    run.mark(resource)
    clinical = code_in(
        resource.one("clinicalStatus"), "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical"
    )
    inner = _observation(resource, row, run, clinical, none_known=none_known, negated=refuted or is_denied)
    code = coded("code", "CONC", "2.16.840.1.113883.5.6", "Concern")
    return concern(resource, inner, CONCERN, code, run, over=clinical in ("inactive", "resolved"))


def _observation(
    resource: Node, row: Row, run: Run, clinical: str, *, none_known: tuple[str, str] | None, negated: bool
) -> Element:
    made = observation(OBSERVATION, negated=negated or none_known is not None)
    made.extend(ids_of(resource, run))
    made.append(coded("code", "ASSERTION", ACT_CODE))
    made.append(text_reference(row))
    made.append(status())
    low = begin_of(resource, run)
    if not low:
        low = next((time for each in resource.all("reaction") if (time := ts_text(each, "onset", run))), "")
    made.append(low_high(low, ts_text(resource.extension(ABATEMENT), "valueDateTime", run)))
    made.append(_value(resource, none_known))
    made.extend(authors(resource, run, ("recorder", "recordedDate")))
    if resource.one("asserter"):
        made.append(make("informant", assigned(party_of(resource.one("asserter"), run), run)))
    made.append(_substance(resource, row, run, none_known=none_known, negated=negated))
    _relate(made, resource, row, run, clinical)
    if not negated and none_known is None:
        _put_harm(made, resource, row, run)
    return made


def _value(resource: Node, none_known: tuple[str, str] | None) -> Element:
    if none_known is not None:
        resource.pass_over("type", "category")
        return coded("value", none_known[0], SNOMED, none_known[1], "CD")
    categories = resource.texts("category")
    found = _TYPES.get((resource.text("type"), categories[0] if categories else ""), _ANY)
    return coded("value", found[0], SNOMED, found[1], "CD")


def _substance(resource: Node, row: Row, run: Run, *, none_known: tuple[str, str] | None, negated: bool) -> Element:
    concept = resource.one("code")
    risk = resource.extension(RISK).extension("substance").one("valueCodeableConcept")
    if risk:
        resource.extension(RISK).pass_over("extension")
        concept.pass_over(*concept.names())
        concept = risk
    if none_known is not None:
        concept.pass_over(*[name for name in concept.names() if name != "text"])
        row.tell("Substance", shown(concept))
        code = null("code", "NA")
        if concept.text("text"):
            code.append(make("originalText", text=concept.text("text")))
    else:
        row.tell("Substance", ("not allergic: " if negated else "") + shown(concept))
        if not concept:
            run.gap(f"{resource.path}.code", "what the allergy is to")
        code = cd_of(concept, run)
    entity = make("playingEntity", code, classCode="MMAT")
    return make("participant", make("participantRole", entity, classCode="MANU"), typeCode="CSM")


def _relate(made: Element, resource: Node, row: Row, run: Run, clinical: str) -> None:
    state = status_observation(clinical, STATUS, "CE")
    if state is not None:
        row.tell("Status", clinical)
        made.append(related("SUBJ", state, inverted=True))
    row.tell("Since", told_time(resource, "onset"))
    verification = _verification(resource)
    if verification in ("unconfirmed", "presumed"):
        row.tell("Verification", verification)
        what = "that this is not confirmed is told in the narrative alone"
        run.tell(CHANGED, f"{resource.path}.verificationStatus", what, "", Severity.INFORMATION)
    resource.one("verificationStatus").pass_over(*resource.one("verificationStatus").names())
    made.extend(comments(resource, row, run))
    made.extend(references(resource, run, "encounter"))


def _put_harm(made: Element, resource: Node, row: Row, run: Run) -> None:
    """Put what an allergy did and may do to the patient; one that is denied did nothing."""
    for each in resource.all("reaction"):
        for reaction in _reactions(each, row, run):
            made.append(related("MFST", reaction, inverted=True))
    critical = _CRITICALITIES.get(resource.text("criticality"))
    if critical is not None:
        row.tell("Criticality", resource.peek("criticality"))
        grade = observation(CRITICALITY)
        grade.append(coded("code", "82606-5", LOINC, "Criticality"))
        grade.append(status())
        grade.append(coded("value", critical[0], _CRITICALITY_SYSTEM, critical[1], "CD"))
        made.append(related("SUBJ", grade, inverted=True))


def _reactions(reaction: Node, row: Row, run: Run) -> list[Element]:
    made: list[Element] = []
    for concept in reaction.all("manifestation") or [EMPTY]:
        each = observation(REACTION)
        each.append(make("id", root=run.uuid("reaction", reaction.path, run.digest, str(len(made)))))
        each.append(coded("code", "ASSERTION", ACT_CODE))
        if reaction.text("description"):
            each.append(
                make("text", make("reference", value=f"#{row.anchor('Reaction', reaction.text('description'))}"))
            )
        each.append(status())
        each.append(low_high(ts_text(reaction, "onset", run), ""))
        each.append(cd_of(concept, run, "value", kind="CD", prefer=(SNOMED_URI,)))
        row.tell("Reaction", shown(concept))
        if reaction.text("severity"):
            row.tell("Severity", reaction.peek("severity"))
            each.append(related("SUBJ", severity(reaction.text("severity")), inverted=True))
        each.extend(comments(reaction, row, run) if not made else [])
        made.append(each)
    return made


def _verification(resource: Node) -> str:
    for each in resource.one("verificationStatus").all("coding"):
        if each.peek("code"):
            return each.peek("code")
    return ""


def _none_known(concept: Node) -> tuple[str, str] | None:
    for code, kind in NONE_KNOWN.items():
        if has_code(concept, SNOMED_URI, code):
            return kind
    return None
