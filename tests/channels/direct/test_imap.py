"""Mails collected from a mailbox at a HISP, which Dovecot plays: out of it once they are safe, and no sooner."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from channels.direct.options import ImapIn
from channels.ends import Receipt, ReceiptCode
from channels.tls import ClientTls
from schemas.values import Address
from tests import tls
from tests.channels.direct.dovecot import PASSWORD, USER, Dovecot
from tests.channels.direct.edge import OURS, Engine, letter
from tests.channels.direct.parties import until

SOON = timedelta(milliseconds=50)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tls.Authority:
    return tls.Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def hisp(authority: tls.Authority) -> Iterator[Dovecot]:
    server = Dovecot(authority.issue("localhost", hosts=("localhost",)))
    server.start()
    try:
        yield server
    finally:
        print(server.log)  # shown where a test fails
        server.stop()


def mailbox(hisp: Dovecot, authority: tls.Authority, **options: Any) -> ImapIn:
    client = ClientTls.model_validate({"authorities": authority.file, "server_name": "localhost"})
    given = {"collect": Address("127.0.0.1", hisp.port), "user": USER, "password": PASSWORD, "tls": client}
    return ImapIn.model_validate({**given, "every": SOON, **options})


def mail(**headers: str) -> bytes:
    return letter(**headers).as_bytes().replace(b"\n", b"\r\n")


@pytest.mark.row("E4")
@pytest.mark.parametrize("options", [{}, {"done": "Taken"}, {"security": "starttls"}])
async def test_each_mail_is_taken_once_and_leaves_the_mailbox(
    hisp: Dovecot, authority: tls.Authority, options: dict[str, Any]
) -> None:
    engine = Engine()
    if "security" in options:
        options = {**options, "collect": Address("127.0.0.1", hisp.plain)}
    first, second = mail(), mail(message_id="<2@practice.example>")
    hisp.put(first)
    hisp.put(second)
    async with engine.listening(through=mailbox(hisp, authority, **options)):
        await until(lambda: len(engine.accepted) == 2 and not hisp.mails())
    assert sorted(message.body for message in engine.accepted) == sorted([first, second])
    assert {message.get("direct.to") for message in engine.accepted} == {f"inbox@{OURS}"}
    assert sorted(hisp.mails("Taken")) == (sorted([first, second]) if "done" in options else [])


@pytest.mark.row("E4")
async def test_a_mail_stays_where_it_is_until_it_is_durable(hisp: Dovecot, authority: tls.Authority) -> None:
    engine = Engine()
    engine.receipt = Receipt(ReceiptCode.FAILED, "the disk is full")
    tried = asyncio.Event()
    accept = engine.accept

    async def counted(message: Any, keep: Any = ()) -> Receipt:
        tried.set()
        return await accept(message, keep)

    engine.accept = counted  # type: ignore[method-assign]
    hisp.put(mail())
    async with engine.listening(through=mailbox(hisp, authority)):
        await tried.wait()
        tried.clear()
        await tried.wait()  # it was looked at again
        assert len(hisp.mails()) == 1
        engine.receipt = Receipt(ReceiptCode.ACCEPTED)
        await until(lambda: not hisp.mails())
    assert len(engine.accepted) == 1


async def test_a_crash_after_the_commit_does_not_take_a_mail_twice(hisp: Dovecot, authority: tls.Authority) -> None:
    engine, same = Engine(), mail()
    for _ in range(2):  # as if the process had ended before it deleted the mail
        hisp.put(same)
        async with engine.listening(through=mailbox(hisp, authority)):
            await until(lambda: not hisp.mails())
    assert len(engine.accepted) == 1


async def test_what_cannot_be_taken_is_moved_and_holds_up_nothing(hisp: Dovecot, authority: tls.Authority) -> None:
    engine = Engine()
    hisp.put(mail(to="x@elsewhere.example"))
    hisp.put(mail(Bcc="hidden@x.example"))
    large = letter()
    large.add_attachment(b"x" * 600_000, "application", "pdf", filename="large.pdf")
    hisp.put(large.as_bytes().replace(b"\n", b"\r\n"))
    hisp.put(mail(to="list@elsewhere.example", Delivered_To=f"inbox@{OURS}"))
    async with engine.listening(through=mailbox(hisp, authority, limit="512kB")):
        await until(lambda: len(hisp.mails("Refused")) == 3 and not hisp.mails())
    assert [message.get("direct.to") for message in engine.accepted] == [f"inbox@{OURS}"]
    assert sorted(finding.code for finding in engine.findings) == ["DIR-311", "DIR-321", "DIR-322"]


async def test_a_mail_of_25_mb_is_fetched_in_pieces(hisp: Dovecot, authority: tls.Authority) -> None:
    engine = Engine()
    large = letter()
    large.add_attachment(bytes(range(256)) * (25 << 12), "application", "pdf", filename="large.pdf")
    whole = large.as_bytes().replace(b"\n", b"\r\n")
    hisp.put(whole)
    async with engine.listening(through=mailbox(hisp, authority)):
        await until(lambda: engine.accepted and not hisp.mails())
    assert engine.accepted[0].body == whole


@pytest.mark.row("E2", "E3")
@pytest.mark.parametrize("wrong", ["password", "authority", "name", "away"])
async def test_a_mailbox_that_cannot_be_read_is_told_once_and_tried_again(
    hisp: Dovecot, authority: tls.Authority, tmp_path: Path, wrong: str
) -> None:
    options: dict[str, Any] = {
        "password": {"password": "wrong"},
        "authority": {"tls": {"authorities": tls.Authority(tmp_path / "x").file, "server_name": "localhost"}},
        "name": {"tls": {"authorities": authority.file, "server_name": "imap.example"}},
        "away": {"collect": Address("127.0.0.1", 1)},
    }[wrong]
    engine = Engine()
    hisp.put(mail())
    async with engine.listening(through=mailbox(hisp, authority, **options)):
        await until(lambda: engine.findings)
        await asyncio.sleep(0.2)  # three more rounds, each of which fails too
    assert [finding.code for finding in engine.findings] == ["DIR-323"]
    assert PASSWORD not in str(engine.findings)
    assert len(hisp.mails()) == 1
