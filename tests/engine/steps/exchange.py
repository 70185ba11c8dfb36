"""An exchange of referrals without a network: the steps of a channel, and what commits would have kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from itertools import count

from channels.direct.xdm import Sending, submit, write_xdm
from engine.steps import find_specialist, open_referral, to_360x, to_ref, to_service_request
from schemas.content import recognize
from schemas.fhir import dumps
from schemas.ids import derived_id, first_id_at
from schemas.message import FHIR, HL7V2, MAIL, Message
from tests.transforms.notify.fakes import FakeRegistry
from tests.transforms.refer.making import NOW
from transforms.refer import Identifier, ReferralMessage, Side
from transforms.refer.facts import referral_in
from transforms.refer.fhir import FhirEnds, write_fhir
from transforms.refer.ref import write_ref
from transforms.refer.thread import Thread, noted_of
from transforms.refer.track import track_referral
from transforms.refer.v2.written import Ends
from transforms.refer.x360 import write_360x
from transforms.registry import Provider

OURS = "referrals@direct.exchange.example"
PRACTICES = {"360x": "front@practice.example", "ref": "PRACTICE", "fhir": "https://practice.example/fhir"}
CLINICS = {"360x": "cards@clinic.example", "ref": "CLINIC", "fhir": "https://clinic.example/fhir"}
_ENDPOINTS = {"360x": "direct", "ref": "mllp", "fhir": "fhir"}


def specialist(form: str, npi: str = "9992033313", **more: object) -> Provider:
    """An entry of the directory that is reached in `form`."""
    endpoints = {_ENDPOINTS[form]: CLINICS[form]}
    return replace(Provider(npi, "practitioner", "Pellworth Imogen", ("207RC0000X",), (), endpoints), **more)  # type: ignore[arg-type]


@dataclass
class Exchange(FakeRegistry):
    """The registry, and the flow of every message through it; `deliveries` are the threads by what was sent."""

    threads: dict[Identifier, Thread] = field(default_factory=dict)
    deliveries: dict[str, Identifier] = field(default_factory=dict)
    now: datetime = NOW

    def providers(self, specialty: str = "", place: str = "", name: str = "") -> Sequence[Provider]:
        wanted = set(name.split())
        of_name = [each for each in self.directory.values() if wanted <= set(each.name.split())]
        return [each for each in of_name if not specialty or specialty in each.specialties]

    def referral(self, referral: Identifier, message: str) -> Thread:
        known = self.threads.get(referral, Thread(referral))
        return replace(known, noted=tuple(each for each in known.noted if each.message != message))

    def referral_of(self, delivery: str) -> Thread | None:
        known = self.deliveries.get(delivery)
        return self.threads[known] if known is not None else None

    def referrals_about(self, patient: Identifier, address: str) -> Sequence[Thread]:
        about = [each for each in self.threads.values() if each.patient(Side.INITIATOR) == patient]
        return [each for each in about if each.is_party(address)]

    def opened(self, message: Message) -> list[Message]:
        """What the steps of a channel make of a message."""
        opened = open_referral(message, registry=self)
        return [track_referral(find_specialist(each, registry=self), registry=self) for each in opened]

    def take(self, message: Message) -> Message:
        """The message that goes to the other side, in its form; it is part of the thread then."""
        (tracked,) = self.opened(message)
        written = write(tracked)
        referral = referral_in(tracked)
        thread = self.threads.get(referral, Thread(referral))
        self.threads[referral] = replace(thread, noted=(*thread.noted, noted_of(tracked, message.id)))
        self.deliveries[written.id] = referral
        return written


def write(message: Message) -> Message:
    """A message in the form that its other side reads."""
    match message.get("referral.to.form"):
        case "360x":
            return to_360x(message, from_=OURS, source_id="2.999.99")
        case "ref":
            return to_ref(message)
        case "fhir":
            return to_service_request(message, source="https://exchange.example/fhir")
    raise AssertionError(message.get("referral.reason") or message.get("recipient.rule"))


_numbers = count(1)


def arrives(said: ReferralMessage, form: str, *, at: datetime = NOW) -> Message:
    """What an independent sender would send: the codecs' own words, in the envelope of that form."""
    sender = (PRACTICES if said.act.side is Side.INITIATOR else CLINICS)[form]
    return message_of(body_of(said, form, sender), form, sender, at)


def body_of(said: ReferralMessage, form: str, sender: str) -> bytes:
    """The body of an act in a form: a package, a message of HL7 v2, a Bundle."""
    match form:
        case "360x":
            return package(write_360x(said).message.encode(), *(each.body for each in said.documents))
        case "ref":
            return write_ref(said, ends=Ends(sending_facility=sender)).message.encode()
    return dumps(write_fhir(said, ends=FhirEnds(sender)).resource)


def message_of(body: bytes, form: str, sender: str, at: datetime = NOW) -> Message:
    """The message that an end would hand over; a package comes in a mail."""
    if form == "360x":
        return mail([body], sender, at=at)
    return Message(_new_id(at), "referrals", HL7V2 if form == "ref" else FHIR, body, at)


def package(*documents: bytes) -> bytes:
    """An XDM package."""
    numbers = count(1)
    sending = Sending("a@x.example", (OURS,), "2.999.360.21")
    return write_xdm(submit(documents, sending, NOW, lambda: f"{next(numbers):032x}"), NOW)


def mail(files: Sequence[bytes], sender: str, *, answers: str = "", at: datetime = NOW) -> Message:
    """A mail with these files attached."""
    made = EmailMessage()
    made["From"], made["To"], made["Message-ID"] = sender, OURS, f"<{next(_numbers)}@x.example>"
    made["Date"], made["Subject"] = format_datetime(at), "Referral"
    if answers:
        made["In-Reply-To"] = f"<{answers}.0123456789abcdef@direct.exchange.example>"
    made.set_content("Please see.\n")
    for each in files:
        type, subtype = recognize(each).media_type.split("/")
        made.add_attachment(each, type, subtype, filename="a.bin")
    body = made.as_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    return Message(_new_id(at), "referrals", MAIL, body, at, attributes={"direct.from": sender})


def _new_id(at: datetime) -> str:
    return derived_id(first_id_at(at), str(next(_numbers)))


def reread(written: Message, form: str) -> Message:
    """The other side's own view of a written message: opened as its system would."""
    delivered = mail([written.body], OURS) if form == "360x" else message_of(written.body, form, OURS)
    (opened,) = open_referral(delivered, registry=Exchange())
    return opened
