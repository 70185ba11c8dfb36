"""The step `to_service_request`."""

from __future__ import annotations

from engine.steps.refused import refused_referral
from engine.steps.written import outgoing
from schemas.fhir import dumps
from schemas.message import FHIR, Message
from schemas.tables import CodeMapFile
from schemas.values import Template
from transforms import sets, step
from transforms.moments import TimeZone
from transforms.refer import NotSayableError
from transforms.refer.fhir import FhirEnds, Form, write_fhir


@step
@sets("referral.says")
def to_service_request(
    message: Message,
    *,
    form: Form = "message",
    source: Template = "",
    destination: Template = "{referral.to.address}",
    time_zone: TimeZone = "",
    systems: CodeMapFile | None = None,
    oids: CodeMapFile | None = None,
) -> Message:
    """Write an act of a referral as FHIR has it, whatever form it came in: a ServiceRequest and its Task, with the
    documents.

    The patient has the numbers of both sides, the initiator's first. A request without a document gets a Referral Note
    of what it says. What is not carried is reported (REF-201). `referral.says` is one sentence about it without a
    patient's data. Put it behind `track_referral`, in the route.

    Args:
        form: `message` is BSeR's message Bundle; `transaction` puts ServiceRequest and Task on a server; `task` is the
            Task alone.
        source: The address of the exchange's own FHIR end, a template, for MessageHeader.source: answers come there.
        destination: The address of the receiver, a template.
        time_zone: As for `open_referral`.
        systems: As for `open_referral`.
        oids: A code map from the URI of a system (`code`) to its object identifier (`to_code`), for the Referral Note.
    """
    made = outgoing(message, time_zone, systems, oids, reads_fhir=True)
    ends = FhirEnds(message.fill(source), message.fill(destination))
    try:
        written = write_fhir(made.said, form=form, ends=ends)
    except NotSayableError as error:
        raise refused_referral(error) from None
    return message.derive(
        "to_service_request",
        body=dumps(written.resource),
        format=FHIR,
        attributes={"referral.says": made.says},
        findings=(*made.findings, *written.findings),
    )
