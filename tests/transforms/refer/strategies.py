"""Any message of a referral, for hypothesis."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from urllib.parse import quote

from hypothesis import strategies as st

from schemas.fhir import Resource
from tests.transforms.refer.making import PATIENT, TYPES
from transforms.identity import resource_id
from transforms.refer import Act, Appointment, Attached, Coded, Identifier, Party, ReferralMessage
from transforms.refer.referral import NO_CODE, NOBODY

TEXTS = st.text(st.characters(exclude_categories=("C", "Z")) | st.sampled_from(" |^~\\&#"), min_size=1, max_size=20)
WORDS = TEXTS.map(lambda text: " ".join(text.split())).filter(bool)
"""Text without space at its ends or two in a row, with every delimiter of HL7 v2 in it."""
NAMES = WORDS.map(lambda text: text.replace(" ", "")).filter(bool)
LINES = st.lists(WORDS, min_size=1, max_size=3).map("\n".join)
OIDS = st.lists(st.integers(0, 99999), min_size=1, max_size=4).map(lambda parts: "2.999." + ".".join(map(str, parts)))
SYSTEMS = st.one_of(
    OIDS.map("urn:oid:{}".format),
    st.uuids().map("urn:uuid:{}".format),
    NAMES.filter(lambda name: "|" not in name).map(lambda name: "urn:hie-engine:authority:" + quote(name, safe="")),
    st.sampled_from(["https://practice.example/ids", "urn:dns:practice.example"]),
)
IDENTIFIERS = st.builds(Identifier, WORDS, SYSTEMS)
MOMENTS = st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1)).flatmap(  # noqa: DTZ001 - its zone comes next
    lambda naive: st.sampled_from([UTC, timezone(timedelta(hours=-6)), timezone(timedelta(hours=5, minutes=30))]).map(
        lambda zone: naive.replace(microsecond=0, tzinfo=zone)
    )
)
CODES = st.from_regex(r"[A-Z0-9]{1,8}([.-][0-9])?", fullmatch=True)
CODE_SYSTEMS = st.sampled_from(
    ["http://snomed.info/sct", "http://loinc.org", "http://hl7.org/fhir/sid/icd-10-cm", "urn:oid:2.999.7", "L", "99LOC"]
)
CODED = st.builds(
    Coded, CODES.filter(lambda code: code not in ("3457005", "57133-1")), CODE_SYSTEMS, WORDS | st.just("")
)
SAID = CODED | WORDS.map(lambda text: Coded(text=text))
NPIS = st.from_regex(r"[1-9][0-9]{9}", fullmatch=True)
PHONES = st.from_regex(r"\+1 [2-9][0-9]{2} [0-9]{7}", fullmatch=True)
DIRECT = st.from_regex(r"[a-z]{1,8}@[a-z]{1,8}\.example", fullmatch=True)
PARTIES = st.builds(
    Party,
    npi=NPIS | st.just(""),
    identifiers=st.lists(IDENTIFIERS, max_size=2, unique=True).map(tuple),
    family=NAMES,
    given=st.lists(NAMES, max_size=3).map(tuple),
    organization=WORDS | st.just(""),
    specialty=CODED | st.just(NO_CODE),
    direct=DIRECT | st.just(""),
    phone=PHONES | st.just(""),
)
MEDIA = st.sampled_from(
    ["application/pdf", "text/xml", "text/plain; charset=UTF-8", "image/jpeg", "video/mp4", "application/fhir+json"]
)
DOCUMENTS = st.builds(Attached, st.binary(min_size=1, max_size=200), MEDIA, WORDS | st.just(""), OIDS | st.just(""))
APPOINTMENTS = st.builds(
    lambda identifier, start, length, place: Appointment(identifier, start, length and start + length, place),
    IDENTIFIERS,
    MOMENTS,
    st.none() | st.integers(5, 300).map(lambda minutes: timedelta(minutes=minutes)),
    WORDS | st.just(""),
)


@st.composite
def patients(draw: st.DrawFn) -> Resource:
    """A patient with the numbers of both sides."""
    numbers = draw(st.lists(IDENTIFIERS, min_size=1, max_size=3, unique=True))
    kinds = ["MR", "PI", "PI"]
    return {
        **PATIENT,
        "id": resource_id("Patient", numbers[0].system, numbers[0].value),
        "identifier": [
            {"type": {"coding": [{"system": TYPES, "code": kind}]}, "system": each.system, "value": each.value}
            for each, kind in zip(numbers, kinds, strict=False)
        ],
        "name": [{"family": draw(NAMES), "given": [draw(NAMES)], "use": "official"}],
        "birthDate": draw(st.dates()).isoformat(),
    }


@st.composite
def messages(draw: st.DrawFn, *acts: Act) -> ReferralMessage:
    """A message of one of these acts, with any of the facts that such a message may have."""
    act = draw(st.sampled_from(acts or tuple(Act)))
    found = ReferralMessage(
        act,
        draw(IDENTIFIERS),
        draw(MOMENTS),
        draw(patients()),
        control_id=draw(st.from_regex(r"[A-Z0-9-]{1,20}", fullmatch=True)),
        filler=draw(st.none() | IDENTIFIERS),
        initiator=draw(st.just(NOBODY) | PARTIES),
        recipient=draw(st.just(NOBODY) | PARTIES),
        explanation=draw(st.just("") | LINES),
        documents=tuple(draw(st.lists(DOCUMENTS, max_size=2))),
        service=draw(st.just(NO_CODE) | SAID),
        priority=draw(st.sampled_from(["", "routine", "urgent", "asap", "stat"])),
        until=draw(st.none() | MOMENTS),
        reason=tuple(draw(st.lists(SAID, max_size=2))),
    )
    if act in (Act.BOOK, Act.NO_SHOW):
        found = replace(found, appointment=draw(APPOINTMENTS))
    return found
