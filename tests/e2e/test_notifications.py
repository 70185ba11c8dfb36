"""A hospital's feed through a whole engine to three practices, by HL7 v2, FHIR and Direct: each hears of its own
patients' events once, through a kill, and the evidence is what the partners say themselves."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import hl7
import pytest
from fhir.resources.R4B.bundle import Bundle

from engine.ports import free_ports
from schemas.ccda import Document
from tests import services
from tests.channels.direct.people import organisation, person
from tests.channels.fhir.server import FhirServer, serving
from tests.e2e.engines import Engine, Site
from tests.e2e.harness import Places
from tests.e2e.hisp import Hisp, write_agent
from tests.e2e.load import END, START
from tests.e2e.receiver import Receiver

SAMPLES = services.ROOT / "samples" / "hl7v2"
CHANNEL = """\
channel: notifications
description: Tell everybody who cares for a patient.
inbound:
  mllp: {{listen: "127.0.0.1:{inbound}"}}
steps:
  - keep: {{MSH-9.1: ADT, MSH-11.1: P}}
  - notify_event
  - match_panel
  - drop_opted_out
  - tell_once
routes:
  - route: v2
    when: {{subscriber.delivery: mllp}}
    steps: [to_practice_adt]
    outbound:
      mllp: {{connect: "{{subscriber.address}}"}}
    in_order: notice.patient
    retry: {retry}
  - route: fhir
    when: {{subscriber.delivery: fhir}}
    steps:
      - adt_to_alert_bundle: {{time_zone: America/Chicago}}
    outbound:
      fhir: {{base: "{{subscriber.address}}"}}
    in_order: notice.patient
    retry: {retry}
  - route: mail
    when: {{subscriber.delivery: direct}}
    steps:
      - adt_to_ccda: {{time_zone: America/Chicago}}
    outbound:
      direct:
        from: inbox@hub.example
        to: "{{subscriber.address}}"
        subject: Notice
        file: notice.xml
        relay: {{connect: "127.0.0.1:{relay}", security: none}}
        agent: {{{agent}}}
    in_order: notice.patient
    retry: {retry}
  - route: doubtful
    when: {{match.verdict: review}}
    outbound: worklist
"""
NOTICES = """\
channel: notices
description: Take the notices of what became of our mail.
inbound:
  direct:
    recipients: [hub.example]
    through: {{listen: "127.0.0.1:{mail}"}}
    agent: {{{agent}, relay: {{connect: "127.0.0.1:{relay}", security: none}}}}
routes:
  - route: others
    outbound: worklist
