"""The inbound end at an edge: what a HISP hands over is journaled once, and notices settle what we sent."""

from __future__ import annotations

import pytest

from channels.direct.correspondence import Correspondence, Sent, new_message_id
from channels.direct.notices import Closing, Tracking
from channels.ends import OutcomeCode, Receipt, ReceiptCode
from schemas.message import MAIL
from tests.channels.direct.edge import OURS, THEIRS, Engine, letter, mdn, send


async def test_a_mail_is_one_message_with_its_facts() -> None:
    engine = Engine()
    async with engine.listening() as end:
        mail = letter(cc=f"other@{OURS}").as_bytes()
        assert await send(end.port, mail, to=[f"inbox@{OURS}", f"Other@{OURS}"]) == ""
    (message,) = engine.accepted
    assert message.format == MAIL
    assert message.body == mail.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    assert dict(message.attributes) == {
        "direct.from": f"dr.may@{THEIRS}",
        "direct.to": f"inbox@{OURS}, Other@{OURS}",
        "direct.message_id": "1@practice.example",
        "direct.subject": "Consultation note",
        "direct.peer": "127.0.0.1",
    }


@pytest.mark.parametrize(
    ("code", "reply"), [(ReceiptCode.FAILED, "451 4.3.0 the disk is full"), (ReceiptCode.REJECTED, "554 5.6.0 too odd")]
)
async def test_only_what_is_durable_is_answered_250(code: ReceiptCode, reply: str) -> None:
    engine = Engine()
    engine.receipt = Receipt(code, reply[10:])
    async with engine.listening() as end:
        assert await send(end.port, letter().as_bytes()) == reply
        engine.receipt = Receipt(ReceiptCode.ACCEPTED)
        assert await send(end.port, letter().as_bytes()) == ""
    assert len(engine.accepted) == 1


async def test_a_mail_that_comes_again_is_acknowledged_and_not_taken_again_but_for_others() -> None:
    engine = Engine()
    async with engine.listening() as end:
        mail, other = letter().as_bytes(), f"other@{OURS}"
        for again in (mail, b"Received: from elsewhere; Wed, 25 Nov 2026 13:00:00 +0000\r\n" + mail):
            assert await send(end.port, again) == ""
        assert await send(end.port, mail, to=[f"INBOX@{OURS}", other]) == ""
        assert await send(end.port, letter(message_id="<2@practice.example>").as_bytes()) == ""
        changed = letter()
        changed.add_attachment(b"more", "text", "xml", filename="more.xml")
        assert await send(end.port, changed.as_bytes()) == ""
    assert [message.attributes["direct.to"] for message in engine.accepted] == [
        f"inbox@{OURS}", other, f"inbox@{OURS}", f"inbox@{OURS}"]  # fmt: skip


@pytest.mark.row("M1", "M3")
@pytest.mark.parametrize(
    "headers",
    [b"Bcc: x@y.example\r\n", b"From: mallory@y.example\r\n", b"Message-ID: <3@y.example>\r\n", b"X: \xc3\xa9\r\n"],
)
async def test_what_direct_does_not_allow_in_headers_is_refused_with_the_reason(headers: bytes) -> None:
    engine = Engine()
    async with engine.listening() as end:
        assert (await send(end.port, headers + letter().as_bytes())).startswith("554 5.6.0")
    assert engine.accepted == []
    assert [finding.code for finding in engine.findings] == ["DIR-311"]


@pytest.mark.row("M18")
async def test_an_attachment_of_25_mb_is_taken() -> None:
    engine = Engine()
    async with engine.listening() as end:
        mail = letter()
        mail.add_attachment(bytes(range(256)) * (25 << 12), "application", "pdf", filename="scan.pdf")
        assert await send(end.port, mail.as_bytes()) == ""
    assert len(engine.accepted[0].body) > 25 << 20


async def test_a_notice_settles_what_it_is_about_and_is_no_message() -> None:
    engine = Engine()
    delivery = engine.message().id
    about = new_message_id(delivery, "0" * 16, OURS)
    hour = engine.time - engine.time.replace(hour=11)
    tracking = Tracking.begin(
        about, [f"dr.may@{THEIRS}", f"dr.roe@{THEIRS}"], sent=engine.time, closing=Closing.ANY,
        processed_within=hour, dispatched_within=hour,
    )  # fmt: skip
    await Correspondence(engine.context).open(delivery, Sent(tracking, ()))
    async with engine.listening() as end:
        for notice in (
            mdn(about),
            mdn(about.replace(delivery, "f" * 32)),
            mdn(about, "failed", f"DR.ROE@{THEIRS}"),
            mdn(about, "failed", f"dr.roe@{THEIRS}"),
        ):
            assert await send(end.port, notice, sender="", to=[f"notify@{OURS}"]) == ""
    assert engine.accepted == []
    assert [(id, outcome.code) for id, outcome in engine.settled] == [
        (delivery, OutcomeCode.PENDING), (delivery, OutcomeCode.REFUSED)]  # fmt: skip
    assert "dr.roe" not in engine.settled[-1][1].detail
    assert b"Final-Recipient: rfc822;DR.ROE" in engine.settled[-1][1].reply
    assert [finding.code for finding in engine.findings] == ["DIR-313", "DIR-313"]
