"""Practices and clinics that refer patients to each other through a whole engine, each in its own form.

What they send is written by the codecs that the site's partners could have; what they get is read with the standard
library alone: mail, ZIP, base64, JSON and fields of HL7 v2.
"""

from __future__ import annotations

import asyncio
import base64
import io
import json
import shutil
import smtplib
import subprocess
import sys
import zipfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from schemas.ids import utc_now
from tests import services
from tests.channels.direct.edge import Hub
from tests.channels.fhir.server import FhirServer, serving
from tests.e2e.engines import Engine, Site
from tests.e2e.harness import Places
from tests.e2e.load import END, START
from tests.e2e.receiver import Receiver
from tests.engine.steps.exchange import body_of
from transforms.refer import Act, Attached, Coded, Identifier, Party, ReferralMessage

OURS = "referrals@direct.exchange.example"
CONSULT = (services.ROOT / "samples/ccda/consultation_note.xml").read_bytes()
LETTER = b"%PDF-1.4\n% A letter of QXOKONJO, for the test alone\n%%EOF\n"
AUTHORITY = "urn:oid:2.999.7.15"
THERE = {"system": "urn:oid:2.999.8.5", "value": "S-88"}
PATIENT = {
    "resourceType": "Patient",
    "identifier": [{"system": "urn:oid:2.999.7.5", "value": "P-17"}],
    "name": [{"family": "QXOKONJO", "given": ["Thessaly"]}],
    "gender": "female",
    "birthDate": "1961-04-17",
}
DOCTOR = Party(npi="9880425977", family="Harrowgate", given=("Dunstan",))
PRACTICES = {"360x": "front@direct.practice.example", "ref": "EASTMERE", "fhir": "https://ehr.harbour.example/fhir"}
CLINICS = {
    "360x": "pellworth@direct.cardiology.example",
    "ref": "RIVERSIDE",
    "fhir": "https://fhir.lakeside.example/r4",
}
SPECIALISTS = {
    "360x": Party(npi="9992033313", family="Pellworth"),
    "ref": Party(npi="9500001117", family="Thornbury"),
    "fhir": Party(npi="9500002222", family="Averill"),
}
FORMS = tuple(PRACTICES)

_ORDERS = {"NW": "request", "OK": "accept", "UA": "decline", "CA": "cancel", "CR": "confirm_cancel"}
_STATUSES = {
    **{"2.0": "request", "3.0": "accept", "4.0": "decline", "5.1.1": "book", "5.1.2": "no_show", "5.1.4": "interim"},
    **{"5.2": "cancel", "6.0": "confirm_cancel", "7.0": "complete"},
}


class Got(NamedTuple):
    """What a side was sent: which act of which referral, with which documents and numbers of the patient; in a mail,
    under which Message-ID and with which words."""

    referral: str
    act: str
    documents: tuple[bytes, ...]
    patients: tuple[str, ...]
    message_id: str = ""
    text: str = ""


def read_v2(body: bytes) -> Got:
    """A message of HL7 v2, field by field."""
    segments = [line.split("|") for line in body.decode().split("\r") if line]
    of = {line[0]: [*line, *[""] * 50] for line in reversed(segments)}
    kind, event, *_ = of["MSH"][8].split("^")
    patients = tuple(each.split("^")[0] for each in of["PID"][3].split("~"))
    held = [line[5].split("^") for line in segments if line[0] == "OBX" and line[2] == "ED"]
    documents = tuple(base64.b64decode(each[4]) for each in held)
    if kind == "SIU":
        return Got(of["SCH"][26].split("^")[0], "book" if event == "S12" else "no_show", (), patients)
    if kind in ("OMG", "OSU"):
        reported = {"A": "interim", "CM": "complete"}.get(of["ORC"][5], "?")
        return Got(of["ORC"][2].split("^")[0], _ORDERS.get(of["ORC"][1], reported), (), patients)
    if kind == "REF":
        act = {"I12": "request", "I13": "change", "I14": "cancel"}[event]
    elif event == "I14":
        act = "confirm_cancel"
    else:
        booked = {"Booked": "book", "Noshow": "no_show"}.get(of.get("PV2", [""] * 50)[24].split("^")[0])
        told = {"F": "complete", "P": "interim"}.get(of.get("OBR", [""] * 50)[25])
        act = booked or told or {"A": "accept", "R": "decline"}[of["RF1"][1].split("^")[0]]
    return Got(of["RF1"][6].split("^")[0], act, documents, patients)


