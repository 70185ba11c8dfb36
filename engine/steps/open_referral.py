"""The step `open_referral`: what a message says of a referral, whatever it travels in."""

from __future__ import annotations

import re
from dataclasses import replace

from channels.direct.error import DirectError
from channels.direct.mime import Entity, MailFacts
from engine.steps.carried import NothingCarriedError, acts_of, carried_by
from engine.steps.refused import refused_mail, refused_referral
from engine.steps.said import outcome, read_in
from schemas.content import Kind, recognize
from schemas.message import CCDA, FHIR, HL7V2, MAIL, Message
from schemas.tables import CodeMap, CodeMapFile
from schemas.values import Template
from transforms import Nothing, sets, step
from transforms.moments import TimeZone
from transforms.refer import Identifier, NoActError, ReferralError, ReferralMessage, Side
from transforms.refer.facts import FACTS, UNKNOWN, facts_of
from transforms.refer.person import are_two, numbers_of
from transforms.refer.read import read
from transforms.refer.state import State
from transforms.refer.thread import Thread
from transforms.registry import Registry

_REFERRAL_NOTE = "57133-1"
_ASKING = (_REFERRAL_NOTE, "34133-9", "18761-7")
"""LOINC codes of documents that ask for a patient to be seen: Referral Note, CCD, Transfer Summary."""
_OPEN = (State.REQUESTED, State.ACCEPTED, State.BOOKED, State.NO_SHOW)
_FORMS = {HL7V2: "ref", FHIR: "fhir"}
_DELIVERY = re.compile(r"\s*<([0-9a-f]{32})\.")
"""The Message-ID of a mail of ours begins with the id of its delivery."""


@step
@sets(*FACTS, "referral.form", "referral.sender", UNKNOWN)
def open_referral(
    message: Message,
    *,
    registry: Registry,
    time_zone: TimeZone = "",
    systems: CodeMapFile | None = None,
    sender: Template = "",
) -> list[Message]:
    """Say what a message does in which referral (`referral.*`, docs/referrals.md): of a mail or an XDM package with a
    360X message or a clinical document, of OMG, OSU, SIU, REF and RRI, of a FHIR Bundle or Task. The body stays.

    A mail with several packages gives a message for each. What changes nothing of a referral is filtered. A clinical
    document alone is the outcome of the open referral that it answers (In-Reply-To, else the one that its sender has
    about the patient), or a request; where neither is certain, `referral.unknown` says why, and nothing else is set:
    route it by that to a work list.

    Args:
        time_zone: The zone of times without an offset in messages whose MSH-7 has none.
        systems: A code map of identifier systems by assigning authority, as for `v2_to_fhir`.
        sender: The address that answers go to, a template. Without it that is the mail's From, MSH-4 of a message of
            HL7 v2, MessageHeader.source.endpoint of one in FHIR, else the name of the FHIR client.
    """
    address = message.fill(sender).strip()
    opened = [(each, _Opening(each, registry, time_zone, systems, address).facts()) for each in acts_of(message)]
    made = [each.derive("open_referral", attributes=facts) for each, facts in opened if facts is not None]
    return made or Nothing("it changes nothing of a referral")


class _Opening:
    """One message under opening."""

    def __init__(
        self, message: Message, registry: Registry, time_zone: str, systems: CodeMap | None, sender: str
    ) -> None:
        self._message = message
        self._registry = registry
        self._time_zone = time_zone
        self._systems = systems
        self._from, self._answers = _headers(message)
        self._sender = sender

    def facts(self) -> dict[str, str] | None:
        """The attributes; None where nothing of a referral is changed."""
        try:
            carried = carried_by(self._message)
        except NothingCarriedError as error:
            return {UNKNOWN: error.reason}
        try:
            said = read_in(self._message, self._time_zone, self._systems)
        except NoActError:
            return None
        except ReferralError as error:
            raise refused_referral(error) from None
        if self._is_of_two(said):
            return {UNKNOWN: "a document that came along is about another patient"}
        form = _FORMS.get(self._message.format, "360x")
        sender = self._sender or self._own_sender()
        if carried.is_document:
            known = self._judged(said, carried.message.get("/ClinicalDocument/code/@code"), sender)
            if isinstance(known, str):
                return {UNKNOWN: known}
            said = known
        if not said.referral.system:
            said = replace(said, referral=Identifier(said.referral.value, sender))
        return {**facts_of(said), "referral.form": form, "referral.sender": sender}

    def _is_of_two(self, said: ReferralMessage) -> bool:
        """Whether a clinical document that came along is about another patient than what is said."""
        for each in said.documents:
            if recognize(each.body) is not Kind.CCDA:
                continue
            document = self._message.derive("open_referral/document", body=each.body, format=CCDA)
            try:
                if are_two(said.patient, read(document, systems=self._systems).patient):
                    return True
            except ReferralError:
                continue  # without a header that can be read there is nothing to compare
        return False

    def _own_sender(self) -> str:
        """The address that the message itself gives, else what its end knows."""
        get = self._message.get
        if self._message.format == HL7V2:
            return get("MSH-4.1") or get("MSH-4.2")
        if self._message.format == FHIR:
            return get("MessageHeader.source.endpoint") or get("fhir.client")
        return self._from

    def _judged(self, said: ReferralMessage, code: str, sender: str) -> ReferralMessage | str:
        """What a clinical document alone is: a request, an outcome, or why that is not known."""
        answered = self._answered(sender)
        if answered is not None:
            if answered.is_about_another(numbers_of(said.patient)):
                return "the document answers our mail, and is about another patient than the referral"
            return outcome(said, answered.referral)
        if code == _REFERRAL_NOTE:
            return said
        threads = self._threads(said, sender)
        if len(threads) > 1:
            return f"the document may be the outcome of {len(threads)} referrals of this patient to its sender"
        if threads:
            return outcome(said, threads[0].referral)
        return said if code in _ASKING else "the document answers no referral, and is none that asks for something"

    def _answered(self, sender: str) -> Thread | None:
        """The thread of our mail that this one answers, where its sender is whom the patient was referred to."""
        delivery = _DELIVERY.match(self._answers)
        thread = self._registry.referral_of(delivery.group(1)) if delivery is not None else None
        return thread if thread is not None and _is_recipient(thread, sender) else None

    def _threads(self, said: ReferralMessage, sender: str) -> list[Thread]:
        """The open threads about the patient of a document that were referred to its sender."""
        found: dict[Identifier, Thread] = {}
        for patient in numbers_of(said.patient):
            for thread in self._registry.referrals_about(patient, sender):
                if _is_recipient(thread, sender) and thread.state in _OPEN:
                    found[thread.referral] = thread
        return list(found.values())


def _is_recipient(thread: Thread, sender: str) -> bool:
    return bool(sender) and thread.contact(Side.RECIPIENT).address.lower() == sender.lower()


def _headers(message: Message) -> tuple[str, str]:
    """From and In-Reply-To of a mail, "" of anything else."""
    if message.format != MAIL:
        return message.get("direct.from"), ""
    try:
        headers = Entity.parse(message.body).headers
        return message.get("direct.from") or MailFacts.of(headers).sender.spec, headers.get("in-reply-to")
    except DirectError as error:
        raise refused_mail(error) from None
