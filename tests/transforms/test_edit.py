"""`set`, `remove` and `copy`: what is addressed changes, every other byte stays."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.hl7v2 import Hl7Error
from tests.transforms.written import UnboundError, bind, message, run, text
from transforms import StepError

RESOURCE = (
    '{"resourceType":"Observation","status":"final","valueQuantity":{"value":7.10},'
    '"component":[{"valueInteger":1},{"valueInteger":2}]}'
)
HEAD = "MSH|^~\\&|ADT1|STANNE|||||ADT^A01|M1|P|2.5\n"
PID = "PID|1||4711^^^STANNE&1.2&ISO^MR~99^^^STATE||Ames^Pen\\T\\y||19700101\n"
ADT = HEAD + PID + "NK1|1|A\nNK1|2|B\nNK1|3|C\nPV1|1|I|W1^2^3\n"


@pytest.mark.parametrize(
    ("written", "before", "after"),
    [
        ("set: {PV1-3.4: STANNE}", "PV1|1|I|W1^2^3\n", "PV1|1|I|W1^2^3^STANNE\n"),
        ("set: {PV1-3.1: A&B}", "W1^2^3", "A\\T\\B^2^3"),
        ('set: {PV1-19: "{MSH-10}/{PID-3[2].1}"}', "W1^2^3\n", "W1^2^3||||||||||||||||M1/99\n"),
        ('set: {PV1-2: "{PV1-3.1}", PV1-3.1: "{PV1-2}"}', "|I|W1^", "|W1|I^"),
        ('set: {"NK1[*]-2": X}', "1|A\nNK1|2|B\nNK1|3|C", "1|X\nNK1|2|X\nNK1|3|X"),
        ("set: {ZPI-2: note}", "W1^2^3\n", "W1^2^3\nZPI||note\n"),
        ('set: {PID-7: ""}', "||19700101\n", "||\n"),
        ('set: {PID-8: ""}', "", ""),
        ("remove: PID-7", "||19700101\n", "|\n"),
        ("remove: [NK1]", "NK1|1|A\n", ""),
        ('remove: ["NK1[1]", "NK1[2]"]', "NK1|1|A\nNK1|2|B\n", ""),
        ('remove: ["NK1[*]", PV1]', "NK1|1|A\nNK1|2|B\nNK1|3|C\nPV1|1|I|W1^2^3\n", ""),
        ('remove: ["PID-3[1]"]', "4711^^^STANNE&1.2&ISO^MR~99", "99"),
        ('remove: ["NK1[1]", "NK1[3]-2"]', "NK1|1|A\nNK1|2|B\nNK1|3|C", "NK1|2|B\nNK1|3"),
        ("remove: [PV1-3.1, PV1-3.2]", "W1^2^3", "^^3"),
        ("remove: [PID-30, ZZZ, OBX-5]", "", ""),
        ('copy: {"PID-3[1]": PV1-5}', "W1^2^3\n", "W1^2^3||4711^^^STANNE&1.2&ISO^MR\n"),
        ("copy: {PID-3: PID-4}", "||Ames", "|4711^^^STANNE&1.2&ISO^MR~99^^^STATE|Ames"),
        ("copy: {PID-5: PID-9}", "||19700101", "||19700101||Ames^Pen\\T\\y"),
        ("copy: {PID: ZPI}", "W1^2^3\n", "W1^2^3\nZ" + PID.replace("PID", "PI", 1)),
        ("copy: {PV1-2: PV1-4, PV1-4: PV1-2}", "|I|W1^2^3", "||W1^2^3|I"),
        ("copy: {MRG-1: PV1-2}", "|I|", "||"),
        ("copy: {MRG: ZMG}", "", ""),
    ],
)
def test_an_edit_changes_what_it_names(written: str, before: str, after: str) -> None:
    assert before in ADT
    (made,) = run(written, message(ADT))
    assert text(made) == ADT.replace(before, after, 1)


@pytest.mark.parametrize(
    ("written", "after"),
    [
        ('set: {subscriber.id: "{PID-3.1}-{message.channel}"}', {"subscriber.id": "4711-adt", "ward.name": "West"}),
        ("set: {ward.name: East}", {"ward.name": "East"}),
        ("remove: ward.name", {}),
        ("remove: [ward.number]", {"ward.name": "West"}),
        ("copy: {PID-5.2: patient.given}", {"ward.name": "West", "patient.given": "Pen&y"}),
        ("copy: {ward.name: ward.old}", {"ward.name": "West", "ward.old": "West"}),
    ],
)
def test_attributes_are_set_and_removed(written: str, after: dict[str, str]) -> None:
    one = message(ADT, ward_name="West")
    (made,) = run(written, one)
    assert dict(made.attributes) == after
    assert made.body is one.body


def test_an_attribute_is_copied_into_the_body_as_text() -> None:
    (made,) = run("copy: {ward.name: PV1-3.1}", message(ADT, ward_name="W&1"))
    assert "W\\T\\1^2^3" in text(made)


@pytest.mark.parametrize(
    "written", ["set: {PV1-2: I}", "remove: [PID-30]", "copy: {PV1-2: PV1-2}", 'set: {ward.name: "West"}']
)
def test_an_edit_that_changes_nothing_leaves_the_message_itself(written: str) -> None:
    one = message(ADT, ward_name="West")
    assert run(written, one) == [one]
    assert run(written, one)[0] is one


@pytest.mark.parametrize(
    "body",
    [
        HEAD.replace("\n", "\r\n") + "PID|1||4711||M\xfcller\r\n\r\n",
        HEAD.replace("2.5", "2.5|||||| 8859/1").replace("\n", "\r") + "PID|1||4711||M\xfcller|||||||\r",
        HEAD.replace("|^~\\&|", "#*~\\&#")
        .replace("MSH#*~\\&#ADT1|STANNE|||||ADT^A01|M1|P|2.5", "MSH#*~\\&#A#B#####ADT*A01#M1#P#2.5")
        .replace("\n", "\r"),
    ],
)
def test_bytes_that_are_not_addressed_stay(body: str) -> None:
    one = message(body.encode("latin-1"))
    (made,) = run("set: {MSH-10: M2}", one)
    assert made.body == one.body.replace(b"M1", b"M2")


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\uffff"), max_size=40))
def test_any_text_set_is_read_again(value: str) -> None:
    one = message(ADT.replace("2.5", "2.5||||||UNICODE UTF-8"), some_value=value)
    (made,) = run('set: {PV1-3.1: "{some.value}"}', one)
    assert message(made.body).get("PV1-3.1") == value
    assert made.body.count(b"\r") == one.body.count(b"\r")


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("set: {PID.3: x}", "not a path"),
        ("set: {message.id: x}", "cannot be changed"),
        ("remove: [pid-3]", "not a path"),
        ('copy: {"NK1[*]-2": PID-9}', "many elements"),
        ("copy: {PID-3: message.id}", "cannot be changed"),
        ("set: PID-3", "mapping|dict"),
    ],
)
def test_a_place_that_is_none_is_refused_when_the_channel_is_bound(written: str, why: str) -> None:
    with pytest.raises(UnboundError, match=why):
        bind(written)


@pytest.mark.parametrize(
    "written", ["set: {PID-3: x}", "remove: [PID-3]", "copy: {PID-3: PID-4}", "copy: {a.b: PID-4}"]
)
def test_a_body_of_another_format_stops_the_message(written: str) -> None:
    with pytest.raises(StepError, match="the body is fhir"):
        run(written, message(b"{}", format="fhir"))


@pytest.mark.parametrize("written", ["set: {MSH-2: x}", 'set: {"OBX[3]-1": x}', "copy: {PID-3: PV1-3.1}"])
def test_an_edit_that_would_damage_the_message_stops_it(written: str) -> None:
    with pytest.raises(Hl7Error):
        run(written, message(ADT))


@pytest.mark.parametrize(
    ("written", "before", "after"),
    [
        ("set: {Observation.status: amended}", "final", "amended"),
        ('set: {"Observation.component[0].valueInteger": "{Observation.component[1].value}"}', ":1}", ":2}"),
        ("set: {Observation.component.valueInteger: 7}", ':1},{"valueInteger":2}', ':7},{"valueInteger":7}'),
        ('set: {Observation.status: ""}', '"status":"final",', ""),
        ('set: {Observation.valueQuantity.unit: "{message.channel}"}', "7.10", '7.10,"unit":"adt"'),
        ('remove: ["Observation.component[0]"]', '{"valueInteger":1},', ""),
        ("remove: [Observation.valueQuantity.value, Patient.name]", '"valueQuantity":{"value":7.10},', ""),
        ("set: {Observation.status: final}", "", ""),
        ("copy: {message.channel: Observation.status}", "final", "adt"),
    ],
)
def test_an_edit_of_fhir_changes_what_it_names(written: str, before: str, after: str) -> None:
    assert before in RESOURCE
    (made,) = run(written, message(RESOURCE.encode(), "fhir"))
    assert text(made) == RESOURCE.replace(before, after, 1)


def test_an_edit_that_changes_nothing_leaves_the_body_as_it_is_laid_out() -> None:
    laid_out = message(RESOURCE.replace(",", ",\n  ").encode(), "fhir")
    assert run("set: {Observation.status: final}", laid_out) == [laid_out]
    (made,) = run("copy: {Observation.value.value: result.value}", laid_out)
    assert (made.body, made.get("result.value")) == (laid_out.body, "7.10")


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("set: {Observation.staus: final}", "no element staus"),
        ("set: {Observation.value: 1}", "no element value"),
        ("set: {\"Observation.component.where(id='a').id\": b}", "read and not written"),
        ("remove: [Observation]", "read and not written"),
        ("copy: {Observation.status: Observation.implicitRules}", "cannot be copied"),
        ("copy: {PID-3.1: Patient.gender}", "cannot be copied"),
        ("copy: {Patient.gender: PID-8}", "attribute only"),
        ("map_codes: {path: Observation.code, map: x.csv}", "not a path into an HL7 v2 message"),
    ],
)
def test_an_edit_of_fhir_that_cannot_be_done_is_refused(written: str, why: str) -> None:
    with pytest.raises(UnboundError, match=why):
        bind(written)


def test_an_edit_of_fhir_stops_another_format() -> None:
    with pytest.raises(StepError, match="element of FHIR and the body is hl7v2"):
        run("set: {Patient.active: true}", message(ADT))
    with pytest.raises(StepError, match="element of HL7 v2 and the body is fhir"):
        run("set: {PID-8: F}", message(RESOURCE.encode(), "fhir"))
