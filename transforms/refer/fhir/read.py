"""A BSeR message, a transaction with a ServiceRequest and a Task, or one Task, to what it says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime

from schemas.fhir import Element, Resource
from transforms.elements import OWN
from transforms.fhir_node import Node
from transforms.refer.error import NoActError, ReferralError
from transforms.refer.fhir.documents import documents_of, is_document, refuse_missing
from transforms.refer.fhir.parties import party
from transforms.refer.fhir.source import NO_ENTRY, Entries, Entry, uuid_of
from transforms.refer.fhir.values import concept, identifier, moment, typed
from transforms.refer.fhir.words import (
    BUSINESS_STATUS,
    BY_BUSINESS,
    BY_STATUS,
    EVENT_CANCELLED,
    FILLER,
    NOT_BOOKED,
    PATIENT_REFERRAL,
    PLACER,
    REFINED,
)
from transforms.refer.referral import (
    NO_CODE,
    Act,
    Appointment,
    Attached,
    Coded,
    Identifier,
    Party,
    Priority,
    ReferralMessage,
    Side,
)

_PRIORITIES: dict[str, Priority] = {"routine": "routine", "urgent": "urgent", "asap": "asap", "stat": "stat"}
_REVOKED, _ENDED = ("revoked", "entered-in-error"), ("cancelled", "entered-in-error")
"""The statuses of a ServiceRequest, and of a Task, that is not asked for any more."""
CONTROL = f"{OWN}referral-message"
"""The system of a message's own identifier, where the sender of it gives none."""


def read_fhir(body: Resource, received: datetime, documents: Iterable[Attached] = ()) -> ReferralMessage:
    """The act that a body says; raises `ReferralError` where it says none."""
    entries = Entries(body)
    task = _task(entries)
    request = _request(task, entries)
    if not task.resource and not request.resource:
        what = "there is neither a Task nor a ServiceRequest"
        raise ReferralError(what, where="Bundle.entry", hint="a referral in FHIR has one or both")
    return _Reading(entries, task, request, received).message(documents)


def _task(entries: Entries) -> Entry:
    """The Task of the message: that of its header's focus, else the only one that is no part of another."""
    focused = entries.named(entries.first("MessageHeader").node.all("focus"), "Task")
    found = focused or [each for each in entries.of_type("Task") if not entries.named(each.node.all("partOf"), "Task")]
    return _only(found, "Tasks")


def _request(task: Entry, entries: Entries) -> Entry:
    """The ServiceRequest that the Task is about, else the only one; none where the Task is about one elsewhere."""
    found = entries.of_type("ServiceRequest")
    if not task.resource:
        return _only(found, "ServiceRequests")
    focus = task.node.one("focus")
    named = entries.named([focus, *task.node.all("basedOn")], "ServiceRequest")
    if named:
        return named[0]
    own = [*task.node.all("identifier"), task.node.one("groupIdentifier"), focus.one("identifier")]
    numbers = {each for one in own if (each := identifier(one, entries)) is not None}
    same = [each for each in found if any(identifier(one, entries) in numbers for one in each.node.all("identifier"))]
    if same or focus:
        return next(iter(same), NO_ENTRY)
    return _only(found, "ServiceRequests")


def _only(found: list[Entry], what: str) -> Entry:
    if len(found) > 1:
        hint = "each is a referral of its own: its sender should send them apart"
        raise ReferralError(f"there are several {what}", where=found[1].node.path, hint=hint)
    return next(iter(found), NO_ENTRY)


def _booked(entries: Entries) -> Entry:
    """The appointment: one that stands goes before one that was cancelled for it."""
    found = entries.of_type("Appointment")
    standing = [each for each in found if each.node.peek("status") not in NOT_BOOKED]
    return next(iter(standing or found), NO_ENTRY)