def read_bundle(bundle: dict[str, Any]) -> Got:
    """A FHIR message: its Task, and the data of its documents."""
    resources = [each["resource"] for each in bundle["entry"]]
    of = {each["resourceType"]: each for each in reversed(resources)}
    placed = [each["value"] for each in of["Task"]["identifier"] if each["type"]["coding"][0]["code"] == "PLAC"]
    papers = [each["content"][0]["attachment"] for each in resources if each["resourceType"] == "DocumentReference"]
    documents = tuple(base64.b64decode(each["data"]) for each in papers)
    patients = tuple(each["value"] for each in of["Patient"]["identifier"])
    act = _STATUSES[of["Task"]["businessStatus"]["coding"][0]["code"]]
    return Got(placed[0], act, documents, patients)


def read_mail(mail: EmailMessage) -> Got:
    """A mail with a package: the message in it, and the files beside it."""
    (attached,) = mail.iter_attachments()
    content = attached.get_payload(decode=True)
    assert isinstance(content, bytes)
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        files = {name: package.read(name) for name in package.namelist() if "/DOC" in name}
        metadata = package.read("IHE_XDM/SUBSET01/METADATA.XML")
    first, *others = sorted(files)
    got = read_v2(files[first])
    assert f"{got.referral}^^^".encode() in metadata, "the metadata names no referral (referenceIdList)"
    body = mail.get_body()
    assert body is not None
    said = {"message_id": str(mail["Message-ID"]).strip("<> "), "text": body.get_content().strip()}
    return got._replace(documents=tuple(files[name] for name in others), **said)


@dataclass
class Hisp:
    """The exchange's HISP: it takes its mails, has each in a mailbox, and answers with notices."""

    port: int
    hub: Hub = field(default_factory=Hub)
    boxes: dict[str, list[EmailMessage]] = field(default_factory=dict)
    answered: int = 0

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Hisp]:
        """At work as long as the block."""
        async with self.hub.open():
            task = asyncio.create_task(self._answer())
            try:
                yield self
            finally:
                task.cancel()

    async def _answer(self) -> None:
        while True:
            while self.answered < len(self.hub.taken):
                envelope, body = self.hub.taken[self.answered]
                self.answered += 1
                mail = message_from_bytes(body, policy=policy.default)
                assert isinstance(mail, EmailMessage)
                self.boxes.setdefault(envelope.recipients[0], []).append(mail)
                for disposition in ("processed", "dispatched"):
                    notice = _notice(envelope.recipients[0], str(mail["From"]), str(mail["Message-ID"]), disposition)
                    await self.send(envelope.recipients[0], notice)
            await asyncio.sleep(0.02)

    async def send(self, sender: str, mail: EmailMessage) -> None:
        """Hand a mail over to the exchange; while that is down, once more after a moment."""
        async with asyncio.timeout(30):
            while True:
                try:
                    await asyncio.to_thread(self._send, sender, mail)
                except OSError:
                    await asyncio.sleep(0.1)
                else:
                    return

    def _send(self, sender: str, mail: EmailMessage) -> None:
        with smtplib.SMTP("127.0.0.1", self.port, timeout=30) as server:
            server.sendmail(sender, [OURS], mail.as_bytes(policy=policy.SMTP))


def _mail(sender: str, subject: str) -> EmailMessage:
    made = EmailMessage(policy=policy.SMTP)
    made["From"], made["To"], made["Subject"] = sender, OURS, subject
    made["Date"], made["Message-ID"] = format_datetime(utc_now()), make_msgid(domain="hisp.example")
    return made


