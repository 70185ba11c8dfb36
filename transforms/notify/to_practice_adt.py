"""The step `to_practice_adt`."""

from __future__ import annotations

from schemas.finding import Finding, Severity
from schemas.hl7v2 import Er7
from schemas.ids import derived_id
from schemas.message import Message
from schemas.values import Template
from transforms.notify.notice import Notice, notice_of
from transforms.notify.practice import practice_adt
from transforms.step import step

LEFT_OUT = "NOT-101"
_LENGTH = 20  # of MSH-10 in version 2.5.1


@step
def to_practice_adt(
    message: Message,
    *,
    sending_application: Template = "HIE",
    sending_facility: Template = "",
    receiving_application: Template = "",
    receiving_facility: Template = "{subscriber.id}",
    authority: Template = "",
) -> Message:
    """Turn a notice about an ADT message into one in the practice's form: HL7 v2.5.1, with the practice's own number of
    the patient in PID-2 and first in PID-3.

    An arrival is A01 or A04, a transfer A02, a discharge A03, an update A08, a withdrawal A11, A12 or A13. With
    `subscriber.content: minimum` it has the patient's name, the treating practitioner, the institution, the event and
    its time alone. Put it behind `tell_once`.

    Args:
        sending_application: MSH-3, a template.
        sending_facility: MSH-4, a template; without it, the hospital stays there. It is in EVN-7 in any case.
        receiving_application: MSH-5, a template.
        receiving_facility: MSH-6, a template.
        authority: Whose number PID-2 is (PID-2.4), a template; without it, the name of the panel.
    """
    notice = notice_of(message)._replace(**_authority(message.fill(authority)))
    made, left_out = adt_of(message, notice)
    _put_header(
        made,
        {
            3: message.fill(sending_application),
            4: message.fill(sending_facility),
            5: message.fill(receiving_application),
            6: message.fill(receiving_facility),
        },
    )
    if notice.member:
        made.set_raw("PID-2", made.raw("PID-3[1]"))
    elif notice.is_least:
        made.set("PID-2", "")
    return message.derive("to_practice_adt", body=made.encode(), findings=_findings(left_out))


def adt_of(message: Message, notice: Notice) -> tuple[Er7, list[str]]:
    """What `practice_adt` makes of `message`, under a control id of its own; a repeat has the same one."""
    return practice_adt(message.er7, notice, derived_id(message.id, "notice")[:_LENGTH])


def _authority(written: str) -> dict[str, str]:
    return {"panel": written} if written else {}


def _put_header(made: Er7, texts: dict[int, str]) -> None:
    for field, text in texts.items():
        if text or field != 4:
            made.set(f"MSH-{field}", "")
            made.set(f"MSH-{field}", text)
    for field in (8, 13, 14, 15, 16, 21):
        made.set(f"MSH-{field}", "")


def _findings(left_out: list[str]) -> list[Finding]:
    what = "the segment has no place in what the practice is told, and is left out"
    return [Finding(LEFT_OUT, name, what, "", Severity.INFORMATION) for name in left_out]
