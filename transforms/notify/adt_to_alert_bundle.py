"""The step `adt_to_alert_bundle`."""

from __future__ import annotations

import re

from schemas.fhir import dumps
from schemas.message import FHIR, HL7V2, Message
from schemas.tables import CodeMapFile
from transforms.moments import moment
from transforms.notify.alert import Notice, alert
from transforms.step import StepError, step
from transforms.v2_to_fhir.convert import convert
from transforms.v2_to_fhir.options import Options
from transforms.v2_to_fhir.step import TimeZone

_OFFSET = re.compile(r"[+-]\d{4}\Z", re.ASCII)


@step
def adt_to_alert_bundle(
    message: Message,
    *,
    time_zone: TimeZone = "",
    systems: CodeMapFile | None = None,
    codes: CodeMapFile | None = None,
) -> Message:
    """Turn a notice about an ADT message into a FHIR notification: a Bundle by Da Vinci Unsolicited Notifications 1.1.

    Its focus is the visit; with it go the patient, who takes part, where, the diagnoses and the insurance, and nothing
    that these do not lead to. With `subscriber.content: minimum` it has the patient's name, the treating practitioner,
    the institution, the event and its time alone. Put it behind `tell_once`, and send it to `$process-message`.

    Args:
        time_zone: The zone of times without an offset, as in `v2_to_fhir`.
        systems: Identifier systems by assigning authority, as in `v2_to_fhir`.
        codes: The site's code map, as in `v2_to_fhir`.
    """
    if message.format != HL7V2:
        raise StepError(f"only HL7 v2 becomes a notification, and the body is {message.format}", "put the step before")
    options = Options(time_zone=time_zone, systems=systems, codes=codes)
    converted = convert(message.er7, options, message.received)
    if converted.bundle is None:
        finding = converted.findings[-1]
        raise StepError(f"{finding.where}: {finding.code} {finding.what}", finding.hint)
    made = alert(converted.bundle, _notice(message, time_zone))
    if isinstance(made, str):
        raise StepError(made, "keep messages without PV1 away from this step: notify_event does")
    return message.derive("adt_to_alert_bundle", body=dumps(made), format=FHIR, findings=converted.findings)


def _notice(message: Message, time_zone: str) -> Notice:
    get = message.get
    if not get("notice.phase"):
        raise StepError("nothing says what happened", "put notify_event, match_panel and tell_once before this step")
    return Notice(
        phase=get("notice.phase"),
        kind=get("notice.kind"),
        occurred=_occurred(message, time_zone),
        subscriber=get("subscriber.id"),
        title=get("subscriber.title"),
        address=get("subscriber.address"),
        panel=get("match.panel"),
        member=get("subscriber.member"),
        content=get("subscriber.content") or "full",
    )


def _occurred(message: Message, time_zone: str) -> str:
    """When it happened: EVN-6, else when it was recorded, EVN-2, else when the message was made; as a dateTime."""
    sent = message.get("MSH-7")
    zone = _OFFSET.search(sent)
    for text in (message.get("EVN-6"), message.get("EVN-2"), sent):
        if text:
            return moment(text, zone.group() if zone is not None else time_zone).text
    return ""
