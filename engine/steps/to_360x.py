"""The step `to_360x`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import count

from channels.direct.error import DirectError
from channels.direct.options import Oid, Sender
from channels.direct.xdm import Document, Entry, Sending, Submission, submit, write_xdm
from engine.steps.refused import refused_mail, refused_referral
from engine.steps.written import outgoing
from schemas.content import Kind, recognize
from schemas.hl7v2.escape import escape
from schemas.ids import derived_id
from schemas.message import BINARY, Message
from schemas.tables import CodeMapFile
from schemas.values import Template
from transforms import sets, step
from transforms.fhir_to_v2.datatypes.authorities import system_hd
from transforms.moments import TimeZone
from transforms.refer import Attached, Identifier, NotSayableError
from transforms.refer.v2.written import Ends
from transforms.refer.x360 import write_360x

_REFERRAL = "urn:ihe:iti:xds:2013:referral"
_UNIQUE = re.compile(r"[0-2](?:\.(?:0|[1-9]\d*))+(?:\^[^\x00-\x20]{1,16})?\Z")
"""An OID, with an extension maybe: what XDSDocumentEntry.uniqueId can be."""


@step
@sets("referral.says")
def to_360x(
    message: Message,
    *,
    from_: Sender,
    source_id: Oid,
    organization: str = "",
    sending_application: Template = "",
    sending_facility: Template = "",
    receiving_application: Template = "",
    receiving_facility: Template = "",
    time_zone: TimeZone = "",
    systems: CodeMapFile | None = None,
    oids: CodeMapFile | None = None,
) -> Message:
    """Write an act of a referral as 360X has it, whatever form it came in: an XDM package with OMG^O19, OSU^O51 or SIU
    first and its documents behind, byte for byte.

    The patient has the numbers of both sides, the initiator's first. A request without a document gets a Referral Note
    of what it says. What the message does not carry is reported (REF-201). `referral.says` is one sentence about it
    without a patient's data, for the text of the mail. Put it behind `track_referral`, in the route.

    Args:
        from_: The address that the package comes from.
        source_id: The OID of the exchange, as the package's source and, unless `sending_facility` says otherwise,
            MSH-4.
        organization: The sending organization, as an XON.
        sending_application: MSH-3, a template, as encoded HD (`HIE`, `^2.999.1^ISO`).
        sending_facility: MSH-4, likewise.
        receiving_application: MSH-5, likewise.
        receiving_facility: MSH-6, likewise.
        time_zone: As for `open_referral`.
        systems: As for `open_referral`.
        oids: A code map from the URI of a system (`code`) to its object identifier (`to_code`), for the Referral Note.
    """
    made = outgoing(message, time_zone, systems, oids)
    facility = sending_facility or f"^{source_id}^ISO"
    ends = Ends(*map(message.fill, (sending_application, facility, receiving_application, receiving_facility)))
    try:
        written = write_360x(made.said, ends=ends, systems=systems)
    except NotSayableError as error:
        raise refused_referral(error) from None
    sending = Sending(
        from_,
        (message.get("referral.to.address"),),
        source_id,
        organization,
        reference_ids=(_cxi(made.said.referral),),
    )
    documents = [written.message.encode(), *(each.body for each in made.said.documents)]
    try:
        submission = submit(documents, sending, message.received, _ids(message))
        package = write_xdm(_described(submission, made.said.documents), message.received)
    except DirectError as error:
        raise refused_mail(error, "see the documents with open_mail") from None
    return message.derive(
        "to_360x",
        body=package,
        format=BINARY,
        attributes={"referral.says": made.says},
        findings=(*made.findings, *written.findings),
    )


def _cxi(referral: Identifier) -> str:
    """The identifier of the referral as metadata has it (ITI TF-3, 4.2.3.2.28)."""
    namespace, universal, kind = map(escape, system_hd(referral.system))
    return f"{escape(referral.value)}^^^{namespace}&{universal}&{kind}^{_REFERRAL}"


def _ids(message: Message) -> Callable[[], str]:
    """Ids for what is packed, the same when the step is run again."""
    numbers = count(1)
    return lambda: derived_id(message.id, f"to_360x/{next(numbers)}")


def _described(submission: Submission, documents: Iterable[Attached]) -> Submission:
    """The submission with what came along with each document, where that says nothing of itself."""
    first, *others = submission.documents
    told = [Document(each.data, _entry(each.entry, one)) for each, one in zip(others, documents, strict=True)]
    return replace(submission, documents=(first, *told))


def _entry(entry: Entry, document: Attached) -> Entry:
    kind = recognize(document.body)
    is_plain = kind in (Kind.TEXT, Kind.OTHER)
    has_own_id = kind is not Kind.CCDA and _UNIQUE.match(document.unique_id)
    return replace(
        entry,
        title=entry.title or document.title,
        unique_id=document.unique_id if has_own_id else entry.unique_id,
        mime_type=document.media_type if is_plain else entry.mime_type,
    )
