"""MDM: a document."""

from __future__ import annotations

from transforms.fhir_to_v2.event import Event
from transforms.fhir_to_v2.messages.common import header, person, visit
from transforms.fhir_to_v2.messages.orders import order_of
from transforms.fhir_to_v2.run import NO_MESSAGE, Run
from transforms.fhir_to_v2.segments.evn import evn_of
from transforms.fhir_to_v2.segments.nte import ntes_of
from transforms.fhir_to_v2.segments.txa import obxs_of_document, txa_of


def mdm(event: Event, run: Run) -> None:
    """MDM_T02: the patient and visit, the orders that the document is about, the document and what it says."""
    header(event, run)
    evn_of(event, run)
    documents = run.of_type("DocumentReference")
    if not documents and not event.is_said:
        raise run.refuse(NO_MESSAGE, run.root.path, "there is no document for a MDM to tell of")
    person(run.first("Patient"), run)
    visit(run.first("Encounter"), run)
    for order in run.of_type("ServiceRequest"):
        if order.path not in run.done:
            order_of(order, run)
    for document in documents:
        txa_of(document, run)
        ntes_of(document, run)
        obxs_of_document(document, run)
