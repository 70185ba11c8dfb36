"""`hie try`: the way of one message, each step and what it changed, each route and why."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from engine.channel import Channel
from engine.config.explain import Explanation, explain
from engine.config.sample import sample
from engine.config.site import load_site
from engine.plan import plan

CHANNEL = """
channel: adt
inbound:
  mllp: {listen: 127.0.0.1:2575, senders: [ADT1]}
steps:
  - keep: {MSH-9.1: [ADT, ORU]}
  - set: {PV1-3.4: STANNE, ward.key: "{PV1-3.1}"}
  - look_up: {table: maps/wards.csv, key: ward.key, set: {ward.name: name}}
routes:
  - route: practice-a
    when: {PV1-3.1: W1}
    outbound:
      file: {folder: out/a, name: "{PID-3.1}-{message.id}.hl7"}
    in_order: PID-3.1
  - route: orders
    steps:
      - drop: {MSH-9.1: ADT}
      - split: {by: ORC}
    outbound:
      file: {folder: out/orders}
  - route: archive
    outbound:
      file: {folder: out/archive}
"""
ADT = "MSH|^~\\&|ADT1|STANNE|||20240101||ADT^A01|M1|P|2.5\nPID|1||4711||Ames\nPV1|1|I|W2^2\n"
ORU = ADT.replace("ADT^A01", "ORU^R01").replace("W2", "W1") + "ORC|RE|1\nORC|RE|2\n"


@pytest.fixture
def channel(tmp_path: Path) -> Channel:
    (tmp_path / "channels").mkdir()
    (tmp_path / "maps").mkdir()
    (tmp_path / "maps/wards.csv").write_text("ward,name\nW1,West One\n")
    (tmp_path / "channels/adt.yaml").write_text(CHANNEL)
    found = load_site(tmp_path, {}).channel("adt")
    assert found is not None
    return found


def explained(channel: Channel, body: str) -> Explanation:
    return explain(sample(channel, body.replace("\n", "\r").encode()), channel)


def test_each_step_says_what_it_changed(channel: Channel) -> None:
    keep, set_, look_up = explained(channel, ORU).passages
    assert keep.outputs[0].changes == ()
    assert set_.outputs[0].changes == (("PV1-3.4", "", "STANNE"), ("ward.key", "", "W1"))
    assert look_up.outputs[0].changes == (("ward.name", "", "West One"),)


def test_what_a_step_noticed_is_shown(channel: Channel) -> None:
    made = explained(channel, ADT)
    assert [each.code for each in made.passages[2].outputs[0].findings] == ["MAP-201"]


def test_each_route_says_why(channel: Channel) -> None:
    a, orders, archive = explained(channel, ADT).ways
    assert (a.taken, a.why) == (False, "not met: PV1-3.1: W1 (found W2)")
    assert (orders.taken, orders.why) == (False, "drop: {MSH-9.1: ADT}: holds")
    assert (archive.taken, archive.why) == (True, "always")


def test_each_child_is_the_one_that_the_engine_would_deliver(channel: Channel) -> None:
    message = sample(channel, ORU.replace("\n", "\r").encode())
    ways = explain(message, channel).ways
    made = plan(message, channel)
    assert [each.id for way in ways for each in way.deliveries] == [each.message.id for each in made.children]
    a, orders, _ = ways
    assert a.deliveries[0].order_keys == ("4711",)
    assert a.deliveries[0].outbound == f"file name 4711-{a.deliveries[0].id}.hl7"
    assert [each.body.count("ORC") for each in orders.deliveries] == [1, 1]
    assert "|M1-2|" in orders.deliveries[1].body
    assert [(each.entered, len(each.outputs)) for each in orders.passages] == [(1, 1), (1, 2)]


def test_a_filtered_message_stops_where_it_was_filtered(channel: Channel) -> None:
    made = explained(channel, ADT.replace("ADT^A01", "SIU^S12"))
    assert len(made.passages) == 1
    assert made.ways == ()
    assert made.filtered == made.passages[0].filtered == "keep: {MSH-9.1: [ADT, ORU]}: not met: MSH-9.1: [ADT, ORU]"


def test_a_rejected_message_goes_nowhere(channel: Channel) -> None:
    made = explained(channel, ADT.replace("ADT1", "LAB"))
    assert made.receipt == "rejected: the sender is not allowed"
    assert (made.passages, made.ways) == ((), ())


@pytest.mark.parametrize("shared", [True, False])
def test_a_failure_shows_where_it_happened(channel: Channel, shared: bool, tmp_path: Path) -> None:
    bad = '  - set: {"OBX[3]-1": x}\n'
    text = (
        CHANNEL.replace("routes:\n", f"{bad}routes:\n")
        if shared
        else CHANNEL.replace("      - split", f"    {bad}      - split")
    )
    (tmp_path / "channels/adt.yaml").write_text(text)
    broken = load_site(tmp_path, {}).channel("adt")
    assert broken is not None
    made = explained(broken, ORU)
    passages = made.passages if shared else made.ways[1].passages
    assert passages[-1].failed == made.failed
    assert made.failed is not None
    assert not any(way.deliveries for way in made.ways)


def test_the_explanation_as_text_and_as_json(channel: Channel) -> None:
    made = explained(channel, ADT)
    assert list(made.lines()) == [
        "adt: hl7v2, 81 bytes, accepted",
        "  keep: {MSH-9.1: [ADT, ORU]}",
        '  set: {PV1-3.4: STANNE, ward.key: "{PV1-3.1}"}',
        "      PV1-3.4: nothing -> 'STANNE'",
        "      ward.key: nothing -> 'W2'",
        "  look_up: {table: maps/wards.csv, key: ward.key, set: {ward.name: name}}",
        "      warning: ward.key: MAP-201 maps/wards.csv has no row for the text here (add the row)",
        "  x  practice-a: not met: PV1-3.1: W1 (found W2)",
        "  x  orders: drop: {MSH-9.1: ADT}: holds",
        "       drop: {MSH-9.1: ADT}  [1 in, 0 out]",
        "           filtered: holds",
        "  -> archive: always",
        "       => file: hl7v2, 89 bytes",
        *(f"          {line}" for line in ADT.replace("W2^2", "W2^2^^STANNE").splitlines()),
    ]
    shown = json.loads(json.dumps(made.to_json()))
    assert shown["passages"][1]["outputs"][0]["changes"][0] == {"path": "PV1-3.4", "before": "", "after": "STANNE"}
    assert shown["ways"][2]["deliveries"][0]["format"] == "hl7v2"


FHIR_CHANNEL = """
channel: adt
inbound:
  file: {folder: in}