"""
HEAD = "member,family,given,birth_date,sex,line,city,postal_code,authority,identifier\n"
THESSALY = "Okonjo-Vale,Thessaly,1961-04-17,F,14 Lantern Row,Eastmere,53999"


class Scene:
    """The hospital's connection, the engine, and the three practices behind it."""

    def __init__(self, folder: Path, places: Places, server: FhirServer) -> None:
        us, they = organisation("hub.example"), person("dr.may@hisp.example")
        self.site = Site(folder / "site", places.journal, places.backbone)
        self.engine = Engine(self.site)
        self.hisp = Hisp(folder / "hisp", "dr.may@hisp.example", they, "inbox@hub.example", us)
        self.practice = Receiver("practice")
        self.server = server
        self.mail = free_ports(1)[0]
        self.agent = write_agent(self.site.folder, us, they)

    def write(self) -> None:
        """Write the site, as soon as the ports are known."""
        folder = self.site.folder
        ports = {"inbound": self.site.inbound, "relay": self.hisp.port, "mail": self.mail}
        retry = "{first: 100ms, most: 500ms, give_up_after: 1h}"
        (folder / "channels/notifications.yaml").write_text(CHANNEL.format(**ports, agent=self.agent, retry=retry))
        (folder / "channels/notices.yaml").write_text(NOTICES.format(**ports, agent=self.agent))
        for name in ("panels", "registry"):
            (folder / name).mkdir()
        (folder / "panels/eastmere.csv").write_text(
            f"{HEAD}E-1,{THESSALY},STANNE,7704318\nE-2,Delacourt-Finch,Wren,2004-02-29,F,,,,STANNE,7712006\n"
        )
        (folder / "panels/harbour.csv").write_text(f"{HEAD}H-1,{THESSALY},,\nH-2,Harcastle,Edwin,1948-11-30,M,,,,,\n")
        (folder / "panels/may.csv").write_text(f"{HEAD}M-1,{THESSALY},,\n")
        (folder / "registry/optouts.csv").write_text(f"{HEAD}O-1,Delacourt-Finch,Wren,2004-02-29,F,,,,STANNE,7712006\n")
        (folder / "registry/subscribers.yaml").write_text(
            f'eastmere: {{delivery: mllp, address: "127.0.0.1:{self.practice.port}"}}\n'
            f'harbour: {{delivery: fhir, address: "{self.server.base}", events: [admit, discharge]}}\n'
            "may: {delivery: direct, address: dr.may@hisp.example, content: minimum}\n"
        )

    async def send(self, sample: str, control_id: str = "") -> str:
        """Have the hospital send a sample, under another control id where one is given; MSA-1 of the answer."""
        body = (SAMPLES / f"{sample}.hl7").read_bytes()
        own = hl7.parse(body.decode())["MSH"][0][10][0]
        if control_id:
            body = body.replace(own.encode(), control_id.encode())
        return await self.send_body(body)

    async def send_body(self, body: bytes) -> str:
        """Have the hospital send `body`; MSA-1 of the answer."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.site.inbound)
        writer.write(START + body + END)
        async with asyncio.timeout(30):
            answer = hl7.parse((await reader.readuntil(END)).strip(START + END).decode())
        writer.close()
        return str(answer["MSA"][0][1])

    async def letter(self) -> tuple[EmailMessage, bytes]:
        """The next mail at the practice with a Direct address, and the document in it."""
        mail = await self.hisp.next()
        (attached,) = mail.iter_attachments()
        content = attached.get_payload(decode=True)
        assert isinstance(content, bytes)
        return mail, content

    async def answer(self, mail: EmailMessage) -> None:
        """Have that practice's HISP say that it has the mail."""
        notice = self.hisp.notice(mail["Message-ID"], "processed")
        await asyncio.to_thread(self.hisp.send, self.mail, notice)

    async def bundles(self, count: int) -> list[dict[str, Any]]:
        """What the FHIR practice was sent, once it is as much."""
        async with asyncio.timeout(30):
            while len(self.server.requests) < count:  # noqa: ASYNC110 - another process sends them
                await asyncio.sleep(0.05)
        return [asked.json for asked in self.server.requests]

    async def evidence(self) -> list[dict[str, str]]:
        """Who was told of what, as `hie notified` writes it for a survey."""
        printed = await self.engine.hie("notified", "--csv")
        return list(csv.DictReader(io.StringIO(printed)))

    async def settled(self, subscriber: str, count: int) -> list[dict[str, str]]:
        """The evidence, once so many notices to that subscriber are delivered."""
        async with asyncio.timeout(60):
            while True:
                rows = await self.evidence()
                if sum(row["subscriber"] == subscriber and row["outcome"] == "delivered" for row in rows) >= count:
                    return rows
                await asyncio.sleep(0.1)

    async def worklist(self, count: int = 1) -> list[dict[str, Any]]:
        """The questions for a person, once so many messages wait for the answers."""
        async with asyncio.timeout(30):
            while True:
                found: list[dict[str, Any]] = json.loads(await self.engine.hie("worklist", "list", "--json"))
                if sum(each["count"] for each in found) >= count:
                    return found
                await asyncio.sleep(0.1)


@pytest.fixture
async def scene(tmp_path: Path, embedded: Places) -> AsyncIterator[Scene]:
    async with AsyncExitStack() as stack:
        scene = Scene(tmp_path, embedded, stack.enter_context(serving()))
        for each in (scene.practice.listening(), scene.hisp.open()):
            await stack.enter_async_context(each)
        scene.write()
        await stack.enter_async_context(scene.engine.at_work())
        yield scene


def title_of(document: bytes) -> str:
    return Document.parse(document).root.findtext("{urn:hl7-org:v3}title") or ""


