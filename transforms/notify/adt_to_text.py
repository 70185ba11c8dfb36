"""The step `adt_to_text`."""

from __future__ import annotations

from schemas.message import TEXT, Message
from transforms.moments import TimeZone
from transforms.notify.notice import notice_of
from transforms.notify.wording import wording
from transforms.step import step


@step
def adt_to_text(message: Message, *, time_zone: TimeZone = "") -> Message:
    """Turn a notice about an ADT message into a short one in plain words, for people.

    It says first whether it changes or takes back what was told. With `subscriber.content: minimum` it has the
    patient's name, the treating practitioner, the institution, the event and its time alone. Put it behind `tell_once`;
    the `direct` end sends it as the text of a mail.

    Args:
        time_zone: The zone of times without an offset in messages whose MSH-7 has none.
    """
    notice = notice_of(message, time_zone)
    return message.derive("adt_to_text", body=wording(message.er7, notice, time_zone).encode(), format=TEXT)
