"""A practice subscribes by FHIR, over real sockets: it is told of its patients, and of nobody else's."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fhir.resources.R4B.bundle import Bundle

from schemas.fhir.validate import validate
from schemas.finding import Severity
from tests import services
from tests.e2e.harness import Places
from tests.e2e.practice import (
    GUIDE,
    ROSTER,
    Exchange,
    Practice,
    adt,
    as_client,
    exchange,
    numbers_of,
    parameter,
    subscription,
    value_of,
)


@pytest.mark.parametrize("content", ["empty", "id-only", "full-resource"])
async def test_an_admission_is_told_with_as_much_as_was_asked_for(tmp_path: Path, content: str) -> None:
    async with exchange(tmp_path) as (hospital, practice):
        id = await practice.subscribe(subscription(practice.endpoint, content))
        (handshake,) = practice.told("handshake")
        assert parameter(handshake, "status") == "requested"
        assert parameter(handshake, "events-since-subscription-start") == "0"
        await hospital.send(adt("M1", "A01"))
        await practice.until(lambda: practice.numbers == [1])
        asked = practice.server.requests[-1]
        assert asked.headers["authorization"] == "Bearer practice-secret"
        assert asked.headers["content-type"] == "application/fhir+json"
        told = practice.told("event-notification")[0]
        for each in practice.notices:
            Bundle.model_validate(each)
            assert [str(found) for found in validate(each) if found.severity is Severity.ERROR] == []
        assert parameter(told, "subscription")["reference"] == f"{hospital.base}/Subscription/{id}"
        types = [each.get("resource", {}).get("resourceType") for each in told["entry"]]
        if content == "empty":
            assert types == ["Parameters"]
            assert "Encounter" not in str(told)
        elif content == "id-only":
            assert types == ["Parameters", None]
            visit = told["entry"][1]["fullUrl"]
            assert visit.startswith(f"{hospital.base}/Encounter/")
            await _reads_the_visit(hospital, practice, visit)
        else:
            assert types[:2] == ["Parameters", "Encounter"]
            assert "Patient" in types
        found = (await practice.client.get(f"Subscription/{id}/$status")).json()
        assert value_of(found["entry"][0]["resource"], "events-since-subscription-start") == str(practice.numbers[-1])
        assert hospital.site.rows("select subscriber, event, end from notices order by at") == [
            ("riverside", event, "subscription") for event in ("admit", "discharge")[: practice.numbers[-1]]
        ]


async def _reads_the_visit(hospital: Exchange, practice: Practice, visit: str) -> None:
    """The address that an id leads to can be read, as the last event told of it, and by its own practice alone."""
    found = (await practice.client.get(visit)).json()
    assert (found["resourceType"], found["status"], visit.rpartition("/")[2]) == (
        "Encounter",
        "in-progress",
        found["id"],
    )
    assert found["subject"]["reference"].startswith(f"{hospital.base}/Patient/")
    await hospital.send(adt("M2", "A03"))
    await practice.until(lambda: practice.numbers == [1, 2])
    assert (await practice.client.get(visit)).json()["status"] == "finished"
    async with as_client(hospital, "hillside") as other:
        assert (await other.get(visit)).status_code == 404
    assert (await practice.client.get(f"{hospital.base}/Encounter/x")).status_code == 404
    assert (await practice.client.get(f"{hospital.base}/Patient/x")).status_code == 405


async def test_a_practice_hears_of_its_own_patients_and_subscriptions_alone(tmp_path: Path) -> None:
    async with exchange(tmp_path) as (hospital, practice):
        mine = await practice.subscribe(subscription(practice.endpoint))
        async with as_client(hospital, "hillside") as other, as_client(hospital, "nobody") as nobody:
            assert (await other.get("Subscription")).json()["total"] == 0
            theirs = (await other.post("Subscription", json=subscription(f"{practice.server.base}/other"))).json()["id"]
            for path in (f"Subscription/{mine}", f"Subscription/{mine}/$status", f"Subscription/{mine}/$events"):
                assert (await other.get(path)).status_code == 404
            changed = {**subscription(practice.endpoint), "id": mine}
            assert (await other.put(f"Subscription/{mine}", json=changed)).status_code == 404
            assert (await other.delete(f"Subscription/{mine}")).status_code == 404
            assert (await nobody.get("Subscription")).status_code == 403
            assert (await nobody.post("Subscription", json=subscription(practice.endpoint))).status_code == 403
            await practice.until(lambda: len(practice.told("handshake")) == 2)
            await hospital.send(
                adt("M1", "A01"),
                adt("M2", "A01", "9000", "QXHALE^Ada", "19800101"),
                adt("M3", "A01", "1", "QXX^Y", "1960"),
            )
            await practice.until(lambda: len(practice.told("event-notification")) == 2)
            told = {
                asked.path: asked.json for asked in practice.server.requests if b'"notification-event"' in asked.body
            }
            assert parameter(told["/fhir/other"], "subscription")["reference"].endswith(theirs)
            assert "QXHALE" not in str(told["/fhir/hook"]).upper()
            assert "QXWILLOWBY" not in str(told["/fhir/other"]).upper()


async def test_an_endpoint_that_is_down_is_an_error_and_the_gap_is_recovered(tmp_path: Path) -> None:
    async with exchange(tmp_path) as (hospital, practice):
        id = await practice.subscribe(subscription(practice.endpoint, "id-only"))
        await hospital.send(adt("M1", "A01"))
        await practice.until(lambda: practice.numbers == [1])
        practice.server.answer = lambda _: (503, None, {})
        await hospital.send(adt("M2", "A02"), adt("M3", "A03"))
        found = await practice.reaches(id, "error")
        assert found["error"] == "the endpoint answered 503"
        (said,) = (await practice.client.get("Subscription/$status", params={"status": "error"})).json()["entry"]
        assert value_of(said["resource"], "error")["coding"][0]["code"] == "error-response"
        missed = await practice.events(id, eventsSinceNumber=2)
        assert numbers_of(missed) == [2]
        assert parameter(missed, "type") == "query-event"
        (whole,) = [
            each["resource"]
            for each in (await practice.events(id, eventsSinceNumber=2, content="full-resource"))["entry"]
            if each.get("resource", {}).get("resourceType") == "Encounter"
        ]
        assert whole["status"] == "finished"
        assert numbers_of(await practice.events(id, eventsUntilNumber=1)) == [1]
        before = len(practice.server.requests)
        practice.server.answer = lambda _: (200, None, {})
        await practice.reaches(id, "active")
        recovered = [number for each in practice.notices[before:] for number in numbers_of(each)]
        assert recovered[-1] == 2
        listed = await asyncio.to_thread(_cli, hospital, "subscriptions", "--json")
        assert [(each["status"], each["events"], each["waiting"]) for each in json.loads(listed)] == [("active", 2, 0)]
        assert "practice-secret" not in listed


async def test_what_lasts_turns_it_off_and_asking_again_begins_it_again(tmp_path: Path) -> None:
    async with exchange(tmp_path, off_after="1s") as (hospital, practice):
        id = await practice.subscribe(subscription(practice.endpoint))
        practice.server.answer = lambda _: (500, None, {})
        await hospital.send(adt("M1", "A01"))
        await practice.reaches(id, "off")
        await practice.until(lambda: not hospital.site.open_messages())
        assert hospital.site.rows("select status from messages where parent is not null") == [("refused",)]
        await hospital.send(adt("M2", "A03"))
        assert (await practice.events(id))["entry"][0]["resource"]["resourceType"] == "Parameters"
        practice.server.answer = lambda _: (200, None, {})
        answer = await practice.client.put(f"Subscription/{id}", json={**subscription(practice.endpoint), "id": id})
        assert (answer.status_code, answer.json()["status"]) == (200, "requested")
        await practice.reaches(id, "active")
        await hospital.send(adt("M3", "A01", "4711"))
        await hospital.send(adt("M4", "A13"))
        assert hospital.site.rows("select max(number) from subscription_events") in ([(1,)], [(2,)])


async def test_a_handshake_that_fails_is_an_error_and_tells_nothing_more(tmp_path: Path) -> None:
    async with exchange(tmp_path) as (hospital, practice):
        practice.server.answer = lambda _: (404, None, {})
        id = await practice.subscribe(subscription(practice.endpoint), "error")
        await hospital.send(adt("M1", "A01"))
        await practice.until(lambda: not hospital.site.open_messages())
        assert practice.numbers == []
        assert hospital.site.rows("select count(*) from notices") == [(0,)]
        practice.server.answer = lambda _: (200, None, {})
        await practice.client.put(f"Subscription/{id}", json={**subscription(practice.endpoint), "id": id})
        await practice.reaches(id, "active")
        await hospital.send(adt("M2", "A03"))
        await practice.until(lambda: practice.numbers == [1])


async def test_delete_and_off_stop_it(tmp_path: Path) -> None:
    async with exchange(tmp_path) as (hospital, practice):
        gone = await practice.subscribe(subscription(practice.endpoint))
        off = await practice.subscribe(subscription(practice.endpoint))
        assert (await practice.client.delete(f"Subscription/{gone}")).status_code == 204
        assert (await practice.client.get(f"Subscription/{gone}")).status_code == 404
        stopped = {**subscription(practice.endpoint), "id": off, "status": "off"}
        assert (await practice.client.put(f"Subscription/{off}", json=stopped)).json()["status"] == "off"
        await hospital.send(adt("M1", "A01"))
        await practice.until(lambda: not hospital.site.open_messages())
        assert hospital.site.rows("select count(*) from subscription_events") == [(0,)]
        assert practice.numbers == []


async def test_what_was_deleted_while_it_waited_is_not_sent(tmp_path: Path) -> None:
    async with exchange(tmp_path) as (hospital, practice):
        id = await practice.subscribe(subscription(practice.endpoint))
        practice.server.answer = lambda _: (503, None, {})
        await hospital.send(adt("M1", "A01"))
        await practice.until(lambda: practice.numbers != [])
        assert (await practice.client.delete(f"Subscription/{id}")).status_code == 204
        await practice.until(lambda: not hospital.site.open_messages())
        rows = hospital.site.rows("select status, detail from messages where parent is not null")
        assert rows == [("refused", "the subscription was deleted")]


async def test_who_opted_out_meanwhile_is_not_told_of(tmp_path: Path) -> None:
    """Neither by what waits for a retry, nor by `$events`."""
    async with exchange(tmp_path) as (hospital, practice):
        id = await practice.subscribe(subscription(practice.endpoint))
        practice.server.answer = lambda _: (503, None, {})
        await hospital.send(adt("M1", "A01"))
        await practice.until(lambda: practice.numbers != [])
        assert "QXWILLOWBY" in str(await practice.events(id)).upper()
        hospital.write("registry/optouts.csv", ROSTER + "x,Qxwillowby,Rosalind,1970-03-12,F,1.2.3,4711\n")
        await hospital.engine.reload()
        await practice.until(lambda: not hospital.site.open_messages())
        rows = hospital.site.rows("select status, detail from messages where parent is not null")
        assert rows == [("refused", "the patient has opted out")]
        found = await practice.events(id)
        assert numbers_of(found) == [1]
        assert [each["resource"]["resourceType"] for each in found["entry"]] == ["Parameters"]
        assert "Encounter" not in str(found)


async def test_filters_choose(tmp_path: Path) -> None:
    async with exchange(tmp_path) as (hospital, practice):
        ids = {
            name: await practice.subscribe(subscription(practice.endpoint, "id-only", text))
            for name, text in {
                "discharges": "Encounter?event=discharge,transfer",
                "here": "Encounter?facility=stanne",
                "elsewhere": "Encounter?facility=STJOHN",
                "this one": "Encounter?patient.identifier=urn:hie-engine:panel:riverside|r1&event=admit",
                "by number": "Encounter?patient:identifier=4711",
                "another": "Encounter?subject=Patient/x",
            }.items()
        }
        await hospital.send(adt("M1", "A01"), adt("M2", "A03"))
        await practice.until(lambda: not hospital.site.open_messages())
        found = {name: numbers_of(await practice.events(id)) for name, id in ids.items()}
        assert found == {
            "discharges": [1], "here": [1, 2], "elsewhere": [], "this one": [1], "by number": [1, 2], "another": [],
        }  # fmt: skip


async def test_heartbeats_come_by_themselves(tmp_path: Path) -> None:
    async with exchange(tmp_path) as (_, practice):
        beats = [{"url": f"{GUIDE}heartbeat-period", "valueUnsignedInt": 1}]
        await practice.subscribe(subscription(practice.endpoint, extension=beats))
        await practice.until(lambda: len(practice.told("heartbeat")) >= 2)
        assert parameter(practice.told("heartbeat")[0], "status") == "active"
        assert parameter(practice.told("heartbeat")[1], "events-since-subscription-start") == "0"


async def test_the_end_comes_by_itself(tmp_path: Path) -> None:
    async with exchange(tmp_path) as (hospital, practice):
        id = await practice.subscribe(subscription(practice.endpoint))
        ends = (datetime.now(UTC) + timedelta(seconds=2)).isoformat()
        changed = {**subscription(practice.endpoint), "id": id, "end": ends}
        assert (await practice.client.put(f"Subscription/{id}", json=changed)).status_code == 200
        await practice.reaches(id, "off")
        await hospital.send(adt("M1", "A01"))
        assert hospital.site.rows("select count(*) from subscription_events") == [(0,)]


async def test_a_kill_loses_no_number_and_repeats_none(tmp_path: Path, places: Places) -> None:
    """Some admissions before each kill, and the endpoint answers now and then only."""
    async with exchange(tmp_path, places) as (hospital, practice):
        roster = [f"p{n},Qxoxen{n},Pat,19700312,F,1.2.3,P{n}\n" for n in range(30)]
        hospital.write("panels/riverside.csv", ROSTER + "".join(roster))
        await hospital.engine.reload()
        id = await practice.subscribe(subscription(practice.endpoint, "empty"))
        answers = itertools.cycle([200, 200, 503])
        practice.server.answer = lambda _: (next(answers), None, {})
        for first in range(0, 30, 10):
            await hospital.send(*(adt(f"M{n}", "A01", f"P{n}", f"QXOXEN{n}^Pat") for n in range(first, first + 10)))
            hospital.engine.kill()
            await hospital.engine.start()
        await practice.until(lambda: not hospital.site.open_messages(), 60)
        assert list(dict.fromkeys(practice.numbers)) == list(range(1, 31)), "in order, without a gap"
        assert numbers_of(await practice.events(id)) == list(range(1, 31))
        ids = {each["id"] for each in practice.told("event-notification")}
        assert len(ids) == 30, "a repeat is known by its id"
        log = hospital.engine.log.read_text()
        assert "QXOXEN" not in log.upper()
        assert "practice-secret" not in log
        assert "Traceback" not in log


def _cli(hospital: Exchange, *arguments: str) -> str:
    command = [sys.executable, "-m", "engine", *arguments, "--site", str(hospital.site.folder)]
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, cwd=services.ROOT, env={**os.environ, "HEALTH_PORT": "1"}
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
