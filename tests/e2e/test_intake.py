"""What comes in twice, and what comes in damaged: the sender's answer, the journal's row, the receivers' share."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.channels.mllp import connected
from tests.e2e.harness import Places, stage
from tests.e2e.load import END, START, Sent


async def test_identical_repeat_is_acknowledged_again_and_routed_once(tmp_path: Path, places: Places) -> None:
    """Also when the engine had ended in between; another body under the same MSH-10 is another message."""
    async with stage(tmp_path, places) as on:
        on.site.write(on.practice.port, on.ward.port, more="repeats: 1h\n")
        engine = on.engine()
        await engine.start()
        body = Sent(1, 1).body
        other = body.replace(b"^A08^", b"^A01^")
        answers = []
        async with connected(on.site.inbound) as one, connected(on.site.inbound) as two:
            answers += await asyncio.gather(one.ask(body), two.ask(body))
        await engine.stop() if places.shared else engine.kill()
        await engine.start()
        async with connected(on.site.inbound) as one:
            answers.append(await one.ask(body))
            answers.append(await one.ask(other))
            answers.append(await one.ask(Sent(1, 2).body))
        assert all(b"\rMSA|AA|" in answer for answer in answers), answers
        await asyncio.gather(*(r.until(lambda of=r: len(of.bodies) == 2) for r in on.receivers))  # type: ignore[misc]
        rows = on.site.rows("select body from messages where control_id = 'C01N000001' order by seq")
        assert [bytes(kept) for (kept,) in rows] == [body, other], "a repeat became one more message"
        assert on.site.rows("select count(*) from events where kind = 'repeat'") == [(2,)]


DAMAGED = [
    (b"this is no HL7 at all", b"\rERR|"),
    (b"PID|1||QX1^^^STANNE^MR\rMSH|^~\\&|ADT1", b"\rERR|"),
    (b"MSH|^~\\&|ADT1|STANNE|HIE|REGION|20261122||ADT^A08||P|2.5.1\rPID|1||QX1\r", b"\rERR||MSH^1^10"),
    (b"MSH|^~\\&|ADT1|STANNE|HIE|REGION|20261122|||X1|P|2.5.1\rPID|1||QX1\r", b"\rERR||MSH^1^9"),
    (b"MSH|^~\\&|ADT1|STANNE|HIE|REGION|20261122|||X1|P|2.3\rPID|1||QX1\r", b"\rERR|MSH^1^9"),
    (b"\xff\xfe\x00\x01" * 9, b"\rERR|"),
]


async def test_damaged_message_is_refused_with_err_and_journaled(tmp_path: Path, embedded: Places) -> None:
    async with stage(tmp_path, embedded) as on:
        engine = on.engine()
        await engine.start()
        async with connected(on.site.inbound) as sender:
            for body, error in DAMAGED:
                answer = await sender.ask(body)
                assert b"\rMSA|AR|" in answer, body
                assert error in answer, body
            assert b"\rMSA|AA|C01N000001" in await sender.ask(Sent(1, 1).body), "the connection serves on"
        await on.practice.until(lambda: len(on.practice.taken) == 1)
        assert on.practice.taken == ["C01N000001"]
        rows = on.site.rows("select body, detail from messages where status = 'rejected' order by seq")
        assert [bytes(body) for body, _ in rows] == [body for body, _ in DAMAGED]
        assert all(detail and "QX" not in detail for _, detail in rows)
        assert "QX" not in engine.tail()


def test_the_framing_of_both_harnesses_is_one() -> None:
    from tests.channels import mllp

    assert (mllp.VT, mllp.END) == (START, END)
