"""One message a day, in three forms, through an engine that is killed again and again before, at and after its time."""

from __future__ import annotations

import asyncio
import contextlib
import email
import json
import random
import re
import sqlite3
from pathlib import Path
from typing import Any

import psycopg

from schemas.hl7v2 import Er7, split_batch
from schemas.ids import utc_now
from tests.channels.direct.edge import Hub
from tests.channels.fhir.server import Asked, serving
from tests.channels.mllp import connected
from tests.e2e.engines import Engine, Site
from tests.e2e.harness import Places
from tests.e2e.practice import ROSTER, adt
from tests.e2e.receiver import Receiver

PATIENTS = 40
LATER = "2099-01-01T17:00:00+00:00"
_CHANNEL = """\
channel: adt
inbound:
  mllp: {{listen: "127.0.0.1:{inbound}"}}
steps:
  - notify_event
  - match_panel
  - drop_opted_out
  - tell_once
  - set: {{deliver.after: "{at}"}}
routes:
  - route: mail
    when: {{subscriber.format: text}}
    steps: [adt_to_text]
    outbound:
      direct:
        from: notify@hie.example
        to: "{{subscriber.address}}"
        subject: Notices
        relay: {{connect: "127.0.0.1:{relay}", security: none}}
        wait_for: nothing
    retry: {retry}
  - route: server
    when: {{subscriber.format: alert}}
    steps: [adt_to_alert_bundle]
    outbound:
      fhir: {{base: "{{subscriber.address}}"}}
    in_order: true
    retry: {retry}
  - route: files
    when: {{subscriber.format: adt, subscriber.delivery: file}}
    steps: [to_practice_adt]
    outbound:
      file: {{folder: out, name: "{{message.id}}.hl7"}}
    retry: {retry}
  - route: mllp
    when: {{subscriber.delivery: mllp}}
    steps: [to_practice_adt]
    outbound:
      mllp: {{connect: "{{subscriber.address}}"}}
    in_order: PID-3.1
    retry: {retry}
"""
_NAMES = ("riverside", "hillside", "lakeside", "bayside")


def processed(asked: Asked) -> tuple[int, Any, dict[str, str]]:
    """Every entry of a batch is processed."""
    answers = [{"response": {"status": "200 OK"}} for _ in asked.json["entry"]]
    return 200, {"resourceType": "Bundle", "type": "batch-response", "entry": answers}, {}


def feed() -> list[bytes]:
    """Everybody is admitted; every fourth is changed, and every fifth was never there."""
    sent = []
    for number in range(PATIENTS):
        sent.append(("A01", number, f"Qx{number}"))
        if number % 4 == 0:
            sent.append(("A08", number, f"Qx{number}-NEW"))
        if number % 5 == 0:
            sent.append(("A11", number, f"Qx{number}"))
    return [adt(f"M{at}", event, f"P{n}", f"{name}^Ann") for at, (event, n, name) in enumerate(sent)]


EXPECTED = [f"Qx{n}-NEW" if n % 4 == 0 else f"Qx{n}" for n in range(PATIENTS) if n % 5]


def write(site: Site, ports: dict[str, Any]) -> None:
    """The site: four practices have the same patients, and each wants a digest in its own form."""
    folder = site.folder
    for name in ("panels", "registry"):
        (folder / name).mkdir()
    members = [f"m{n},Qx{n},Ann,1970-03-12,F,1.2.3,P{n}" for n in range(PATIENTS)]
    for name in _NAMES:
        (folder / f"panels/{name}.csv").write_text(ROSTER + "\n".join(members) + "\n")
    common = 'digest: "17:00"'
    (folder / "registry/subscribers.yaml").write_text(
        f"riverside: {{delivery: direct, address: inbox@riverside.example, format: text, {common}}}\n"
        f'hillside: {{delivery: fhir, address: "{ports["server"]}", format: alert, content: minimum, {common}}}\n'
        f"lakeside: {{delivery: file, format: adt, {common}}}\n"
        f'bayside: {{delivery: mllp, address: "127.0.0.1:{ports["practice"]}", format: adt, {common}}}\n'
    )
    retry = "{first: 100ms, most: 500ms, give_up_after: 1h}"
    given = {"inbound": site.inbound, "relay": ports["relay"], "at": LATER, "retry": retry}
    (folder / "channels/adt.yaml").write_text(_CHANNEL.format(**given))


