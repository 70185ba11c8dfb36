"""A laboratory's results through a whole engine: to a practice, a doctor's mail, a FHIR server and public health, each
version once and none out of order; what nobody can place waits for a person."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

from tests.channels.direct.people import organisation, person
from tests.channels.fhir.server import FhirServer, serving
from tests.e2e.engines import Engine, Site
from tests.e2e.harness import Places
from tests.e2e.hisp import Hisp, write_agent
from tests.e2e.load import END, START
from tests.e2e.receiver import Receiver
from tests.transforms.labs.lab import CLINIC, HALE, LISK, NOWHERE, WARD, npi, order

CHANNEL = """\
channel: results
description: Bring each result to who ordered it and who gets a copy.
inbound:
  mllp: {{listen: "127.0.0.1:{inbound}"}}
steps:
  - keep: {{MSH-9.1: ORU}}
  - map_codes: {{path: "OBX[*]-3", map: maps/tests.csv, unmapped: hold}}
  - split_orders
  - find_recipient: {{always: [public-health]}}
  - tell_result
routes:
  - route: codes
    when: {{codes.unmapped: {{exists: true}}}}
    outbound:
      worklist: {{reason: "no LOINC code for {{codes.unmapped}}"}}
  - route: unknown
    when: {{recipient.verdict: unknown}}
    outbound:
      worklist: {{reason: "{{recipient.rule}}"}}
  - route: practices
    when: {{subscriber.delivery: mllp}}
    outbound:
      mllp: {{connect: "{{subscriber.address}}"}}
    in_order: notice.key
    retry: {retry}
  - route: servers
    when: {{subscriber.delivery: fhir}}
    steps:
      - v2_to_fhir: {{bundle: transaction, time_zone: UTC}}
    outbound:
      fhir: {{base: "{{subscriber.address}}"}}
    in_order: notice.key
    retry: {retry}
  - route: mail
    when: {{subscriber.delivery: direct}}
    steps: [result_to_pdf]
    outbound:
      direct:
        from: inbox@hub.example
        to: "{{subscriber.address}}"
        subject: "Laboratory result ({{result.status}})"
        text: "A {{result.status}} laboratory result is attached."
        file: result.pdf
        relay: {{connect: "127.0.0.1:{relay}", security: none}}
        wait_for: nothing
        agent: {{{agent}}}
    in_order: notice.key
    retry: {retry}
  - route: state
    when: {{subscriber.id: public-health}}
    steps:
      - to_elr:
          reportable_codes: maps/reportable.csv
          receiving_application: ELR^2.16.840.1.114222.4.1.1^ISO
          receiving_facility: DOH^2.16.840.1.114222.4.1.2^ISO
    outbound:
      mllp: {{connect: "127.0.0.1:{state}"}}
    in_order: notice.key
    retry: {retry}
"""
PROVIDERS = f"""\
npi,kind,name,organizations,direct,fhir
{HALE},practitioner,"Hale, Ada",{CLINIC},,
{CLINIC},organization,Eastmere,,,
{LISK},practitioner,"Lisk, Oriana",,dr.may@hisp.example,
{WARD},practitioner,"Ward, Ben",,,{{base}}
"""
TESTS = "code,system,to_code,to_display,to_system\nK,L,2823-3,Potassium,LN\n"


class Scene:
    """The laboratory's connection, the engine, and everybody behind it."""

    def __init__(self, folder: Path, places: Places, server: FhirServer) -> None:
        us, they = organisation("hub.example"), person("dr.may@hisp.example")
        self.site = Site(folder / "site", places.journal, places.backbone)
        self.engine = Engine(self.site)
        self.hisp = Hisp(folder / "hisp", "dr.may@hisp.example", they, "inbox@hub.example", us)
        self.practice, self.state = Receiver("practice"), Receiver("state")
        self.server = server
        self.agent = write_agent(self.site.folder, us, they)

    def write(self) -> None:
        """Write the site, as soon as the ports are known."""
        folder = self.site.folder
        for name in ("maps", "registry"):
            (folder / name).mkdir()
        (folder / "maps/tests.csv").write_text(TESTS)
        (folder / "maps/reportable.csv").write_text("code,system\n2951-2,LN\n")
        (folder / "registry/providers.csv").write_text(PROVIDERS.format(base=self.server.base))
        address = f"127.0.0.1:{self.practice.port}"
        subscriber = f'eastmere: {{npi: "{CLINIC}", events: [result], delivery: mllp, address: "{address}"}}\n'
        (folder / "registry/subscribers.yaml").write_text(subscriber)
        retry = "{first: 100ms, most: 500ms, give_up_after: 1h}"
        ports = {"inbound": self.site.inbound, "relay": self.hisp.port, "state": self.state.port}
        (folder / "channels/results.yaml").write_text(CHANNEL.format(**ports, agent=self.agent, retry=retry))

    async def send(self, control_id: str, *orders: str) -> bytes:
        """Have the laboratory send a result and wait for its AA; what was sent."""
        head = f"MSH|^~\\&|LAB|STANNE|HIE|REGION|20260312120500||ORU^R01^ORU_R01|{control_id}|P|2.5.1"
        pid = "PID|1||7704318^^^STANNE^MR||Okonjo^Thessaly||19610417|F"
        body = "\r".join([head, pid, *"".join(orders).splitlines(), ""]).encode()
        reader, writer = await asyncio.open_connection("127.0.0.1", self.site.inbound)
        writer.write(START + body + END)
        async with asyncio.timeout(30):
            assert b"MSA|AA|" in await reader.readuntil(END)
        writer.close()
        return body

    async def hie(self, *arguments: str) -> Any:
        """What `hie` prints as JSON."""
        return json.loads(await self.engine.hie(*arguments, "--json"))

    async def mail(self) -> tuple[EmailMessage, str]:
        """The next mail, and what its PDF says to another reader."""
        mail = await self.hisp.next()
        (attached,) = mail.iter_attachments()
        assert attached.get_content_type() == "application/pdf"
        content = attached.get_payload(decode=True)
        assert isinstance(content, bytes)
        return mail, " ".join(PdfReader(io.BytesIO(content)).pages[0].extract_text().split())

    def reports(self) -> list[Any]:
        """The DiagnosticReports that the FHIR server was sent."""
        entries = [entry for asked in self.server.requests for entry in asked.json["entry"]]
        return [each["resource"] for each in entries if each["resource"]["resourceType"] == "DiagnosticReport"]


