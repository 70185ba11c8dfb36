"""AL1 and IAM: an allergy."""

from __future__ import annotations

from transforms.elements import ALTERNATE_CODES
from transforms.fhir_node import EMPTY, Node
from transforms.fhir_to_v2.datatypes.codes import code_of, cwe_of, has_code, text_of
from transforms.fhir_to_v2.datatypes.identifiers import ei_of
from transforms.fhir_to_v2.datatypes.names import xpn_of
from transforms.fhir_to_v2.datatypes.times import dt_of, dtm_of
from transforms.fhir_to_v2.line import Line, Parts
from transforms.fhir_to_v2.run import NO_STATUS, Run

_STATUSES = "http://terminology.hl7.org/CodeSystem/v2-0438"
_SNOMED = "http://snomed.info/sct"
_NONE_KNOWN = ("716186003", "409137002", "429625007", "428607008", "1003774007")


def allergies_of(patient: Node, run: Run) -> None:
    """AllergyIntolerance[AL1] or [IAM]: IAM in the message that is about allergies, or where only IAM can say it."""
    for allergy in run.of_type("AllergyIntolerance"):
        if patient and allergy.has("patient") and not run.refers(allergy.one("patient"), patient):
            continue
        if _needs_iam(allergy) or "IAM" in _kept(allergy) or (run.order.count("IAM") and "AL1" not in run.order):
            iam_of(allergy, patient, run)
        else:
            al1_of(allergy, run)


def al1_of(allergy: Node, run: Run) -> Line | None:
    """AllergyIntolerance[AL1]; none of one that does not hold, which AL1 cannot say."""
    verification = allergy.one("verificationStatus")
    if has_code(verification, "entered-in-error", "refuted"):
        what = "this allergy does not hold, and AL1 cannot say so; it is left out"
        run.tell(NO_STATUS, f"{allergy.path}.verificationStatus", what, "IAM can say so, in ADT^A60")
        return None
    al1 = run.line("AL1", allergy)
    _put_common(al1, allergy, run)
    al1.put(6, dt_of(allergy, "onsetDateTime", run))
    return al1


def iam_of(allergy: Node, patient: Node, run: Run) -> Line:
    """AllergyIntolerance[IAM]."""
    iam = run.line("IAM", allergy)
    _put_common(iam, allergy, run)
    verification = allergy.one("verificationStatus")
    is_error = has_code(verification, "entered-in-error", "refuted")
    iam.put(6, "D" if is_error else "A")
    iam.put(7, ei_of(allergy.one("identifier"), run))
    if allergy.has("type") and not iam.has(9) and not allergy.has("category"):
        iam.put(9, {"allergy": "AL", "intolerance": "IN"}.get(allergy.text("type"), ""))
    iam.put(11, dt_of(allergy, "onsetDateTime", run))
    iam.put(12, allergy.text("onsetString"))
    iam.put(13, dtm_of(allergy, "recordedDate", run))
    _put_recorder(iam, allergy, patient, run)
    status = _status(allergy, is_error, run)
    iam.put(17, status)
    return iam


def _put_common(line: Line, allergy: Node, run: Run) -> None:
    line.put(1, str(sum(each.name == line.name for each in run.lines)))
    line.put(2, _category(allergy, run))
    concept = allergy.one("code")
    codings = concept.all("coding")
    parts = cwe_of(concept, run)
    if len(codings) > 1 and codings[0].peek("system") == _SNOMED and codings[0].peek("code") in _NONE_KNOWN:
        # The way forward put this code before the sender's own, which says the same.
        parts = {n - 3 if n in (4, 5, 6) else n: part for n, part in parts.items() if n not in (1, 2, 3)}
    line.put(3, parts)
    own = _own(allergy.one("_criticality"), run)
    if own:
        allergy.skip("criticality")
    line.put(4, own or code_of(allergy, "criticality", run, "AllergySeverity[AllergyIntolerance.criticality]"))
    for reaction in allergy.all("reaction"):
        for each in reaction.all("manifestation"):
            line.put(5, _manifestation(each, run))
    allergy.skip("clinicalStatus", "verificationStatus")


def _manifestation(concept: Node, run: Run) -> Parts | str:
    if concept.has("coding"):
        return cwe_of(concept, run)
    return text_of(concept)


def _own(element: Node, run: Run) -> Parts:
    """The sender's own code, which the way forward put beside an element that allows only the codes of FHIR."""
    for alternate in element.extensions(ALTERNATE_CODES):
        return cwe_of(alternate.one("valueCodeableConcept"), run)
    return {}


def _category(allergy: Node, run: Run) -> Parts | str:
    for beside in allergy.all("_category"):
        own = _own(beside, run)
        if own:
            allergy.skip("category", "type")
            return own
    found = code_of(allergy, "category", run, "AllergenType[AllergyIntoleranceCategory]")
    allergy.skip("type")
    return found


def _needs_iam(allergy: Node) -> bool:
    return any(allergy.has(name) for name in ("identifier", "recorder", "recordedDate", "onsetString"))


def _kept(allergy: Node) -> set[str]:
    return {
        each.extension("path").peek("valueString")[:3]
        for each in allergy.all("extension")
        if each.peek("url").endswith("v2-element")
    }


def _put_recorder(iam: Line, allergy: Node, patient: Node, run: Run) -> None:
    recorder = allergy.one("recorder")
    person = run.resolve(recorder) if recorder.has("reference") else EMPTY
    if not person:
        return
    if person is patient:
        iam.put(15, "SEL")
        return
    run.done.add(person.path)
    iam.put(14, *(xpn_of(each, run) for each in person.all("name")))
    if person.peek("resourceType") == "RelatedPerson":
        iam.put(15, *(cwe_of(each, run, "Relationship", "0063") for each in person.all("relationship")))


def _status(allergy: Node, is_error: bool, run: Run) -> Parts | str:
    """The clinical status of an allergy (table 0438): the sender's own, else by FHIR's two."""
    for name in ("verificationStatus", "clinicalStatus"):
        own = _own(allergy.one(name), run)
        if own:
            return own
        for coding in allergy.one(name).all("coding"):
            if coding.peek("system") == _STATUSES:
                return coding.text("code")
    if is_error:
        return "E"
    if has_code(allergy.one("clinicalStatus"), "inactive", "resolved"):
        return "I"
    return {"confirmed": "C", "unconfirmed": "U"}.get(allergy.one("verificationStatus").one("coding").peek("code"), "")
