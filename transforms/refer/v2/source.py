"""A message of a referral in HL7 v2 as it is read: its segments, its patient, and what it says of their health."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cached_property

from schemas.fhir import Element, Resource
from schemas.hl7v2 import Er7
from schemas.tables import CodeMap
from transforms.moments import moment
from transforms.refer.error import ReferralError
from transforms.v2_to_fhir.convert import convert
from transforms.v2_to_fhir.options import Options
from transforms.v2_to_fhir.run import Run
from transforms.v2_to_fhir.segments.pid import pid_patient
from transforms.v2_to_fhir.source import SourceSegment, Value

_CLINICAL = ("Condition", "AllergyIntolerance", "Observation", "Procedure", "FamilyMemberHistory")
"""What a message says of a patient's health."""
_AROUND = ("Patient", "ServiceRequest", "DiagnosticReport", "Task")
"""What only holds it together: the referral itself says who is referred and why."""


class Source:
    """One message under reading; `received` stands for times that the message does not give."""

    def __init__(self, er7: Er7, received: datetime, time_zone: str, systems: CodeMap | None) -> None:
        self.er7 = er7
        self.received = received
        self._options = Options(
            bundle="collection", profile="none", unmapped_field="report", time_zone=time_zone, systems=systems
        )
        self.run = Run(er7, self._options, received)
        self.segments = self.run.segments

    def first(self, name: str) -> SourceSegment | None:
        """The first segment called `name`."""
        return next((each for each in self.segments if each.name == name), None)

    def all(self, name: str) -> list[SourceSegment]:
        """The segments called `name`."""
        return [each for each in self.segments if each.name == name]

    def need(self, name: str) -> SourceSegment:
        """The first segment called `name`; raises `ReferralError` where there is none."""
        found = self.first(name)
        if found is None:
            raise ReferralError(f"the message has no {name} segment", where=name, hint="every one of a referral has it")
        return found

    @cached_property
    def patient(self) -> Resource:
        """PID as a Patient; raises `ReferralError` where there is no PID."""
        patient = pid_patient(self.need("PID"), self.run)
        for identifier in patient.get("identifier", []):
            _without_reference(identifier)
        return patient

    def clinical(self, *without: SourceSegment) -> Resource | None:
        """A Bundle of what the message says of the patient's health beside the segments `without`; None of nothing."""
        left_out = {(each.name, each.number) for each in without}
        kept = [each for each in self.er7.segments if (each.name, each.occurrence) not in left_out]
        bundle = convert(self.er7.only(kept), self._options, self.received).bundle
        if bundle is None:
            return None
        resources = {f"urn:uuid:{each['resource']['id']}": each["resource"] for each in bundle["entry"]}
        wanted = [url for url, each in resources.items() if each["resourceType"] in _CLINICAL]
        for url in wanted:
            resources[url].pop("basedOn", None)
        entries = [{"fullUrl": url, "resource": resources[url]} for url in _with_referred(wanted, resources)]
        return {"resourceType": "Bundle", "type": "collection", "entry": entries} if entries else None

    def moment(self, text: str) -> datetime | None:
        """The moment that a DTM says; None where it says none, or a time of day of which no zone is known."""
        found = moment(text, self.run.zone)
        if not found.text or not found.is_exact:
            return None
        written = f"{found.text}-01-01"[:10] if len(found.text) < 10 else found.text
        try:
            said = datetime.fromisoformat(written.replace(":60", ":59"))
        except ValueError:
            return None
        return said if said.tzinfo is not None else said.replace(tzinfo=UTC)

    def hour(self, text: str) -> datetime | None:
        """The moment that a DTM says with a time of day; None of a day alone, and where `moment` is none."""
        return self.moment(text) if len(text) > len("20260401") else None

    def certain_hour(self, text: str, where: str) -> datetime:
        """When an appointment at `where` begins; raises `ReferralError` where that leaves the hour open."""
        found = self.hour(text)
        if found is None:
            hint = "name the sender's time_zone, or have it send the offset: nobody may come at the wrong hour"
            raise ReferralError("the time of the appointment is not certain", where=where, hint=hint)
        return found

    @property
    def at(self) -> datetime:
        """When the message was made: MSH-7, else when it was received."""
        return self.moment(self.er7.get("MSH-7[1].1")) or self.received

    def notes(self, segments: Iterable[SourceSegment]) -> str:
        """The text of NTE segments, a line each."""
        return "\n".join(value.whole() for each in segments for value in each[3]).strip()

    def facility(self, field: int) -> Value | None:
        """MSH-4 or MSH-6, else the application before it."""
        msh = self.segments[0]
        return msh.first(field) or msh.first(field - 1)


def _without_reference(identifier: Element) -> None:
    """The system says who assigned the number; the Organization stays behind in the message."""
    assigner = identifier.get("assigner", {})
    assigner.pop("reference", None)
    if not assigner:
        identifier.pop("assigner", None)


def _with_referred(wanted: list[str], resources: dict[str, Resource]) -> list[str]:
    """The addresses `wanted`, and those that these resources refer to."""
    found, seen = list(wanted), set(wanted)
    for url in found:
        for each in _references(resources[url]):
            if each in resources and each not in seen and resources[each]["resourceType"] not in _AROUND:
                seen.add(each)
                found.append(each)
    return found


def _references(value: object) -> Iterable[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == "reference" and isinstance(inner, str):
                yield inner
            else:
                yield from _references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner)
