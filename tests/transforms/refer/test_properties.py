"""Whatever a referral says is kept by every form that has a place for it, alone and across forms."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hl7apy.parser import parse_message  # type: ignore[import-untyped]
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.fhir import dumps
from schemas.finding import Finding
from schemas.hl7v2.validate import validate as validate_v2
from schemas.message import CCDA, FHIR, HL7V2, Message
from tests.transforms.refer.making import APPOINTMENT, DOCUMENTS, NOW, RECIPIENT, REQUEST, SAMPLES, TAXONOMY, act
from tests.transforms.refer.strategies import messages
from transforms.refer import Act, Attached, Coded, ReferralError, ReferralMessage
from transforms.refer.facts import facts_of
from transforms.refer.fhir import write_fhir
from transforms.refer.lost import lost_facts
from transforms.refer.read import read
from transforms.refer.ref import write_ref
from transforms.refer.x360 import write_360x

Written = tuple[str, bytes, tuple[Finding, ...], tuple[Attached, ...]]
SAYABLE = [act for act in Act if act is not Act.INQUIRE]
PAGE = Path(__file__).parents[3] / "docs" / "referral-forms.md"
NAMES = {
    "cancel confirmed": Act.CONFIRM_CANCEL,
    "interim note": Act.INTERIM,
    "completed": Act.COMPLETE,
    "booked": Act.BOOK,
    "no-show": Act.NO_SHOW,
}


def x360(message: ReferralMessage) -> Written:
    made = write_360x(message)
    return HL7V2, made.message.encode(), made.findings, message.documents


def ref(message: ReferralMessage) -> Written:
    made = write_ref(message)
    return HL7V2, made.message.encode(), made.findings, ()


def later_ref(message: ReferralMessage) -> Written:
    made = write_ref(message, version="2.8.1", answers="R-1")
    return HL7V2, made.message.encode(), made.findings, ()


def bser(message: ReferralMessage) -> Written:
    made = write_fhir(message)
    return FHIR, dumps(made.resource), made.findings, ()


def transaction(message: ReferralMessage) -> Written:
    made = write_fhir(message, form="transaction")
    return FHIR, dumps(made.resource), made.findings, ()


FORMS = {"360X": x360, "REF and RRI": ref, "later REF": later_ref, "message": bser, "transaction": transaction}


def again(written: Written) -> ReferralMessage:
    format, body, _, documents = written
    return read(Message("0" * 32, "test", format, body, NOW), documents=documents)


def documented() -> Mapping[tuple[str, Act], tuple[set[str], set[str]]]:
    """The page's table: what each form leaves out of an act, always and sometimes."""
    found: dict[tuple[str, Act], tuple[set[str], set[str]]] = {}
    section = PAGE.read_text().partition("## What is not said")[2]
    for form, acts, always, sometimes in re.findall(
        r"^\| (.+?) \| (.+?) \| (.*?) ?\| (.*?) ?\|$", section, re.MULTILINE
    ):
        named = [NAMES.get(each) or Act(each) for each in acts.split(", ") if each not in ("all", "all others", "act")]
        for each in named or [one for one in Act if (form, one) not in found]:
            if form in FORMS:
                left_out = tuple({part for part in listed.split(", ") if part} for listed in (always, sometimes))
                found[form, each] = (left_out[0], left_out[1])
    return found


LEFT_OUT = documented()


def may_leave_out(form: str, act: Act) -> set[str]:
    always, sometimes = LEFT_OUT[form if form != "later REF" else "REF and RRI", act]
    return always | sometimes


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(message=messages(*SAYABLE))
def test_what_is_written_is_read_again_but_for_what_the_page_says(form: str, message: ReferralMessage) -> None:
    written = FORMS[form](message)
    told = {each.where for each in written[2]}
    assert set(lost_facts(message, again(written))) == told
    assert told <= may_leave_out(form, message.act)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("said", SAYABLE)
def test_the_page_names_what_is_always_left_out(form: str, said: Act) -> None:
    specialty = Coded("208D00000X", TAXONOMY, "General Practice")
    facts: dict[str, Any] = {name: getattr(REQUEST, name) for name in ("service", "priority", "until", "reason")}
    facts |= {"recipient": RECIPIENT, "explanation": "Because", "documents": DOCUMENTS}
    if said in (Act.BOOK, Act.NO_SHOW):
        facts["appointment"] = APPOINTMENT
    full = replace(act(said, **facts), initiator=replace(REQUEST.initiator, specialty=specialty))
    told = {each.where for each in FORMS[form](full)[2]}
    assert told == LEFT_OUT[form if form != "later REF" else "REF and RRI", said][0]


@pytest.mark.parametrize(
    ("there", "back"),
    [(one, other) for one in FORMS for other in FORMS if one != other and one != "later REF"],
)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(message=messages(*SAYABLE))
def test_a_referral_survives_the_way_to_another_form_and_back(there: str, back: str, message: ReferralMessage) -> None:
    sent = again(FORMS[there](message))
    crossed = again(FORMS[back](sent))
    returned = again(FORMS[there](crossed))
    allowed = may_leave_out(there, message.act) | may_leave_out(back, message.act)
    assert set(lost_facts(message, returned)) <= allowed
    assert (returned.act, returned.referral, returned.at) == (message.act, message.referral, message.at)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(message=messages(Act.REQUEST, Act.BOOK, Act.COMPLETE))
