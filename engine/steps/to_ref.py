"""The step `to_ref`."""

from __future__ import annotations

from engine.steps.refused import refused_referral
from engine.steps.written import outgoing
from schemas.message import HL7V2, Message
from schemas.tables import CodeMapFile
from schemas.values import Template
from transforms import sets, step
from transforms.moments import TimeZone
from transforms.refer import NotSayableError
from transforms.refer.ref import write_ref
from transforms.refer.v2.written import Ends


@step
@sets("referral.says")
def to_ref(
    message: Message,
    *,
    version: str = "2.5.1",
    sending_application: Template = "HIE",
    sending_facility: Template = "",
    receiving_application: Template = "",
    receiving_facility: Template = "{referral.to.address}",
    time_zone: TimeZone = "",
    systems: CodeMapFile | None = None,
    oids: CodeMapFile | None = None,
) -> Message:
    """Write an act of a referral as HL7 v2 has it, whatever form it came in: REF^I12 to I15 of who refers, RRI of who
    answers, its documents within.

    The patient has the numbers of both sides, the initiator's first. A request without a document gets a Referral Note
    of what it says. What the message does not carry is reported (REF-201). `referral.says` is one sentence about it
    without a patient's data. Put it behind `track_referral`, in the route.

    Args:
        version: The version of HL7 v2 that is written.
        sending_application: MSH-3, a template, as encoded HD (`HIE`, `^2.999.1^ISO`).
        sending_facility: MSH-4, likewise.
        receiving_application: MSH-5, likewise.
        receiving_facility: MSH-6, likewise.
        time_zone: As for `open_referral`.
        systems: As for `open_referral`.
        oids: A code map from the URI of a system (`code`) to its object identifier (`to_code`), for the Referral Note.
    """
    made = outgoing(message, time_zone, systems, oids)
    ends = Ends(*map(message.fill, (sending_application, sending_facility, receiving_application, receiving_facility)))
    try:
        written = write_ref(made.said, ends=ends, version=version, systems=systems)
    except NotSayableError as error:
        raise refused_referral(error) from None
    return message.derive(
        "to_ref",
        body=written.message.encode(),
        format=HL7V2,
        attributes={"referral.says": made.says},
        findings=(*made.findings, *written.findings),
    )
