"""The step `adt_to_alert_bundle`."""

from __future__ import annotations

from schemas.fhir import dumps
from schemas.message import FHIR, Message
from schemas.tables import CodeMapFile
from transforms.moments import TimeZone
from transforms.notify.alert import alert
from transforms.notify.converted import converted
from transforms.notify.notice import notice_of
from transforms.notify.to_practice_adt import adt_of
from transforms.step import StepError, step
from transforms.v2_to_fhir.options import Options


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
    notice = notice_of(message, time_zone)
    options = Options(time_zone=time_zone, systems=systems, codes=codes)
    er7 = adt_of(message, notice)[0] if notice.is_least else message.er7
    bundle, findings = converted(message, er7, notice, options)
    made = alert(bundle, notice)
    if isinstance(made, str):
        raise StepError(made, "keep messages without PV1 away from this step: notify_event does")
    return message.derive("adt_to_alert_bundle", body=dumps(made), format=FHIR, findings=findings)
