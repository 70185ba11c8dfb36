"""Allergies and intolerances, and the statement that there are none."""

from __future__ import annotations

from schemas.codes import concept_map
from schemas.fhir import Element, Resource
from transforms.ccda_to_fhir.datatypes.codes import SNOMED, codeable_concept, coding, mapped, shown
from transforms.ccda_to_fhir.datatypes.nulls import absent_concept
from transforms.ccda_to_fhir.datatypes.times import end_of, put_time, start_of
from transforms.ccda_to_fhir.entry import put_notes, start, taken
from transforms.ccda_to_fhir.narrative import text_of
from transforms.ccda_to_fhir.node import Node
from transforms.ccda_to_fhir.provenance import put_authors
from transforms.ccda_to_fhir.registry import template
from transforms.ccda_to_fhir.run import Run
from transforms.ccda_to_fhir.statement import is_negated, is_stated, says_none, status_of, wrapper_of
from transforms.elements import ALTERNATE_CODES, CORE, OWN, add_extension, append, coded, extension, put

CLINICAL = "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical"
VERIFICATION = "http://terminology.hl7.org/CodeSystem/allergyintolerance-verification"
OBSERVATION = "2.16.840.1.113883.10.20.22.4.7"
REACTION = "2.16.840.1.113883.10.20.22.4.9"
SEVERITY = "2.16.840.1.113883.10.20.22.4.8"
CRITICALITY = "2.16.840.1.113883.10.20.22.4.145"
STATUS = "2.16.840.1.113883.10.20.22.4.28"
ABATEMENT = f"{CORE}allergyintolerance-abatement"
SUBSTANCE_RISK = f"{CORE}allergyintolerance-substanceExposureRisk"
SEVERITY_OF_ALLERGY = f"{OWN}ccda-severity"
"""The severity of the allergy as a whole, where its reactions have others."""
KIND = f"{OWN}ccda-allergy-type"
"""The kind of allergy as the document codes it, where FHIR's type and category do not say it all."""
_EXACT = ("255604002", "6736007", "24484000")
_RISK_SYSTEM = "http://terminology.hl7.org/CodeSystem/allerg-intol-substance-exp-risk"
_NONE_KNOWN = {
    "716186003": "No known allergy",
    "409137002": "No known drug allergy",
    "429625007": "No known food allergy",
    "428607008": "No known environmental allergy",
    "1003774007": "No known latex allergy",
}
"""The codes of SNOMED CT that say that no allergy is known."""
_OF_KIND = {
    "419511003": "409137002",
    "59037007": "409137002",
    "235719002": "429625007",
    "418471000": "429625007",
    "418038007": "716186003",
    "420134006": "716186003",
    "426232007": "428607008",
}
"""What is not known, by the kind of the allergy that is negated, where the guide gives nothing."""
_OF_SUBSTANCE = {"111088007": "1003774007", "1003755004": "1003774007", "300916003": "1003774007"}
"""What is not known, by the substance: latex."""
_PLAIN_KINDS = ("419511003", "416098002", "59037007", "414285001", "235719002", "418471000", "419199007", "420134006")
"""The kinds that type and category say between them."""
_OVER = {"completed": "inactive", "aborted": "inactive", "suspended": "inactive"}


@template("2.16.840.1.113883.10.20.22.4.30", sections=[("48765-2", "act")], any_mood=True)
def allergy_concern_act(act: Node, run: Run) -> list[Resource]:
    """Allergy Concern Act: each allergy that the concern is about."""
    found: list[Resource] = []
    for link in act.all("entryRelationship"):
        observation = link.get("observation")
        if observation is not None and (observation.keeps(OBSERVATION) or link.attr("typeCode") in ("SUBJ", "")):
            found += allergy_observation(observation, run)
    coding(act.get("code"))
    return found


@template(OBSERVATION, "2.16.840.1.113883.10.20.24.3.90", sections=[("48765-2", "observation")], any_mood=True)
def allergy_observation(observation: Node, run: Run) -> list[Resource]:
    """Allergy - Intolerance Observation, Substance or Device Allergy: an AllergyIntolerance."""
    resource = start("AllergyIntolerance", observation, run, "patient", "us-core-allergyintolerance")
    observation.target = resource
    coding(observation.get("code"))
    _put_status(resource, observation, run)
    value = observation.get("value")
    negated = is_negated(observation)
    _put_kind(resource, value, run)
    _put_substance(resource, observation, value, negated, run)
    span = observation.get("effectiveTime")
    put_time(resource, "onsetDateTime", start_of(span), run)
    abated: Element = {"url": ABATEMENT}
    put_time(abated, "valueDateTime", end_of(span), run)
    if "valueDateTime" in abated:
        add_extension(resource, abated)
    if negated:
        _keep_reactions(observation, resource)
    else:
        _put_reactions(resource, observation, run)
    put_notes(resource, observation, run)
    put_authors(resource, observation, run)
    return [resource]


def _put_status(resource: Resource, observation: Node, run: Run) -> None:
    """The course of the allergy: its status observation's, else the concern's; none of one in error (ait-2)."""
    if status_of(observation) == "nullified":
        resource["verificationStatus"] = coded(VERIFICATION, "entered-in-error", "Entered in Error")
        return
    code = ""
    for each in taken(observation, resource, STATUS, codes=("33999-4",)):
        code = code or mapped(each.get("value"), "CF-AllergyStatus", run)
    act = wrapper_of(observation)
    if not code and act is not None:
        code = _OVER.get(act.value("statusCode", "code").lower(), "")
    if not is_negated(observation) and not is_stated(observation):
        resource["verificationStatus"] = coded(VERIFICATION, "unconfirmed", "Unconfirmed")
    resource["clinicalStatus"] = coded(CLINICAL, code or "active")


