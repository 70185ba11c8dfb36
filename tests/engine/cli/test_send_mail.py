"""`hie send --to mailto:`: files as Direct messages, plain for a HISP or with test keys."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest

from channels.direct import smime
from channels.direct.keys import IdentityFiles
from channels.direct.mime import Entity, attachments
from channels.direct.trust.binding import binds
from tests.channels.direct.edge import Hub
from tests.engine.cli.conftest import Hie

DOCUMENT = b'<?xml version="1.0"?><ClinicalDocument xmlns="urn:hl7-org:v3"/>'


@pytest.fixture
def hub() -> Iterator[Hub]:
    """A mail server in a thread of its own, as `hie send` has the main thread's event loop."""
    started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event, Hub]] = Future()

    async def run() -> None:
        async with Hub().open() as hub:
            stop = asyncio.Event()
            started.set_result((asyncio.get_running_loop(), stop, hub))
            await stop.wait()

    thread = threading.Thread(target=asyncio.run, args=(run(),))
    thread.start()
    loop, stop, hub = started.result(10)
    try:
        yield hub
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)


@pytest.fixture
def document(tmp_path: Path) -> Path:
    file = tmp_path / "summary.xml"
    file.write_bytes(DOCUMENT)
    return file


def relay(hub: Hub) -> str:
    return str(hub.options.connect)


def test_a_file_goes_out_as_an_attachment(hie: Hie, hub: Hub, document: Path) -> None:
    to = "mailto:bob@b.example,eve%2Bx@b.example"
    ran = hie("send", document, "--to", to, "--from", "alice@a.example", "--relay", relay(hub))
    assert (ran.status, ran.out.strip().endswith("the relay has taken it")) == (0, True)
    ((envelope, mail),) = hub.taken
    assert (envelope.sender, envelope.recipients) == ("alice@a.example", ("bob@b.example", "eve+x@b.example"))
    assert [each.data for each in attachments(mail) if not each.is_text] == [DOCUMENT]


def test_with_test_keys_it_is_signed_and_encrypted(hie: Hie, hub: Hub, document: Path, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    assert hie("direct", "keys", "a.example", "bob@b.example", "--to", keys).status == 0
    ran = hie("send", document, "--to", "mailto:bob@b.example", "--from", "alice@a.example", "--relay", relay(hub),
              "--keys", keys)  # fmt: skip
    assert ran.status == 0, ran.err
    ((_, mail),) = hub.taken
    assert DOCUMENT not in mail
    bob = IdentityFiles(certificate=keys / "bob@b.example.pem", key=keys / "bob@b.example.key").read()
    opened = smime.open(mail, [bob])
    assert [each.data for each in attachments(Entity.parse(opened.inner)) if not each.is_text] == [DOCUMENT]
    assert binds(opened.signers[0].certificate, "alice@a.example")


def test_what_the_relay_refuses_and_whom_nobody_knows_is_told(
    hie: Hie, hub: Hub, document: Path, tmp_path: Path
) -> None:
    hub.refused.add("bob@b.example")
    to = ("send", document, "--to", "mailto:bob@b.example", "--from", "alice@a.example", "--relay", relay(hub))
    ran = hie(*to)
    assert ran.status == 1
    assert "the relay refuses it (550 5.1.1)" in ran.out
    keys = tmp_path / "keys"
    assert hie("direct", "keys", "alice@a.example", "--to", keys).status == 0
    ran = hie(*to, "--keys", keys)
    assert ran.status == 1
    assert "no-certificate" in ran.out
    ran = hie(*to[:-4], "--from", "mallory@x.example", "--relay", relay(hub), "--keys", keys)
    assert ran.status == 1
    assert "hie direct keys mallory@x.example RECIPIENT" in ran.err
    assert hub.taken == []


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (("--to", "mailto:bob@b.example"), "needs --from ADDRESS and --relay"),
        (("--to", "mailto:bob", "--from", "a@a.example", "--relay", "x:25"), "write one address"),
        (("--to", "mailto:b@b.example", "--from", "a@a.example", "--relay", "x:y"), "host:port"),
        (("--to", "mllp://localhost:1", "--from", "a@a.example"), "are for mailto:"),
    ],
)
def test_what_is_missing_or_wrong_is_usage(hie: Hie, document: Path, given: tuple[str, ...], why: str) -> None:
    ran = hie("send", document, *given)
    assert ran.status == 2
    assert why in " ".join(ran.err.split())