@pytest.fixture
async def scene(tmp_path: Path, embedded: Places) -> AsyncIterator[Scene]:
    async with AsyncExitStack() as stack:
        scene = Scene(tmp_path, embedded, stack.enter_context(serving()))
        for each in (scene.practice.listening(), scene.state.listening(), scene.hisp.open()):
            await stack.enter_async_context(each)
        scene.write()
        await stack.enter_async_context(scene.engine.at_work())
        yield scene


def result(status: str, value: str, at: str) -> str:
    """Hale's result with copies for Lisk and Ward."""
    copies = f"{npi(LISK)}~{npi(WARD)}"
    return order(
        OBR_16=npi(HALE, "Hale"), OBR_28=copies, OBR_22=f"202603121{at}0000", OBR_25=status, OBX_11=status, OBX_5=value
    )


async def test_each_version_reaches_everybody_once_and_none_out_of_order(scene: Scene) -> None:
    sent = {"P1": await scene.send("P1", result("P", "137", "2"))}
    _, text = await scene.mail()
    assert "PRELIMINARY REPORT" in text
    sent["F1"] = await scene.send("F1", result("F", "139", "3"))
    _, text = await scene.mail()
    assert "139 mmol/L" in text
    await asyncio.gather(
        scene.practice.until(lambda: "F1" in scene.practice.bodies),
        scene.state.until(lambda: "F1" in scene.state.bodies),
    )

    scene.engine.kill()  # what was told is in the journal
    await scene.engine.start()
    await scene.send("P2", result("P", "137", "2"))
    await scene.send("F2", result("F", "139", "3"))
    sent["C1"] = await scene.send("C1", result("C", "149", "4"))
    mail, text = await scene.mail()
    assert mail["Subject"] == "Laboratory result (corrected)"
    assert "CORRECTED REPORT" in text
    assert "149 mmol/L" in text
    await asyncio.gather(
        scene.practice.until(lambda: "C1" in scene.practice.bodies),
        scene.state.until(lambda: "C1" in scene.state.bodies),
    )

    assert scene.practice.bodies == sent  # byte for byte as sent, and no others
    assert scene.practice.taken == scene.state.taken == ["P1", "F1", "C1"]
    assert b"|PHLabReport-NoAck^ELR_Receiver^2.16.840.1.113883.9.11^ISO" in scene.state.bodies["C1"]
    async with asyncio.timeout(30):
        while len(scene.reports()) < 3:  # noqa: ASYNC110 - another process sends them
            await asyncio.sleep(0.05)
    assert [each["status"] for each in scene.reports()] == ["preliminary", "final", "corrected"]
    withheld = (await scene.hie("messages", "--status", "filtered"))["messages"]
    ways = ["mail", "practices", "servers", "state"]
    assert {each["control_id"]: [way["route"] for way in each["deliveries"]] for each in withheld} == {
        "P2": ways,
        "F2": ways,
    }
    shown = [way["detail"] for each in withheld for way in (await scene.hie("show", each["id"]))["deliveries"]]
    behind = "superseded: this preliminary result is behind the final one that was told"
    assert shown == ["the final result was told already"] * 4 + [behind] * 4
    told = await scene.hie("notified", "--subscriber", "eastmere")
    assert [each["kind"] for each in told] == ["new", "update", "correction"]


async def test_what_nobody_can_place_waits_for_a_person_and_goes_on(scene: Scene) -> None:
    await scene.send("U1", order(OBR_16=npi(NOWHERE)))
    body = await scene.send("M1", order(OBR_16=npi(HALE), OBX_3="ZQ9^Odd^L", OBR_3="L2^LAB"))
    async with asyncio.timeout(30):
        while len(items := await scene.hie("worklist", "list")) < 2:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.1)  # another process puts them there
    reasons = {each["reason"]: each["id"] for each in items}
    assert set(reasons) == {
        f"OBR-16: NPI {NOWHERE} is not in the directory, and nobody subscribes by it",
        "no LOINC code for 'ZQ9' of 'L'",
    }
    assert scene.practice.bodies == {}

    (scene.site.folder / "maps/tests.csv").write_text(f"{TESTS}ZQ9,L,12345-6,Odd,LN\n")
    await scene.engine.reload()
    await scene.hie("worklist", "settle", reasons["no LOINC code for 'ZQ9' of 'L'"], "--done", "--replay")
    await scene.practice.until(lambda: "M1" in scene.practice.bodies)
    assert scene.practice.bodies["M1"] == body.replace(b"ZQ9^Odd^L", b"12345-6^Odd^LN^ZQ9^Odd^L")