def _put_kind(resource: Resource, value: Node | None, run: Run) -> None:
    put(
        resource, "type", concept_map("CF-AllergyIntoleranceType").code(value.attr("code") if value is not None else "")
    )
    category = concept_map("CF-AllergyIntoleranceCategory").code(value.attr("code") if value is not None else "")
    if category:
        resource["category"] = [category]
    kind = codeable_concept(value, run)
    if kind is not None and (
        "text" in kind or len(kind.get("coding", ())) > 1 or value is None or value.peek("code") not in _PLAIN_KINDS
    ):
        add_extension(resource, extension(KIND, "valueCodeableConcept", kind))


def _put_substance(resource: Resource, observation: Node, value: Node | None, negated: bool, run: Run) -> None:
    entity = None
    for participant in observation.all("participant"):
        if participant.attr("typeCode") in ("CSM", "") or entity is None:
            entity = participant.get("participantRole/playingEntity") or entity
    substance = codeable_concept(entity.get("code"), run) if entity is not None else None
    if entity is not None and "text" not in (substance or {}) and entity.string("name"):
        substance = {**(substance or {}), "text": entity.string("name")}
    kind = codeable_concept(value, run)
    if not negated:
        if (
            substance is None
            and kind is not None
            and any(each["code"] in _NONE_KNOWN for each in kind.get("coding", ()))
        ):
            substance = kind
        resource["code"] = substance or _unnamed(entity)
        return
    code = value.attr("code") if value is not None else ""
    codes = [each["code"] for each in (substance or {}).get("coding", ())]
    stated = next((each for each in codes if each in _NONE_KNOWN), "")
    of_substance = stated or next((_OF_SUBSTANCE[each] for each in codes if each in _OF_SUBSTANCE), "")
    named = (substance or {}).get("text", "")
    if substance is not None and (codes or (named and not says_none(named))) and not of_substance:
        # The extension forbids a code, which US Core requires: the resource is not one of US Core's.
        resource.pop("meta", None)
        risk = coded(_RISK_SYSTEM, "no-known-reaction-risk", "No Known Reaction Risk")
        inner = [extension("substance", "valueCodeableConcept", substance)]
        inner.append(extension("exposureRisk", "valueCodeableConcept", risk))
        add_extension(resource, {"url": SUBSTANCE_RISK, "extension": inner})
        return
    none_known = of_substance or concept_map("CF-NoKnownAllergies").code(code) or _OF_KIND.get(code, "716186003")
    concept: Element = {"coding": [{"system": SNOMED, "code": none_known, "display": _NONE_KNOWN[none_known]}]}
    text = shown(substance) or text_of(value.get("originalText") if value is not None else None, run)
    put(concept, "text", text or _NONE_KNOWN[none_known])
    resource["code"] = concept


def _unnamed(entity: Node | None) -> Element:
    code = entity.get("code") if entity is not None else None
    return absent_concept(code.null if code is not None else "")


def _keep_reactions(observation: Node, resource: Resource) -> None:
    """Have what a denied allergy would do to the patient kept as it is written: nothing of it has happened."""
    for each in observation.each("entryRelationship/observation"):
        if each.keeps(REACTION, SEVERITY, CRITICALITY):
            each.target = resource
            each.is_entry = True


def _put_reactions(resource: Resource, observation: Node, run: Run) -> None:
    for each in taken(observation, resource, CRITICALITY, codes=("82606-5",)):
        put(resource, "criticality", mapped(each.get("value"), "CF-Criticality", run))
    severity = _severity(observation, resource, run)
    for each in taken(observation, resource, REACTION, types=("MFST", "COMP", "SUBJ", "CAUS"), names=("observation",)):
        append(resource, "reaction", _reaction(each, resource, severity, run))
    if severity is not None and "reaction" not in resource:
        reaction: Element = {"manifestation": [absent_concept("UNK")]}
        _put_severity(reaction, severity, run)
        if "severity" in reaction:
            resource["reaction"] = [reaction]
    elif severity is not None:
        held: Element = {}
        _put_severity(held, severity, run)
        concept = codeable_concept(severity, run)
        if concept is not None and any(each.get("severity") != held.get("severity") for each in resource["reaction"]):
            add_extension(resource, extension(SEVERITY_OF_ALLERGY, "valueCodeableConcept", concept))


def _reaction(node: Node, resource: Resource, severity: Node | None, run: Run) -> Element:
    reaction: Element = {}
    value = node.get("value")
    own = text_of(node.get("text"), run)
    concept = codeable_concept(value, run) or ({"text": own} if own else absent_concept(value.null if value else ""))
    reaction["manifestation"] = [concept]
    put(reaction, "description", own)
    put_time(reaction, "onset", start_of(node.get("effectiveTime")), run)
    if "onset" not in reaction:
        reaction.pop("_onset", None)
    _put_severity(reaction, _severity(node, resource, run) or severity, run)
    put_notes(reaction, node, run)
    return reaction


def _severity(node: Node, resource: Resource, run: Run) -> Node | None:
    """The value of the severity that is said within `node`."""
    found = None
    for each in taken(node, resource, SEVERITY, codes=("SEV",)):
        found = found or each.get("value")
    return found


def _put_severity(reaction: Element, value: Node | None, run: Run) -> None:
    """Put a severity into a reaction, beside it the code that FHIR's three do not say exactly."""
    code = mapped(value, "CF-Severity", run)
    if not code or value is None:
        return
    reaction["severity"] = code
    if value.peek("code") not in _EXACT:
        concept = codeable_concept(value, run)
        reaction["_severity"] = {"extension": [extension(ALTERNATE_CODES, "valueCodeableConcept", concept)]}