def test_whatever_is_written_as_v2_is_valid(message: ReferralMessage) -> None:
    for made in (write_360x(message).message, write_ref(message).message, write_ref(message, version="2.8.1").message):
        codes = {each.code for each in validate_v2(made)}
        assert codes <= {"V2-105", "V2-305"}, [str(each) for each in validate_v2(made)]


@pytest.mark.parametrize("said", SAYABLE)
def test_another_reader_of_v2_finds_the_same_groups(said: Act) -> None:
    message = act(said, appointment=APPOINTMENT if said in (Act.BOOK, Act.NO_SHOW) else None, documents=DOCUMENTS)
    for made in (write_360x(message).message, write_ref(message, answers="R-1").message):
        if made.message_type != "OSU":  # which 2.5.1 does not have
            assert parse_message(made.encode().decode(), find_groups=True).validate()


def test_what_is_known_of_the_patients_health_comes_back() -> None:
    more = (
        "AL1|1|DA|7980^Penicillin^RXNORM|SV\rOBR|1||X1|57133-1^Referral note^LN\r"
        "OBX|1|NM|8867-4^Heart rate^LN||61|/min^per minute^UCUM|||||F|||20260312090000+0100\r"
    )
    body = (SAMPLES / "ref_i12.hl7").read_bytes().rstrip(b"\r\n") + b"\r" + more.encode()
    asked = read(Message("0" * 32, "test", HL7V2, body, NOW))
    assert asked.clinical is not None
    kinds = [each["resource"]["resourceType"] for each in asked.clinical["entry"]]
    assert kinds == ["Condition", "AllergyIntolerance", "Observation"]
    for form in ("REF and RRI", "message", "transaction"):
        returned = again(ref(again(FORMS[form](asked))))
        assert returned.clinical is not None
        assert [_content(each) for each in returned.clinical["entry"]] == [
            _content(each) for each in asked.clinical["entry"]
        ]


def _content(entry: dict[str, Any]) -> tuple[str, str, str]:
    resource = entry["resource"]
    said = {name: resource.get(name) for name in ("code", "criticality", "effectiveDateTime", "valueQuantity")}
    about = resource.get("subject") or resource["patient"]
    return resource["resourceType"], dumps(said).decode(), about["reference"]


# whatever comes


def bodies() -> list[tuple[str, bytes]]:
    found = [written[:2] for message in (REQUEST, _full()) for written in (form(message) for form in FORMS.values())]
    found.append((FHIR, dumps(write_fhir(_full(), form="task").resource)))
    found.append((CCDA, (SAMPLES.parent / "ccda" / "consultation_note.xml").read_bytes()))
    booked = act(Act.BOOK, appointment=APPOINTMENT, recipient=RECIPIENT)
    return [*found, *(form(booked)[:2] for form in FORMS.values())]


def _full() -> ReferralMessage:
    return act(Act.COMPLETE, documents=DOCUMENTS, recipient=RECIPIENT, explanation="Seen")


MARKS = (b"", b"|", b"^", b"~", b"\r", b'"', b"&", b"\\", b"0")


def nothing_but_refusals(format: str, body: bytes) -> None:
    try:
        said = read(Message("0" * 32, "test", format, body, NOW))
    except ReferralError:
        return
    assert facts_of(said)["referral.act"] == said.act
    for form in FORMS.values():
        try:
            form(said)
        except ReferralError:
            continue


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**32), st.sampled_from(bodies()))
def test_damaged_bytes_are_read_or_refused(seed: int, body: tuple[str, bytes]) -> None:
    chance = random.Random(seed)
    damaged = bytearray(body[1])
    for _ in range(chance.randint(1, 12)):
        at = chance.randrange(len(damaged))
        end = at + chance.choice((0, 1, 1, 4, 40))
        damaged[at:end] = chance.choice((*MARKS, bytes([chance.randrange(256)])))
    nothing_but_refusals(body[0], bytes(damaged))


JUNK: tuple[Any, ...] = (None, True, 7, -1.5, "", "x", "2026", [], {}, [[]], [{}], ["x"], {"x": "y"}, [None], {"id": 1})


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**32), st.sampled_from([each for each in bodies() if each[0] == FHIR]))
def test_resources_of_any_shape_are_read_or_refused(seed: int, body: tuple[str, bytes]) -> None:
    chance = random.Random(seed)
    resource = json.loads(body[1])
    for _ in range(chance.randint(1, 4)):
        _spoil(resource, chance)
    nothing_but_refusals(FHIR, json.dumps(resource).encode())


def _spoil(resource: dict[str, Any], chance: random.Random) -> None:
    """Put something else in the place of a part, anywhere."""
    part: Any = resource
    while True:
        inside = list(part.items() if isinstance(part, dict) else enumerate(part))
        name, value = chance.choice(inside)
        if isinstance(value, dict | list) and value and chance.random() < 0.85:
            part = value
            continue
        if name != "resourceType":
            part[name] = deepcopy(chance.choice(JUNK))
        return