class _Reading:
    """One body: its Task, its ServiceRequest (either may be missing) and what goes with them."""

    def __init__(self, entries: Entries, task: Entry, request: Entry, received: datetime) -> None:
        self.entries = entries
        self.task = task.node
        self.request = request.node
        self.received = received
        subjects = entries.named([self.task.one("for"), self.request.one("subject")], "Patient")
        if len(subjects) > 1:
            hint = "its sender should say who is referred"
            raise ReferralError(
                "the Task and its order are about two patients", where=f"{task.node.path}.for", hint=hint
            )
        self.patient = entries.patient_of(self.task.one("for"), self.request.one("subject"))
        self.booked = _booked(entries)

    def message(self, documents: Iterable[Attached]) -> ReferralMessage:
        """What it says."""
        references = list(self._references())
        parts = [*self.task.all("input"), *self.task.all("output")]
        attachments = [each.one("valueAttachment") for each in parts if each.has("valueAttachment")]
        act = self._act()
        refuse_missing(self._sent_by(act.side), self.entries)
        held = tuple(documents_of(references, attachments, self.entries, self.patient))
        return ReferralMessage(
            act=act,
            referral=self._referral(),
            at=self._at(),
            patient=self._patient(),
            control_id=self._control_id(),
            filler=typed([*self.request.all("identifier"), *self.task.all("identifier")], FILLER, self.entries),
            initiator=self._party(self.request.one("requester"), self.task.one("requester")),
            recipient=self._recipient(),
            service=self._service(),
            priority=_PRIORITIES.get(self.request.peek("priority") or self.task.peek("priority"), ""),
            until=self._until(),
            reason=tuple(each for each in map(concept, self.request.all("reasonCode")) if any(each)),
            explanation=self._explanation(),
            appointment=self._appointment(),
            clinical=self._clinical(),
            documents=(*held, *documents),
        )

    def _act(self) -> Act:
        if not self.task:
            return self._act_of_request()
        codes = [each.peek("code") for each in self.task.one("code").all("coding")]
        status = self.task.peek("status")
        by_status = BY_STATUS.get(status)
        if (by_status is Act.REQUEST or status == "entered-in-error") and self._is_withdrawn(status):
            return Act.CANCEL
        if by_status is None:
            what = "the status of the Task says no act of a referral"
            raise NoActError(what, where=f"{self.task.path}.status", hint="docs/referral-forms.md lists those that do")
        if by_status is Act.REQUEST and ("change" in codes or "replace" in codes):
            return Act.CHANGE
        if by_status is Act.REQUEST and "abort" in codes:
            return Act.CANCEL
        for coding in self.task.one("businessStatus").all("coding"):
            code = coding.peek("code")
            if coding.peek("system") not in (BUSINESS_STATUS, ""):
                continue
            if code == EVENT_CANCELLED and status != "requested":
                raise self._no_appointment(f"{self.task.path}.businessStatus")
            refined = BY_BUSINESS.get(code)
            if refined is Act.BOOK and self.booked.node.peek("status") in NOT_BOOKED:
                raise self._no_appointment(f"{self.booked.node.path}.status")
            if refined is not None and refined in REFINED[status]:
                return refined
        return self._act_of_status(status, by_status)

    @staticmethod
    def _no_appointment(where: str) -> NoActError:
        hint = "the referral stands where it stood; tell the initiator otherwise"
        return NoActError("an appointment was cancelled", where=where, hint=hint)

    def _act_of_request(self) -> Act:
        status = self.request.peek("status")
        if status == "active":
            return Act.REQUEST
        if status in _REVOKED:
            return Act.CANCEL
        what = "the status of the ServiceRequest says no act of a referral"
        raise NoActError(what, where=f"{self.request.path}.status", hint="active asks, revoked cancels")

    def _act_of_status(self, status: str, found: Act) -> Act:
        """What a Task without a business status says: by what it brings, or who sends it."""
        if status in ("accepted", "in-progress") and self._is_withdrawn(status):
            return Act.CANCEL
        if status == "in-progress":
            booked = self.booked.node.peek("status")
            if booked in NOT_BOOKED:
                raise self._no_appointment(f"{self.booked.node.path}.status")
            if booked == "noshow":
                return Act.NO_SHOW
            if booked in ("booked", "arrived", "fulfilled", "pending"):
                return Act.BOOK
            return Act.INTERIM if self.task.has("output") else Act.ACCEPT
        return Act.CANCEL if status == "cancelled" and self._is_withdrawn(status) else found

    def _is_withdrawn(self, status: str) -> bool:
        """Whether the initiator does not ask any more: it says that itself, or its ServiceRequest does."""
        sender = self.entries.first("MessageHeader").node.one("sender").peek("reference")
        if sender and sender in (self.task.one(name).peek("reference") for name in ("requester", "owner")):
            is_from_requester = sender == self.task.one("requester").peek("reference")
            return is_from_requester and (status in _ENDED or self._is_revoked())
        return self._is_revoked()

    def _is_revoked(self) -> bool:
        return self.request.peek("status") in _REVOKED

    def _referral(self) -> Identifier:
        focus = self.task.one("focus").one("identifier")
        found = (
            typed(self.request.all("identifier"), PLACER, self.entries)
            or identifier(focus, self.entries)
            or identifier(self.task.one("groupIdentifier"), self.entries)
            or typed(self.task.all("identifier"), PLACER, self.entries)
            or self._untyped(self.request)
            or self._untyped(self.task)
        )
        if found is None:
            where = f"{(self.request or self.task).path}.identifier"
            raise ReferralError(
                "the referral has no identifier", where=where, hint="it is what holds messages together"
            )
        return found

    def _untyped(self, node: Node) -> Identifier | None:
        for each in node.all("identifier"):
            if not any(coding.peek("code") == FILLER for coding in each.one("type").all("coding")):
                return identifier(each, self.entries)
        return None

    def _at(self) -> datetime:
        texts = (
            self.task.peek("lastModified"),
            self.entries.bundle.peek("timestamp"),
            self.task.peek("authoredOn"),
            "" if self.task else self.request.peek("authoredOn"),
        )
        return next((each for each in map(moment, texts) if each is not None), self.received)

    def _control_id(self) -> str:
        own = self.entries.bundle.one("identifier").peek("value")
        header = self.entries.first("MessageHeader").node
        task = [each.peek("value") for each in self.task.all("identifier") if each.peek("system") == CONTROL]
        return own or (task[0] if task else "") or header.peek("id") or self.entries.bundle.peek("id")

    def _patient(self) -> Resource:
        if self.patient.resource:
            plain = self.entries.plain(self.patient, self.patient, self._patient_id())
            return {**plain, "identifier": _numbers(plain)} if "identifier" in plain else plain
        for reference in (self.task.one("for"), self.request.one("subject")):
            found = identifier(reference.one("identifier"), self.entries)
            if found is not None:
                named = {"system": found.system} if found.system else {}
                return {"resourceType": "Patient", "identifier": [{**named, "value": found.value}]}
        told = self.task.one("for").peek("reference").rpartition("Patient/")[2]
        if told and self._act() not in (Act.REQUEST, Act.CHANGE):
            return {"resourceType": "Patient", "id": told}  # the thread knows who that is
        raise ReferralError("the patient is not here", where=f"{(self.task or self.request).path}.for")

    def _party(self, *references: Node) -> Party:
        return next((each for each in (party(one, self.entries) for one in references) if each != Party()), Party())

    def _recipient(self) -> Party:
        """To whom; of one whose specialty is not known, what kind of performer is asked for."""
        found = self._party(self.task.one("owner"), self.request.one("performer"))
        return found if any(found.specialty) else replace(found, specialty=concept(self.request.one("performerType")))

    def _service(self) -> Coded:
        code = concept(self.request.one("code"))
        if code.code != PATIENT_REFERRAL:
            return code
        asked = [*self.request.all("orderDetail"), *self.request.all("category")]
        return next((each for each in map(concept, asked) if each.code != PATIENT_REFERRAL and any(each)), NO_CODE)

    def _until(self) -> datetime | None:
        texts = (
            self.task.one("restriction").one("period").peek("end"),
            self.request.one("occurrencePeriod").peek("end"),
            self.request.peek("occurrenceDateTime"),
        )
        return next((each for each in map(moment, texts) if each is not None), None)

    def _explanation(self) -> str:
        given = concept(self.task.one("statusReason"))
        notes = [*self.task.all("note"), *self.request.all("note")]
        texts = [given.text or given.code, *(each.peek("text") for each in notes)]
        return "\n".join(filter(None, texts))

    def _appointment(self) -> Appointment | None:
        found = self.booked
        if not found.resource:
            return None
        start = moment(found.node.peek("start"))
        if start is None or len(found.node.peek("start")) <= 10:
            hint = "Appointment.start is an instant, with its offset"
            raise ReferralError(
                "the time of the appointment is not certain", where=f"{found.node.path}.start", hint=hint
            )
        place = ""
        for each in found.node.all("participant"):
            actor = each.one("actor")
            there = self.entries.resolve(actor)
            if there.type == "Location" or actor.peek("type") == "Location":
                place = place or actor.peek("display") or there.node.peek("name")
        own = next(filter(None, (identifier(each, self.entries) for each in found.node.all("identifier"))), None)
        return Appointment(own or self._referral(), start, moment(found.node.peek("end")), place)

    def _references(self) -> Iterator[Node]:
        """What the referral leads to that may be a document."""
        yield from self.request.all("supportingInfo")
        for name in ("input", "output"):
            for each in self.task.all(name):
                if each.has("valueReference"):
                    yield each.one("valueReference")

    def _sent_by(self, side: Side) -> list[Node]:
        """The references by which that side sends what it brings; the others are what was sent before."""
        parts = self.task.all("output" if side is Side.RECIPIENT else "input")
        own = [each.one("valueReference") for each in parts if each.has("valueReference")]
        return own if side is Side.RECIPIENT else [*own, *self.request.all("supportingInfo")]

    def _clinical(self) -> Resource | None:
        found = {each["fullUrl"]: each for each in self.entries.clinical(self.patient, self._patient_id())}
        for reference in self._references():
            held = self.entries.resolve(reference)
            if is_document(held.resource):
                inner = Entries(held.resource)
                patient = inner.patient_of(inner.first("Composition").node.one("subject"))
                for each in inner.clinical(patient, self._patient_id()):
                    found.setdefault(each["fullUrl"], each)
        return {"resourceType": "Bundle", "type": "collection", "entry": list(found.values())} if found else None

    def _patient_id(self) -> str:
        return uuid_of(self.patient) if self.patient.resource else ""


def _numbers(patient: Resource) -> list[Element]:
    """The identifiers of a patient that are some: with a value, and a system that is text where there is one."""
    listed = patient["identifier"] if isinstance(patient["identifier"], list) else [patient["identifier"]]
    return [
        each
        for each in listed
        if isinstance(each, dict) and isinstance(each.get("value"), str) and isinstance(each.get("system", ""), str)
    ]
