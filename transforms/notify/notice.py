"""What a notice says of itself: what happened when, who is told, and how much."""

from __future__ import annotations

import re
from typing import NamedTuple

from schemas.hl7v2 import Er7
from schemas.message import HL7V2, Message
from transforms.moments import moment
from transforms.step import StepError

_OFFSET = re.compile(r"[+-]\d{4}\Z", re.ASCII)
_WORDS = {
    "admit": "admission",
    "emergency": "visit to the emergency department",
    "observation": "stay under observation",
    "outpatient": "outpatient visit",
    "transfer": "transfer",
    "discharge": "discharge",
}
_OF_PHASE = {"arrival": "admission", "transfer": "transfer", "discharge": "discharge"}


class Notice(NamedTuple):
    """What the steps of a notification say of it: `phase`, `kind`, when (a dateTime), who is told where, how much.

    `visit` identifies the visit across the sender's messages, `institution` is the name of where it happened.
    `content` is `minimum` or `full`.
    """

    phase: str
    kind: str
    occurred: str = ""
    subscriber: str = ""
    title: str = ""
    address: str = ""
    panel: str = ""
    member: str = ""
    content: str = "full"
    event: str = ""
    visit: str = ""
    institution: str = ""
    institution_npi: str = ""

    @property
    def is_least(self) -> bool:
        """Whether the subscriber gets what 42 CFR 482.24(d)(2) demands, and nothing else."""
        return self.content == "minimum"

    @property
    def roster(self) -> str:
        """Whose number of the patient `member` is."""
        return self.panel or self.subscriber

    @property
    def heading(self) -> str:
        """What the notice is, in one line, and whether it changes or takes back another: `Notice of discharge`."""
        what = "end of outpatient visit" if self.ends_outpatient else _WORDS.get(self.event, _OF_PHASE[self.phase])
        if self.kind == "update":
            return f"Update of the notice of {what}"
        return f"Withdrawn: notice of {what}" if self.kind == "withdrawal" else f"Notice of {what}"

    @property
    def ends_outpatient(self) -> bool:
        """Whether a visit ends for which nobody was admitted."""
        return self.event == "outpatient" and self.phase == "discharge"


def notice_of(message: Message, time_zone: str = "") -> Notice:
    """The notice that the steps before made of an ADT message; raises `StepError` where they did not.

    `time_zone` is that of times without an offset in messages whose MSH-7 has none.
    """
    if message.format != HL7V2:
        raise StepError(f"only HL7 v2 becomes a notice here, and the body is {message.format}", "put the step before")
    get = message.get
    if get("notice.phase") not in _OF_PHASE:
        raise StepError("nothing says what happened", "put notify_event, match_panel and tell_once before this step")
    return Notice(
        phase=get("notice.phase"),
        kind=get("notice.kind"),
        occurred=moment(happened(message.er7), zone_of(message.er7, time_zone)).text,
        subscriber=get("subscriber.id"),
        title=get("subscriber.title"),
        address=get("subscriber.address"),
        panel=get("match.panel"),
        member=get("subscriber.member"),
        content=get("subscriber.content") or "full",
        event=get("notice.event"),
        visit=get("notice.visit"),
        institution=get("notice.institution"),
        institution_npi=get("EVN-7.2") if get("EVN-7.3") == "NPI" else "",
    )


def happened(er7: Er7) -> str:
    """When it happened, as the sender writes it: EVN-6, else when it was recorded, EVN-2, else when it was sent."""
    return er7.get("EVN-6.1") or er7.get("EVN-2.1") or er7.get("MSH-7.1")


def zone_of(er7: Er7, time_zone: str) -> str:
    """The zone of times without an offset: that of MSH-7, else `time_zone`."""
    found = _OFFSET.search(er7.get("MSH-7.1"))
    return found.group() if found is not None else time_zone