def _notice(recipient: str, to: str, about: str, disposition: str) -> EmailMessage:
    """An MDN, written out by hand (RFC 8098)."""
    made = _mail(recipient, "Notice")
    del made["To"]
    made["To"] = to
    made["Content-Type"] = "multipart/report; report-type=disposition-notification"
    made.set_payload([])
    words, report = EmailMessage(), EmailMessage()
    words.set_content("Your message was processed.\n")
    report["Content-Type"] = "message/disposition-notification"
    fields = [
        "Reporting-UA: hisp.example; independent",
        f"Final-Recipient: rfc822; {recipient}",
        f"Original-Message-ID: {about}",
        *(["X-DIRECT-FINAL-DESTINATION-DELIVERY: "] if disposition == "dispatched" else []),
        f"Disposition: automatic-action/MDN-sent-automatically; {disposition}",
    ]
    report.set_payload("\r\n".join([*fields, ""]))
    for part in (words, report):
        made.attach(part)
    return made


class Scene:
    """The shipped referral channels in an engine of their own, and everybody around them."""

    def __init__(self, folder: Path, places: Places, servers: tuple[FhirServer, FhirServer]) -> None:
        self.site = Site(folder / "site", places.journal, places.backbone)
        self.engine = Engine(self.site)
        self.eastmere, self.riverside = Receiver("eastmere"), Receiver("riverside")
        self.harbour, self.lakeside = servers
        self.feed, self.fhir = services.free_port(), services.free_port()
        self.hisp = Hisp(services.free_port())
        shipped = services.ROOT / "config"
        for file in (shipped / "channels").glob("referrals-*[a-z].yaml"):
            if ".cases." not in file.name:
                shutil.copy(file, self.site.folder / "channels" / file.name)
        for name in ("maps/systems.csv", "maps/oids.csv", "registry/providers.csv"):
            target = self.site.folder / name
            target.parent.mkdir(exist_ok=True)
            shutil.copy(shipped / name, target)

    def environment(self) -> dict[str, str]:
        """The addresses that the shipped channels are given."""
        return {
            "REFERRALS_FEED": f"127.0.0.1:{self.feed}",
            "REFERRALS_FHIR": f"127.0.0.1:{self.fhir}",
            "HISP_REFERRALS": f"127.0.0.1:{self.hisp.port}",
            "HISP": f"127.0.0.1:{self.hisp.hub.options.connect.port}",
            "EASTMERE": f"127.0.0.1:{self.eastmere.port}",
            "RIVERSIDE": f"127.0.0.1:{self.riverside.port}",
            "HARBOUR": self.harbour.base,
            "LAKESIDE": self.lakeside.base,
        }

    async def says(self, said: ReferralMessage, form: str, address: str) -> None:
        """Have who is at `address` send an act in its form, and have it taken."""
        await self.sends(body_of(said, form, address), form, address)

    async def sends(self, body: bytes, form: str, address: str) -> None:
        """Have a body sent in that form, and have it taken."""
        match form:
            case "360x":
                mail = _mail(address, "XDM/1.0/DDM")
                mail.set_content("Please see.\n")
                mail.add_attachment(body, "application", "zip", filename="referral.zip")
                await self.hisp.send(address, mail)
            case "ref":
                reader, writer = await asyncio.open_connection("127.0.0.1", self.feed)
                writer.write(START + body + END)
                async with asyncio.timeout(30):
                    assert b"MSA|AA|" in await reader.readuntil(END)
                writer.close()
            case "fhir":
                url = f"http://127.0.0.1:{self.fhir}/fhir/$process-message"
                async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
                    answer = await client.post(url, content=body, headers={"content-type": "application/fhir+json"})
                    assert answer.status_code in (200, 202), answer.text

    async def replies(self, address: str, to: str, document: bytes) -> None:
        """Have somebody answer a mail with a clinical document, as most mail programs do."""
        mail = _mail(address, "Re: XDM/1.0/DDM")
        mail["In-Reply-To"] = f"<{to}>"
        mail.set_content("Here is my note.\n")
        mail.add_attachment(document, "text", "xml", filename="note.xml")
        await self.hisp.send(address, mail)

    def got(self, address: str) -> list[Got]:
        """All that was delivered at an address, repeats of one delivery aside."""
        mllp = {"EASTMERE": self.eastmere, "RIVERSIDE": self.riverside}
        fhir = {PRACTICES["fhir"]: self.harbour, CLINICS["fhir"]: self.lakeside}
        if address in mllp:
            return [read_v2(each) for each in mllp[address].bodies.values()]
        if address in fhir:
            # One that was cut off when the engine was killed has not been delivered.
            whole = [
                each for each in list(fhir[address].requests) if len(each.body) == int(each.headers["content-length"])
            ]
            bundles = {each.json["identifier"]["value"]: each.json for each in whole}
            return [read_bundle(each) for each in bundles.values()]
        mails = {str(each["Message-ID"]): each for each in self.hisp.boxes.get(address, [])}
        return [read_mail(each) for each in mails.values()]

    async def gets(self, address: str, referral: str, act: Act) -> Got:
        """The last that is delivered there of an act of a referral; waits for it."""
        async with asyncio.timeout(30):
            while True:
                there = [each for each in self.got(address) if (each.referral, each.act) == (referral, act)]
                if there:
                    return there[-1]
                await asyncio.sleep(0.05)

    async def settled(self) -> None:
        """Wait until the journal holds nothing open: every delivery has its receipt, mails their notices."""
        async with asyncio.timeout(30):
            while await asyncio.to_thread(self.site.open_messages):  # noqa: ASYNC110 - another process's work
                await asyncio.sleep(0.1)

    async def hie(self, *arguments: str) -> Any:
        """What `hie` prints as JSON."""
        command = [sys.executable, "-m", "engine", *arguments, "--json", "--site", str(self.site.folder)]
        given: Any = {"cwd": services.ROOT, "env": self.engine._environment(), "timeout": 60}
        done = await asyncio.to_thread(lambda: subprocess.run(command, check=True, capture_output=True, **given))
        return json.loads(done.stdout)


