"""PD1: who cares for the patient, and what else is known of the person."""

from __future__ import annotations

from transforms.elements import CORE
from transforms.fhir_node import Node
from transforms.fhir_to_v2.datatypes.authorities import xon_of
from transforms.fhir_to_v2.datatypes.codes import cwe_of, has_code
from transforms.fhir_to_v2.datatypes.people import xcn_of
from transforms.fhir_to_v2.line import Line
from transforms.fhir_to_v2.run import Run
from transforms.fhir_to_v2.segments.rol import is_role_of_segment

_LIVING_WILL = "75320-2"


def pd1_of(patient: Node, run: Run) -> Line | None:
    """Patient[PD1], where there is anything to say."""
    pd1 = Line("PD1", patient)
    for provider in patient.all("generalPractitioner"):
        found = run.resolve(provider) if provider.has("reference") else provider
        if is_role_of_segment(found):
            continue
        is_organization = found.peek("resourceType") == "Organization" or provider.peek("type") == "Organization"
        pd1.put(3 if is_organization else 4, xon_of(provider, run) if is_organization else xcn_of(provider, run))
    for each in patient.extensions(f"{CORE}patient-disability"):
        pd1.put(6, cwe_of(each.one("valueCodeableConcept"), run, "", "0295"))
    for observation in run.of_type("Observation"):
        if has_code(observation.one("code"), _LIVING_WILL):
            pd1.put(7, cwe_of(observation.one("valueCodeableConcept"), run, "LivingWillCode", "0315"))
            observation.skip("code", "status", "subject")
            run.done.add(observation.path)
    for each in patient.extensions(f"{CORE}patient-congregation"):
        pd1.put(14, each.text("valueString"))
    return run.append(pd1)
