"""What a mailbox's mails become, and where they are put: the mailbox itself is played by the test."""

from __future__ import annotations

import asyncio
import io
from datetime import timedelta
from pathlib import Path
from typing import IO

import pytest
from pydantic import SecretStr

from channels.direct import DirectInbound, imap
from channels.direct.agency import ReceivingAgentOptions
from channels.direct.options import ImapIn
from channels.ends import Receipt, ReceiptCode
from schemas.values import Address
from tests.channels.direct.parties import Party, until
from tests.channels.direct.pki import Authority

THEIRS, OURS, FOREIGN = Authority("Theirs"), Authority("Ours", number=1), Authority("Foreign", number=2)


class Mailbox:
    """A mailbox with `mails`; `put` is what was put where."""

    mails: dict[bytes, bytes]
    put: dict[bytes, str | None]

    def __init__(self, _options: ImapIn, _tls: object) -> None:
        pass

    def uids(self) -> list[bytes]:
        return [uid for uid in self.mails if uid not in self.put]

    def size(self, uid: bytes) -> int:
        return len(self.mails[uid])

    def fetch(self, uid: bytes, _size: int, spool: IO[bytes]) -> None:
        spool.write(self.mails[uid])

    def put_away(self, uid: bytes, folder: str | None) -> None:
        self.put[uid] = folder

    def close(self) -> None:
        pass


@pytest.fixture
def alice(tmp_path: Path) -> Party:
    return Party(tmp_path / "alice", "alice@a.example", THEIRS.issue("a.example"), OURS, [])


@pytest.fixture
def bob(tmp_path: Path, alice: Party) -> Party:
    return Party(tmp_path / "bob", "bob@b.example", OURS.issue("bob@b.example", number=1), THEIRS, [alice.identity])


async def collected(
    monkeypatch: pytest.MonkeyPatch, party: Party, mails: dict[bytes, bytes], *, left: int = 0, agent: bool = False
) -> dict[bytes, str | None]:
    """Where the mails of the mailbox were put, when `left` of them are still in it."""
    monkeypatch.setattr(Mailbox, "mails", mails, raising=False)
    monkeypatch.setattr(Mailbox, "put", {}, raising=False)
    monkeypatch.setattr(imap, "Mailbox", Mailbox)
    through = ImapIn(
        collect=Address("127.0.0.1", 1),
        user="bob",
        password=SecretStr("x"),
        done="Done",
        every=timedelta(milliseconds=10),
    )
    options = ReceivingAgentOptions.model_validate({**party.options, "relay": party.as_relay()}) if agent else None
    end = DirectInbound(party.engine.context, recipients=[party.domain], through=through, agent=options)
    task = asyncio.create_task(end.serve(party.engine.accept, lambda: None))
    await until(lambda: len(Mailbox.put) + left >= len(mails) or task.done())
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return Mailbox.put


def delivered(mail: bytes, *headers: str) -> bytes:
    """`mail` as the last server puts it into the mailbox."""
    return b"".join(f"{header}\r\n".encode() for header in headers) + mail


def plain(message_id: str, to: str = "bob@b.example") -> bytes:
    head = f"From: alice@a.example\r\nTo: {to}\r\nDate: Wed, 25 Nov 2026 12:00:00 +0000\r\nMessage-ID: {message_id}\r\n"
    return f"{head}Subject: A note\r\n\r\nSee the note.\r\n".encode()


async def test_mails_are_put_where_they_belong(monkeypatch: pytest.MonkeyPatch, bob: Party) -> None:
    mails = {
        b"1": plain("<1@a.example>"),
        b"2": plain("<2@a.example>", to="somebody@else.example"),
        b"3": b"no mail at all",
        b"4": plain("no id"),
        b"5": delivered(plain("<5@a.example>", to="list@else.example"), "Delivered-To: bob@b.example"),
        b"6": plain("<1@a.example>"),
    }
    put = await collected(monkeypatch, bob, mails)
    assert put == {b"1": "Done", b"2": "Refused", b"3": "Refused", b"4": "Refused", b"5": "Done", b"6": "Done"}
    assert [each.get("direct.message_id") for each in bob.engine.accepted] == ["1@a.example", "5@a.example"]


async def test_what_the_journal_does_not_take_stays(monkeypatch: pytest.MonkeyPatch, bob: Party) -> None:
    bob.engine.receipt = Receipt(ReceiptCode.FAILED)
    assert await collected(monkeypatch, bob, {b"1": plain("<1@a.example>")}, left=1) == {}


@pytest.mark.row("M4", "T2")
async def test_an_agent_takes_what_it_trusts_and_nothing_it_does_not_take_is_lost(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, alice: Party, bob: Party
) -> None:
    mallory = Party(tmp_path / "mallory", "alice@a.example", FOREIGN.issue("alice@a.example", number=2), OURS, [])
    sealed = alice.sealed(bob)
    mails = {
        b"1": delivered(sealed, "Return-Path: <alice@a.example>"),
        b"2": alice.sealed(bob, message_id="<2@a.example>"),
        b"3": delivered(alice.sealed(bob, message_id="<3@a.example>"), "Return-Path: <mallory@x.example>"),
        b"4": mallory.sealed(bob, message_id="<4@a.example>"),
        b"5": plain("<5@a.example>"),
    }
    put = await collected(monkeypatch, bob, mails, agent=True)
    assert put == {b"1": "Done", b"2": "Done", b"3": "Refused", b"4": "Refused", b"5": "Refused"}
    assert [each.get("direct.message_id") for each in bob.engine.accepted] == ["1@a.example", "2@a.example"]
    assert io.BytesIO(bob.engine.accepted[0].body).readline() == b"From: alice@a.example\r\n"