@asynccontextmanager
async def scene(folder: Path, places: Places, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    """A scene with its engine started."""
    async with AsyncExitStack() as stack:
        servers = (stack.enter_context(serving()), stack.enter_context(serving()))
        for server in servers:
            server.answer = lambda _: (200, None, {})
        made = Scene(folder, places, servers)
        for each in (made.eastmere.listening(), made.riverside.listening(), made.hisp.open()):
            await stack.enter_async_context(each)
        for name, value in made.environment().items():
            monkeypatch.setenv(name, value)
        await made.engine.start()
        try:
            yield made
        except BaseException:
            print(made.engine.tail())
            raise
        finally:
            made.engine.destroy()


class Referral:
    """One referral between two sides of a scene, each in its own form."""

    def __init__(self, scene: Scene, id: str, initiator: str, recipient: str) -> None:
        self.scene = scene
        self.id = id
        self.initiator, self.recipient = initiator, recipient
        self.practice, self.clinic = PRACTICES[initiator], CLINICS[recipient]
        self._numbers = iter(range(1, 100))

    def said(self, act: Act, **facts: object) -> ReferralMessage:
        """A message of it, as its sender's system has it."""
        plain = ReferralMessage(
            act, Identifier(self.id, AUTHORITY), utc_now(), PATIENT, control_id=f"{self.id}-{next(self._numbers)}"
        )
        return replace(plain, initiator=DOCTOR, recipient=SPECIALISTS[self.recipient], **facts)  # type: ignore[arg-type]

    async def asks(self, act: Act, **facts: object) -> Got:
        """Have the practice say it, and the clinic get it."""
        await self.scene.says(self.said(act, **facts), self.initiator, self.practice)
        return await self.scene.gets(self.clinic, self.id, act)

    async def answers(self, act: Act, **facts: object) -> Got:
        """Have the clinic say it under its own number of the patient, and the practice get it."""
        own = PATIENT | {"identifier": [*PATIENT["identifier"], THERE]}  # type: ignore[misc]
        filled = {"filler": Identifier(f"F-{self.id}", "urn:oid:2.999.8.15"), "patient": own}
        await self.scene.says(self.said(act, **filled, **facts), self.recipient, self.clinic)
        return await self.scene.gets(self.practice, self.id, act)

    async def requested(self) -> Got:
        """The request, with a letter."""
        reason = (Coded("R07.9", "http://hl7.org/fhir/sid/icd-10-cm", "Chest pain"),)
        return await self.asks(Act.REQUEST, reason=reason, documents=(Attached(LETTER, "application/pdf"),))

    def got(self, address: str) -> Iterator[Got]:
        """What came there of it."""
        return (each for each in self.scene.got(address) if each.referral == self.id)
