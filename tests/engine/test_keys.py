"""A message is found by every patient it names, and what a batch or a split is made of by its own names."""

from __future__ import annotations

import asyncio
import secrets
from datetime import timedelta

import pytest

from channels.ends import ReceiptCode
from engine.cli.seeking import find
from engine.journal import Journal
from engine.journal.history import history
from engine.journal.search import Search
from schemas.condition import Condition
from schemas.hl7v2 import build_batch
from schemas.ids import utc_now
from tests.engine.harness import Hand, Script, adt, at_work, channel, route
from transforms import STEPS
from transforms.split import Way
from transforms.step import Step

HEAD = "MSH|^~\\&|ADT|STANNE|HIE|HIE|20261122120000||"
SWAP = (
    f"{HEAD}ADT^A17|SWAP|P|2.5\rEVN|A17|2026\rPID|1||S1^^^STANNE^MR~S1B^^^NAT^SS\rPV1|1|I\r"
    "PID|2||S2^^^STANNE^MR\rPV1|2|I\r"
).encode()
WIDE = f"{HEAD}ADT^A40|WIDE|P|2.5\rPID|1||W1^^^STANNE^MR\rMRG|W2^^^STANNE^MR\r".encode("utf-16-le")
ORDERS = f"{HEAD}ORM^O01|LAB|P|2.5\rPID|1||L1\rORC|NW|1\rOBR|1|1\rORC|NW|2\rOBR|1|2\r".encode()
BATCH = build_batch(
    [adt("B1", "P1"), adt("B2", "P2", "A08"), adt("B3", "P3", "A40", merged="P4")], control_id="F", now=utc_now()
)
BY_BATCH = Step("split", STEPS["split"], (Way("batch"),), None, "split: batch")


async def found(journal: Journal, **wanted: str) -> list[str]:
    """The control ids of the received messages that are found."""
    rows, _ = await find(journal, Search(**wanted), 100)  # type: ignore[arg-type]
    return [row.control_id for row in rows]


FOUND: list[tuple[dict[str, str], list[str]]] = [
    ({"patient_id": "P9"}, ["PLAIN"]),
    ({"patient_id": "KEPT"}, ["MERGE"]),
    ({"patient_id": "GONE"}, ["MERGE"]),
    ({"patient_id": "GONE", "type": "ADT^A40"}, ["MERGE"]),
    ({"patient_id": "GONE", "type": "ADT^A01"}, []),
    ({"patient_id": "S1"}, ["SWAP"]),
    ({"patient_id": "S1B"}, ["SWAP"]),
    ({"patient_id": "S2"}, ["SWAP"]),
    ({"patient_id": "W2"}, ["WIDE"]),
    ({"control_id": "F"}, []),
    ({"control_id": "B1"}, ["B1"]),
    ({"control_id": "B3"}, ["B1"]),
    ({"control_id": "B2", "channel": "adt"}, ["B1"]),
    ({"type": "ADT^A08"}, ["B1"]),
    ({"type": "ADT", "patient_id": "P2"}, ["B1"]),
    ({"patient_id": "P3"}, ["B1"]),
    ({"patient_id": "P4"}, ["B1"]),
    ({"patient_id": "P5"}, []),
]


async def test_every_patient_and_every_message_of_a_batch_finds_what_came_in(journal_url: str) -> None:
    hand, script = Hand(), Script()
    # The second message of the batch goes no way, and is found all the same.
    to = route(script, when=Condition.read({"MSH-9.2": ["A01", "A17", "A40"]}))
    async with at_work(journal_url, channel(hand, to, steps=(BY_BATCH,)), hand) as stand:
        bodies = [adt("PLAIN", "P9"), adt("MERGE", "KEPT", "A40", merged="GONE"), SWAP, WIDE, BATCH]
        for body in bodies:
            assert (await hand.send(body)).reason == ""
        for wanted, expected in FOUND:
            assert await found(stand.journal, **wanted) == expected, wanted
        assert sorted(set(await found(stand.journal, type="ADT"))) == ["B1", "MERGE", "PLAIN", "SWAP", "WIDE"]
        await script.until(lambda: len(script.delivered) == 6)
        for wanted, expected in FOUND:
            assert await found(stand.journal, **wanted) == expected, wanted
        (row,) = (await find(stand.journal, Search(control_id="B3"), 9))[0]
        told = await history(stand.journal, row.id)
        assert [(each.control_id, each.type, each.patient_id) for each in told.deliveries] == [
            ("B1", "ADT^A01", "P1"),
            ("B3", "ADT^A40", "P3"),
        ]
        assert ("patient id", "P4") in told.terms


async def test_the_parts_of_a_split_are_found_by_the_control_ids_that_they_left_with(journal_url: str) -> None:
    hand, script = Hand(), Script()
    by_order = Step("split", STEPS["split"], (Way("by", "ORC"),), None, "split: {by: ORC}")
    async with at_work(journal_url, channel(hand, route(script), steps=(by_order,)), hand) as stand:
        await hand.send(ORDERS)
        await script.until(lambda: len(script.delivered) == 2)
        for name in ("LAB", "LAB-1", "LAB-2"):
            assert await found(stand.journal, control_id=name) == ["LAB"], name
        assert await found(stand.journal, control_id="LAB-3") == []
        assert await found(stand.journal, patient_id="L1", route="out") == ["LAB"]


async def test_a_key_that_no_index_could_hold_is_journaled_found_and_repeated(
    journal_url: str,
) -> None:
    long = [secrets.token_hex(20_000) for _ in range(3)]
    hand, script = Hand(), Script()
    bodies = [adt(long[0], "P1"), adt("C2", long[1]), adt("C3", "P3", "A40", merged=long[2])]
    async with at_work(journal_url, channel(hand, route(script), repeats=timedelta(hours=1)), hand) as stand:
        # At one moment, and beside one that nothing is wrong with: none must spoil the commit of another.
        receipts = await asyncio.gather(*(hand.send(body) for body in [*bodies, adt("C4", "P4")]))
        assert [(receipt.code, receipt.reason) for receipt in receipts] == [(ReceiptCode.ACCEPTED, "")] * 4
        assert (await hand.send(bodies[0])).reason.startswith("a repeat of")
        await script.until(lambda: len(script.delivered) == 4)
        assert len(await found(stand.journal, control_id=long[0])) == 1
        assert await found(stand.journal, patient_id=long[1]) == ["C2"]
        assert await found(stand.journal, patient_id=long[2]) == ["C3"]


@pytest.mark.parametrize("size", [1, 3])
async def test_pages_hold_a_batch_once(journal_url: str, size: int) -> None:
    hand, script = Hand(), Script()
    async with at_work(journal_url, channel(hand, route(script), steps=(BY_BATCH,)), hand) as stand:
        for _ in range(4):
            await hand.send(BATCH)
        await script.until(lambda: len(script.delivered) == 12)
        for wanted in (Search(type="ADT"), Search(patient_id="P4"), Search(control_id="B1"), Search(type="ADT^A08")):
            ids: list[str] = []
            before = None
            while True:
                rows, before = await find(stand.journal, wanted, size, before)
                ids += [row.id for row in rows]
                if before is None:
                    break
            assert len(ids) == 4 == len(set(ids)), wanted
