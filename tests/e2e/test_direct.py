"""Direct through a whole engine: a document comes in from another HISP, goes on to it, and its notice closes it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from email.message import EmailMessage, Message
from pathlib import Path
from typing import Any

import pytest

from tests import services
from tests.channels.direct.people import authority, organisation, person
from tests.e2e.engines import Engine, Site
from tests.e2e.harness import Places
from tests.e2e.hisp import Hisp, write_agent

DOCUMENT = (services.ROOT / "samples" / "ccda" / "discharge_summary.xml").read_bytes()
CHANNEL = """\
channel: relay
description: Take documents by Direct, keep them in a folder, and send them on by Direct.
inbound:
  direct:
    recipients: [hub.example]
    through: {{listen: "127.0.0.1:{inbound}"}}
    agent: {{{agent}, relay: {{connect: "127.0.0.1:{relay}", security: none}}}}
steps:
  - open_mail
  - keep: {{direct.kind: ccda}}
routes:
  - route: folder
    outbound:
      file: {{folder: {folder}/out, name: "{{message.id}}.xml"}}
  - route: onward
    outbound:
      direct:
        from: inbox@hub.example
        to: dr.may@hisp.example
        file: onward.xml
        relay: {{connect: "127.0.0.1:{relay}", security: none}}
        agent: {{{agent}}}
    retry: {{first: 100ms, most: 1s, give_up_after: 1h}}
"""


class Scene:
    """A site with the channel, the engine on it, and the HISP that it exchanges mails with."""

    def __init__(self, folder: Path, places: Places) -> None:
        us, they = organisation("hub.example"), person("dr.may@hisp.example")
        self.site = Site(folder / "site", places.journal, places.backbone)
        self.engine = Engine(self.site)
        self.hisp = Hisp(folder / "hisp", "dr.may@hisp.example", they, "inbox@hub.example", us)
        self.agent = write_agent(self.site.folder, us, they)
        (self.site.folder / "out").mkdir()

    def write_channel(self) -> None:
        """Write the channel's file, as soon as the HISP's port is known."""
        folder = self.site.folder
        text = CHANNEL.format(inbound=self.site.inbound, relay=self.hisp.port, folder=folder, agent=self.agent)
        (folder / "channels" / "relay.yaml").write_text(text)

    async def send(self, message: EmailMessage) -> None:
        """Have the HISP hand `message` over to the engine."""
        await asyncio.to_thread(self.hisp.send, self.site.inbound, message)

    async def both(self) -> tuple[Message, EmailMessage]:
        """The notice and the document that the engine sends, whichever comes first."""
        mails = [await self.hisp.next(), await self.hisp.next()]
        mails.sort(key=lambda mail: mail.get_content_type() != "multipart/report")
        return mails[0], mails[1]

    async def settled(self) -> None:
        """Wait until the journal holds nothing open."""
        async with asyncio.timeout(30):
            while await asyncio.to_thread(self.site.open_messages):  # noqa: ASYNC110 - another process's work
                await asyncio.sleep(0.1)

    async def messages(self, status: str) -> list[Any]:
        """What `hie messages` lists in `status`."""
        listed = json.loads(await self.engine.hie("messages", "--json", "--status", status))
        return list(listed["messages"])


@pytest.fixture
async def scene(tmp_path: Path, embedded: Places) -> AsyncIterator[Scene]:
    scene = Scene(tmp_path, embedded)
    async with scene.hisp.open():
        scene.write_channel()
        async with scene.engine.at_work():
            yield scene


def document_mail(hisp: Hisp) -> EmailMessage:
    message = hisp.write()
    message.set_content("A summary is attached.\n")
    message.add_attachment(DOCUMENT, "text", "xml", filename="summary.xml")
    return message


@pytest.mark.row("M6", "M10", "N1", "N3", "N5", "N13")
@pytest.mark.parametrize("killed", [False, True], ids=["", "killed before the notice"])
async def test_a_document_comes_in_and_goes_on_and_a_notice_closes_it(scene: Scene, killed: bool) -> None:
    sent = document_mail(scene.hisp)
    await scene.send(sent)
    notice, onward = await scene.both()

    fields = notice.get_payload(1).as_string()  # type: ignore[union-attr]
    assert f"Original-Message-ID: {sent['Message-ID']}" in fields
    assert "automatic-action/MDN-sent-automatically; processed" in " ".join(fields.split())
    (document,) = onward.iter_attachments()
    assert (onward["From"], document.get_filename()) == ("inbox@hub.example", "onward.xml")
    assert document.get_payload(decode=True) == DOCUMENT
    assert [file.read_bytes() for file in (scene.site.folder / "out").iterdir()] == [DOCUMENT]

    assert len(await scene.messages("pending")) == 1
    if killed:
        scene.engine.kill()
        await scene.engine.start()
    await scene.send(scene.hisp.notice(onward["Message-ID"], "processed"))
    await scene.settled()
    assert len(await scene.messages("delivered")) == 1
    assert await scene.messages("pending") == []
    assert len(scene.hisp.hub.taken) == 2, "a notice was answered, or something was sent twice"


@pytest.mark.row("N10", "N15")
async def test_a_notice_of_failure_ends_it_as_refused(scene: Scene) -> None:
    await scene.send(document_mail(scene.hisp))
    _, onward = await scene.both()
    await scene.send(scene.hisp.notice(onward["Message-ID"], "failed"))
    await scene.settled()
    assert len(await scene.messages("refused")) == 1


@pytest.mark.row("N2", "T2")
async def test_a_stranger_hears_nothing_and_nothing_is_taken(scene: Scene, tmp_path: Path) -> None:
    stranger = person("dr.may@hisp.example", issuer=authority("A Stranger's Anchor"))
    hisp = Hisp(
        tmp_path / "stranger", "dr.may@hisp.example", stranger, "inbox@hub.example", organisation("hub.example")
    )
    await asyncio.to_thread(hisp.send, scene.site.inbound, document_mail(scene.hisp))
    await scene.send(document_mail(scene.hisp))
    await scene.both()
    assert len(scene.hisp.hub.taken) == 2
    assert len(list((scene.site.folder / "out").iterdir())) == 1
    assert "DIR-332" in scene.engine.tail()