steps:
  - to_patient
  - set: {Patient.active: "true", "Patient.name[0].family": Amis}
routes:
  - route: server
    when: {Patient.identifier.value: 4711}
    outbound:
      http: {url: "http://127.0.0.1:1/{Patient.id}"}
    in_order: Patient.id
  - route: archive
    when: {Patient.name.family: Pine}
    outbound:
      file: {folder: out/archive, name: "{message.id}.json"}
"""
TO_PATIENT = '''
from transforms import step
from schemas import Finding, Message

@step
def to_patient(message: Message) -> Message:
    """Makes a Patient."""
    if message.format == "fhir":
        return message
    body = b\'{"resourceType":"Patient","id":"p1","identifier":[{"value":"4711"}],"name":[{"family":"Ames"}]}\'
    return message.derive("to_patient", body=body, format="fhir", findings=[Finding("X-1", "PID-8", "no gender")])
'''


@pytest.fixture
def fhir_channel(tmp_path: Path) -> Channel:
    (tmp_path / "channels").mkdir()
    (tmp_path / "extensions").mkdir()
    (tmp_path / "extensions/own.py").write_text(TO_PATIENT)
    (tmp_path / "channels/adt.yaml").write_text(FHIR_CHANNEL)
    site = load_site(tmp_path, {})
    found = site.channel("adt")
    assert found is not None, site.findings
    return found


def test_a_step_that_makes_fhir_shows_the_new_body_and_what_it_noticed(fhir_channel: Channel) -> None:
    made = explained(fhir_channel, ADT)
    to_patient, set_ = made.passages
    assert to_patient.outputs[0].body.splitlines()[:3] == ["{", '  "resourceType": "Patient",', '  "id": "p1",']
    assert [each.code for each in to_patient.outputs[0].findings] == ["X-1"]
    assert set_.outputs[0].changes == (("Patient.name[0].family", "Ames", "Amis"), ("Patient.active", "", "true"))
    assert set_.outputs[0].body == ""
    lines = list(made.lines())
    assert '      |   "id": "p1",' in lines
    assert "      error: PID-8: X-1 no gender" in lines


def test_a_delivery_of_fhir_is_shown_as_a_person_reads_it(fhir_channel: Channel) -> None:
    server, archive = explained(
        fhir_channel, '{"resourceType":"Patient","id":"p2","identifier":[{"value":"4711"}]}'
    ).ways
    (delivery,) = server.deliveries
    assert delivery.outbound == "http url http://127.0.0.1:1/p2"
    assert delivery.order_keys == ("p2",)
    assert '  "active": true,' in delivery.body.splitlines()
    assert (archive.taken, archive.why) == (False, "not met: Patient.name.family: Pine (found Amis)")


def test_damaged_fhir_is_rejected_with_the_reason(fhir_channel: Channel) -> None:
    made = explained(fhir_channel, '{"resourceType":"Patient","id":}')
    assert made.format == "fhir"
    assert made.receipt.startswith("rejected: the body is no JSON")


def test_a_body_that_was_shown_already_is_not_shown_twice(fhir_channel: Channel) -> None:
    short = replace(fhir_channel, steps=fhir_channel.steps[:1])
    lines = list(explained(short, ADT).lines())
    assert "          the body that the last step made" in lines
    assert sum('"id": "p1"' in line for line in lines) == 1