async def test_a_stay_is_told_in_three_forms_once_each_through_a_kill(scene: Scene) -> None:
    assert await scene.send("adt_a01") == "CA"
    admitted, document = await scene.letter()
    assert title_of(document) == "Notice of admission"
    assert b"Lantern Row" not in document  # the least that the law asks for
    await scene.practice.until(lambda: len(scene.practice.bodies) == 1)
    rows = await scene.evidence()
    assert {row["subscriber"]: row["outcome"] for row in rows if row["subscriber"] == "may"} == {"may": "pending"}
    await scene.answer(admitted)
    await scene.settled("may", 1)

    scene.engine.kill()  # what was told is in the journal
    await scene.engine.start()
    assert await scene.send("adt_a01", "AGAIN-1") == "CA"  # the hospital repeats it under another number
    assert await scene.send("adt_a02") == "AA"  # a bed move
    assert await scene.send("adt_a08") == "AA"
    assert await scene.send("adt_a03") == "AA"
    assert await scene.send("adt_a13") == "AA"
    for title in ("Update of the notice of admission", "Notice of discharge", "Withdrawn: notice of discharge"):
        mail, document = await scene.letter()
        assert title_of(document) == title
        await scene.answer(mail)
    rows = await scene.settled("may", 4)

    await scene.practice.until(lambda: len(scene.practice.bodies) == 4)
    adt = [hl7.parse(scene.practice.bodies[each].decode()) for each in scene.practice.taken]
    assert [str(each["MSH"][0][9][0][1]) for each in adt] == ["A01", "A08", "A03", "A13"]
    assert {str(each["PID"][0][3][0][0]) for each in adt} == {"E-1"}
    bundles = await scene.bundles(4)
    assert [asked.path for asked in scene.server.requests] == ["/fhir/$process-message"] * 4
    for bundle in bundles:
        Bundle.model_validate(bundle)
    codes = [bundle["entry"][0]["resource"]["eventCoding"]["code"] for bundle in bundles]
    assert codes == ["notification-admit", "notification-admit", "notification-discharge", "notification-discharge"]

    told = [(row["subscriber"], row["kind"], row["event"], row["end"], row["outcome"]) for row in rows]
    kinds = [("new", "admit"), ("update", "admit"), ("new", "discharge"), ("withdrawal", "discharge")]
    ends = {"eastmere": "mllp", "harbour": "fhir", "may": "direct"}
    assert sorted(told) == sorted((who, *what, end, "delivered") for who, end in ends.items() for what in kinds)


async def test_who_opted_out_and_who_is_not_sure_is_told_to_nobody(scene: Scene) -> None:
    assert await scene.send("adt_a01_optout") == "AA"
    assert await scene.send("adt_a01_test") == "AA"
    assert await scene.send("adt_a04_doubtful") == "AA"
    assert [(each["panel"], each["member"]) for each in await scene.worklist()] == [("harbour", "H-2")]
    assert await scene.send("adt_a01") == "CA"
    await scene.settled("eastmere", 1)
    assert {row["patient_id"] for row in await scene.evidence()} == {"7704318"}
    assert len(scene.practice.bodies) == 1


async def test_a_doubtful_patient_is_one_question_and_the_answer_tells_the_stay_in_order(scene: Scene) -> None:
    sample = (SAMPLES / "adt_a04_doubtful.hl7").read_bytes().replace(b"PV1|1|E|", b"PV1|1|I|")
    moved = sample.replace(b"Pellworth^Imogen", b"Lindqvist^Astrid")
    stay = [(b"A01", sample), (b"A08", moved), (b"A08", moved), (b"A03", moved)]
    for number, (event, body) in enumerate(stay):
        sent = body.replace(b"A04", event).replace(b"-004799", b"-00480%d" % number)
        assert await scene.send_body(sent) in ("AA", "CA")
    (question,) = await scene.worklist(4)
    assert (question["count"], question["member"], len(question["items"])) == (4, "H-2", 4)
    assert [each["type"] for each in question["items"]] == ["ADT^A01", "ADT^A08", "ADT^A08", "ADT^A03"]
    assert not scene.server.requests
    settled = json.loads(await scene.engine.hie("worklist", "settle", question["id"], "--same", "--json"))["settled"]
    assert settled["routed_again"] == [each["parent"] for each in question["items"]]
    await scene.settled("harbour", 3)
    assert await scene.send_body(moved.replace(b"-004799", b"-004809").replace(b"A04", b"A13")) in ("AA", "CA")
    rows = await scene.settled("harbour", 4)
    told = [("new", "admit"), ("update", "admit"), ("new", "discharge"), ("withdrawal", "discharge")]
    assert [(row["kind"], row["event"]) for row in rows if row["subscriber"] == "harbour"] == told
    codes = [each["entry"][0]["resource"]["eventCoding"]["code"] for each in await scene.bundles(4)]
    assert codes == ["notification-admit", "notification-admit", "notification-discharge", "notification-discharge"]
    assert json.loads(await scene.engine.hie("worklist", "list", "--json")) == []
