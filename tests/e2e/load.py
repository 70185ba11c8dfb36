"""A load over MLLP whose order is known: each connection sends, one after the other, for patients of its own.

A message that was not acknowledged is sent again, with the same MSH-10, until it is; the next one comes only then. So
the numbers of one connection are the order that a route has to keep, through whatever happens to the engine meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import lru_cache

START, END = b"\x0b", b"\x1c\r"
FAMILY = "QXWILLOWBY"
"""A family name that every message has, and that no log line may ever have."""
_PATIENTS = 5
_MERGE_EVERY = 13
_FILLING = b"NTE|1||" + b"an invented remark that makes the message as long as real ones are; " * 6
_REFUSED_PAUSE = 0.05  # seconds


@dataclass(frozen=True, slots=True)
class Sent:
    """What was sent: message `number` of `connection`."""

    connection: int
    number: int

    @property
    def control_id(self) -> str:
        """MSH-10."""
        return f"C{self.connection:02d}N{self.number:06d}"

    @classmethod
    def of(cls, control_id: str) -> Sent:
        """The message of this MSH-10."""
        return cls(int(control_id[1:3]), int(control_id[4:]))

    @property
    def patients(self) -> tuple[str, ...]:
        """The patient identifiers whose order this message belongs to: two for a merge."""
        own = self.number * 7 % _PATIENTS
        keys = (own, (own + 2) % _PATIENTS) if self.number % _MERGE_EVERY == 0 else (own,)
        return tuple(f"QX{self.connection:02d}P{key}" for key in keys)

    @property
    def body(self) -> bytes:
        """The message: an A40 that merges two patients now and then, else an A08."""
        return _body(self)


@lru_cache(maxsize=4096)
def _body(sent: Sent) -> bytes:
    survivor, *gone = sent.patients
    kind = "ADT^A40^ADT_A39" if gone else "ADT^A08^ADT_A01"
    segments = [
        f"MSH|^~\\&|ADT1|STANNE|HIE|REGION|20261122143000-0500||{kind}|{sent.control_id}|P|2.5.1".encode(),
        b"EVN||20261122143000-0500",
        f"PID|1||{survivor}^^^STANNE^MR||{FAMILY}^AVERY^Q||19800214|F|||1 TEST STREET^^SPRINGFIELD^IL^62701".encode(),
        *(f"MRG|{prior}^^^STANNE^MR".encode() for prior in gone),
        *([] if gone else [b"PV1|1|I|3W^301^A^STANNE", _FILLING]),
    ]
    return b"\r".join([*segments, b""])


class Load:
    """Sends until told to stop; `acknowledged` are the messages answered AA, by connection, in order."""

    def __init__(self, port: int, *, connections: int = 6, pace: float = 0.0, patience: float = 10.0) -> None:
        self.acknowledged: dict[int, list[Sent]] = {number: [] for number in range(connections)}
        self.tried: set[str] = set()
        self.answers: Counter[str] = Counter()
        self.resent = 0
        self._port = port
        self._pace = pace
        self.patience = patience
        self._stopping = False
        self._links: dict[int, asyncio.StreamWriter] = {}
        self._moved = asyncio.Condition()

    @property
    def count(self) -> int:
        """How many messages were acknowledged."""
        return sum(map(len, self.acknowledged.values()))

    def control_ids(self) -> set[str]:
        """The MSH-10 of every message that was acknowledged."""
        return {sent.control_id for many in self.acknowledged.values() for sent in many}

    @contextlib.asynccontextmanager
    async def running(self, seconds: float = 60) -> AsyncIterator[Load]:
        """Send during the with block; at its end what is under way is still sent until it is acknowledged."""
        self._stopping = False
        tasks = [asyncio.create_task(self._send(number)) for number in self.acknowledged]
        try:
            yield self
            self._stopping = True
            async with asyncio.timeout(seconds):
                await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def more(self, count: int, seconds: float = 30) -> None:
        """Wait until `count` more messages were acknowledged."""
        target = self.count + count
        await self.until(lambda: self.count >= target, seconds)

    async def until(self, holds: Callable[[], bool], seconds: float = 30) -> None:
        """Wait until `holds`, looked at after every answer."""
        async with asyncio.timeout(seconds), self._moved:
            await self._moved.wait_for(holds)

    def drop(self) -> None:
        """Cut every connection, so that each is made anew and perhaps to another process."""
        for writer in self._links.values():
            writer.transport.abort()

    async def _send(self, connection: int) -> None:
        done = self.acknowledged[connection]
        link: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        number, first = (done[-1].number if done else 0) + 1, True
        try:
            while not (self._stopping and first):
                sent = Sent(connection, number)
                self.resent += not first
                self.tried.add(sent.control_id)
                try:
                    async with asyncio.timeout(self.patience):
                        if link is None:
                            link = await asyncio.open_connection("127.0.0.1", self._port)
                            self._links[connection] = link[1]
                        link[1].write(START + sent.body + END)
                        answer = await link[0].readuntil(END)
                except (OSError, asyncio.IncompleteReadError, TimeoutError) as error:
                    self.answers[type(error).__name__] += 1
                    link = _let_go(link)
                    first = False
                    await asyncio.sleep(_REFUSED_PAUSE)
                    continue
                code = _code(answer, sent.control_id)
                first = code == "AA"
                if first:
                    done.append(sent)
                    number += 1
                async with self._moved:
                    self.answers[code] += 1
                    self._moved.notify_all()
                await asyncio.sleep(self._pace if first else _REFUSED_PAUSE)
        finally:
            _let_go(link)


def _let_go(link: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None) -> None:
    if link is not None:
        link[1].transport.abort()


def _code(answer: bytes, control_id: str) -> str:
    """MSA-1 of an answer to the message of `control_id`, checked to be one."""
    for segment in answer[1:-2].split(b"\r"):
        fields = segment.split(b"|")
        if fields[0] == b"MSA":
            assert fields[2].decode() == control_id, f"the answer to {control_id} names {fields[2]!r}"
            return fields[1].decode()
    raise AssertionError(f"the answer to {control_id} has no MSA")
