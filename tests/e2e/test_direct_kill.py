"""Direct in an engine that is killed again and again: what was answered 250 is there once, and notices still count."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import orjson
import pytest

from channels.direct.mime import Entity
from channels.direct.notices import NoticeKind
from engine.demo.hisp import INBOX, Hisp, letter, make_identities
from schemas.ids import utc_now
from tests.e2e.engines import Engine, Site
from tests.e2e.harness import Places
from tests.services import free_port

_CHANNELS = Path(__file__).parents[2] / "config" / "channels"


class Post:
    """A site with the shipped channels of Direct, its engine, and the practice that it writes with."""

    def __init__(self, folder: Path, site: Site) -> None:
        self.site = site
        hub = free_port()
        share = ", share_address: true" if site.shared else ""
        make_identities(site.folder / "direct", folder / "practice", utc_now())
        for name in ("direct-in", "direct-out"):
            text = (_CHANNELS / f"{name}.yaml").read_text()
            for written, value in (
                ("${DIRECT:-false}", "true"),
                ('"${DIRECT_IN:-127.0.0.1:2525}"', f'"127.0.0.1:{site.inbound}"{share}'),
                ("${DIRECT_RELAY:-127.0.0.1:2526}", f"127.0.0.1:{hub}"),
                ("first: 10s", "first: 200ms"),
            ):
                text = text.replace(written, value)
            (site.folder / "channels" / f"{name}.yaml").write_text(text)
        self.hisp = Hisp(folder / "practice", site.inbound, hub)
        self.engine = Engine(site)

    def received(self) -> list[str]:
        """The Message-ID of every message that direct-in has journaled."""
        rows = self.site.rows("select attributes from messages where queue = 'direct-in'")
        return [orjson.loads(attributes)["direct.message_id"] for (attributes,) in rows]

    def filed(self) -> list[bytes]:
        """The documents that were filed."""
        folder = self.site.folder / "var" / "direct" / "documents"
        return [file.read_bytes() for file in folder.glob("*.xml")]

    def states(self) -> Counter[str]:
        """How many of the messages that go out are in which state."""
        rows = self.site.rows("select status from messages where queue = 'direct-out/practice'")
        return Counter(status for (status,) in rows)

    def hand_in(self, count: int) -> None:
        """Put discharge summaries into the folder that direct-out watches."""
        folder = self.site.folder / "var" / "discharge"
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(count):
            (folder / f".{number}").write_bytes(document(f"summary {number}"))
            (folder / f".{number}").rename(folder / f"{number}.xml")


def document(id: str) -> bytes:
    return f'<ClinicalDocument xmlns="urn:hl7-org:v3"><id extension="{id}"/></ClinicalDocument>'.encode()


async def until(holds: object, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not holds():  # type: ignore[operator]
        assert time.monotonic() < end, "in vain"
        await asyncio.sleep(0.05)  # another process is at work


@asynccontextmanager
async def post(tmp_path: Path, journal: str = "", backbone: str = "embedded") -> AsyncIterator[Post]:
    made = Post(tmp_path, Site(tmp_path / "site", journal or f"sqlite:///{tmp_path}/journal.db", backbone))
    await made.hisp.open()
    try:
        yield made
    finally:
        made.engine.destroy()
        await made.hisp.close()


async def test_nothing_that_was_answered_250_is_lost_or_taken_twice(tmp_path: Path) -> None:
    async with post(tmp_path) as at:
        chance = random.Random(5)
        await at.engine.start()
        acknowledged: dict[str, bytes] = {}
        enough = asyncio.Event()

        async def send(sender: int) -> None:
            number = 0
            while not enough.is_set():
                number += 1
                body = document(f"note {sender}-{number}")
                mail = letter(body, "note.xml")
                parcel = await at.hisp.seal(mail, INBOX)
                while await at.hisp.hand_over(parcel):  # noqa: ASYNC110 - the same mail again, as a mail server does
                    await asyncio.sleep(0.05)
                acknowledged[Entity.parse(mail).headers.get("message-id")[1:-1]] = body

        senders = [asyncio.create_task(send(number)) for number in range(4)]
        for _ in range(5):
            before = len(acknowledged)
            await until(lambda before=before: len(acknowledged) > before + 3)
            await asyncio.sleep(chance.random() * 0.4)
            at.engine.kill()
            await at.engine.start()
        enough.set()
        await asyncio.gather(*senders)
        assert Counter(at.received()) == Counter(dict.fromkeys(acknowledged, 1))
        await until(lambda: at.site.open_messages() == 0)
        assert Counter(at.filed()) == Counter(acknowledged.values())
        for kind in (NoticeKind.PROCESSED, NoticeKind.DISPATCHED):
            await until(lambda kind=kind: {each.message_id for each in at.hisp.notices if each.kind is kind}
                        == set(acknowledged))  # fmt: skip
        assert {each.kind for each in at.hisp.notices} == {NoticeKind.PROCESSED, NoticeKind.DISPATCHED}


@pytest.mark.parametrize("way", ["killed", "stopped"])
async def test_notices_after_a_restart_settle_what_was_sent_before(tmp_path: Path, way: str) -> None:
    async with post(tmp_path) as at:
        await at.engine.start()
        at.hisp.may_answer.clear()
        at.hand_in(10)
        await until(lambda: at.states()["pending"] == 10)
        if way == "killed":
            at.engine.kill()
        else:
            assert await at.engine.stop() == 0
        at.hisp.may_answer.set()
        await at.engine.start()
        await until(lambda: at.states() == Counter({"delivered": 10}))
        assert len(at.hisp.got) == 10


async def test_a_kill_while_mails_go_out_makes_no_second_message_of_any(tmp_path: Path) -> None:
    async with post(tmp_path) as at:
        await at.engine.start()
        at.hand_in(30)
        for enough in (5, 15):
            await until(lambda enough=enough: len(at.hisp.got) >= enough)
            at.engine.signal(signal.SIGKILL)
            await at.engine.ended()
            await at.engine.start()
        await until(lambda: at.states() == Counter({"delivered": 30}))
        documents = Counter(each for got in at.hisp.got for each in got.documents)
        assert set(documents) == {document(f"summary {number}") for number in range(30)}
        ids = {Entity.parse(got.wire).headers.get("message-id") for got in at.hisp.got}
        assert len(ids) == 30  # one that went twice went under the same Message-ID


async def test_a_notice_settles_what_another_process_has_sent(tmp_path: Path, shared: Places) -> None:
    async with post(tmp_path, shared.journal, shared.backbone) as at:
        second = Engine(at.site, "second")
        try:
            await asyncio.gather(at.engine.start(), second.start())
            at.hisp.may_answer.clear()
            at.hand_in(10)
            parcels = [await at.hisp.seal(letter(document(f"note {n}"), "note.xml"), INBOX) for n in range(20)]
            assert await asyncio.gather(*map(at.hisp.hand_over, parcels)) == [""] * 20
            await until(lambda: at.states()["pending"] == 10)
            at.engine.kill()  # whichever had sent, the other takes the notices and owes what was taken
            at.hisp.may_answer.set()
            await until(lambda: at.states() == Counter({"delivered": 10}))
            dispatched = NoticeKind.DISPATCHED
            await until(lambda: len({each.message_id for each in at.hisp.notices if each.kind is dispatched}) == 20)
            assert Counter(at.filed()) == Counter(document(f"note {n}") for n in range(20))
        finally:
            second.destroy()