async def test_kill_9_around_the_time_of_a_digest(tmp_path: Path, places: Places) -> None:
    seed = random.SystemRandom().getrandbits(32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    site, hub, practice = Site(tmp_path / "site", places.journal, places.backbone), Hub(), Receiver("bayside")
    with serving() as server:
        server.answer = processed
        async with hub.open(), practice.listening():
            ports = {"relay": hub.options.connect.port, "server": server.base, "practice": practice.port}
            write(site, ports)
            engine = Engine(site)
            await engine.start()
            try:
                await send(engine, feed(), chance)
                async with asyncio.timeout(30):
                    while site.open_messages() < len(feed()) * len(_NAMES):  # noqa: ASYNC110 - another process
                        await asyncio.sleep(0.1)
                assert (hub.taken, server.requests, practice.taken) == ([], [], []), "told before its time"
                engine.kill()
                assert its_time(site) == len(feed()) * len(_NAMES)
                for _ in range(6):  # about the second in which the digests are made and go out
                    await engine.start()
                    await asyncio.sleep(chance.random() * 2)
                    engine.kill()
                await engine.start()
                async with asyncio.timeout(60):
                    while site.open_messages():  # noqa: ASYNC110 - another process settles them
                        await asyncio.sleep(0.1)
                notified = await hie(engine, "notified")
            except BaseException:
                print(engine.tail())
                raise
            finally:
                engine.destroy()
        posts = [asked.json for asked in server.requests]
    judge(hub, posts, site.folder / "out", practice)
    outcomes = [(each["outcome"], each["detail"].startswith("taken back")) for each in notified]
    untold = len(range(0, PATIENTS, 5)) * 2 + len(range(0, PATIENTS, 20))
    assert outcomes.count(("filtered", True)) == untold * len(_NAMES)
    assert outcomes.count(("delivered", False)) == len(outcomes) - untold * len(_NAMES)
    print(f"{len(outcomes)} notices, {engine.starts} starts, {len(hub.taken)} mails, {len(posts)} posts")


def its_time(site: Site) -> int:
    """Let the time of the digests come, while no engine runs; how many notices wait for it."""
    due = f"update messages set due = {int(utc_now().timestamp() * 1e6)} where open and due is not null"
    link: Any = (
        psycopg.connect(site.journal) if site.shared else sqlite3.connect(site.journal.removeprefix("sqlite:///"))
    )
    with contextlib.closing(link), link:
        return int(link.execute(due).rowcount)


async def send(engine: Engine, bodies: list[bytes], chance: random.Random) -> None:
    """Have the hospital send these, be acknowledged, and see the engine killed meanwhile."""
    killed = {len(bodies) // 3, 2 * len(bodies) // 3}
    sender = connected(engine.site.inbound)
    link = await sender.__aenter__()
    for number, body in enumerate(bodies):
        if number in killed:
            await sender.__aexit__(None, None, None)
            await asyncio.sleep(chance.random() * 0.1)
            engine.kill()
            await engine.start()
            sender = connected(engine.site.inbound)
            link = await sender.__aenter__()
        assert b"\rMSA|AA|" in await link.ask(body)
    await sender.__aexit__(None, None, None)


def judge(hub: Hub, posts: list[Any], folder: Path, practice: Receiver) -> None:
    """Each practice has one digest with everybody in it once; what a crash repeated is the same message again."""
    texts = {email.message_from_bytes(sent).get_payload(decode=True) for _, sent in hub.taken}
    (text,) = (each.decode() for each in texts if isinstance(each, bytes))
    assert text.startswith(f"{len(EXPECTED)} notices")
    assert re.findall(r"Patient: +Ann (\S+)", text) == EXPECTED
    assert len({email.message_from_bytes(sent)["Message-ID"] for _, sent in hub.taken}) == 1

    (post,) = {json.dumps(each, sort_keys=True): each for each in posts}.values()
    assert post["type"] == "batch"
    patients = [
        each["resource"]["name"][0]["family"]
        for entry in post["entry"]
        for each in entry["resource"]["entry"]
        if each["resource"]["resourceType"] == "Patient"
    ]
    assert patients == EXPECTED
    assert "1970" not in json.dumps(post)

    (file,) = folder.glob("*.hl7")
    batch = split_batch(file.read_bytes())
    assert batch.findings == ()
    adts = [Er7.parse(each.body) for each in batch.messages]
    assert [each.get("PID-5.1") for each in adts] == EXPECTED
    assert {each.get("MSH-9") for each in adts} == {"ADT^A01^ADT_A01"}

    by_mllp = [Er7.parse(body).get("PID-5.1") for body in practice.bodies.values()]
    assert sorted(by_mllp) == sorted(EXPECTED)


async def hie(engine: Engine, *arguments: str) -> list[dict[str, Any]]:
    """What `hie` prints as JSON."""
    return list(json.loads(await engine.hie(*arguments, "--json")))
