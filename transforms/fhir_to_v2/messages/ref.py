"""REF: a referral."""

from __future__ import annotations

from transforms.fhir_node import EMPTY
from transforms.fhir_to_v2.event import Event, is_referral
from transforms.fhir_to_v2.messages.common import billing, clinical, header, person, visit
from transforms.fhir_to_v2.messages.orders import report_of
from transforms.fhir_to_v2.run import NO_MESSAGE, Run
from transforms.fhir_to_v2.segments.nte import ntes_of
from transforms.fhir_to_v2.segments.rf1 import prds_of, rf1_of


def ref(event: Event, run: Run) -> None:
    """REF_I12: the referral, its providers, the patient, and what the provider is to know."""
    header(event, run)
    requests = run.of_type("ServiceRequest")
    request = next((each for each in requests if is_referral(each)), requests[0] if requests else EMPTY)
    if request:
        rf1_of(request, run)
    elif not event.is_said:
        raise run.refuse(NO_MESSAGE, run.root.path, "there is no request for a REF to tell of")
    patient, encounter = run.first("Patient"), run.first("Encounter")
    prds_of(request, patient, run)
    person(patient, run)
    billing(patient, encounter, run)
    clinical(patient, encounter, run)
    for report in run.of_type("DiagnosticReport"):
        report_of(report, run)
    visit(encounter, run)
    if not run.has_field("RF1", 24):
        ntes_of(request, run)
