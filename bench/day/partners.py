"""The partners of the day: hospitals that send over MLLP, and subscribers that answer and note what they hear."""

from __future__ import annotations

import asyncio
import mmap
import re
import time
from collections import Counter
from functools import partial
from pathlib import Path

import orjson

from bench.day.adt import END, START
from bench.day.oracle import Heard, Notice
from bench.day.people import LAKESIDE, REGION, RIVERSIDE
from engine.bench.web import Messages

_CONTROL = re.compile(rb"MSH\|(?:[^|\r]*\|){8}([^|\r]*)")
_NOTICE = re.compile(rb"\rZNT\|([^|\r]*)\|([^|\r]*)\|([^|\r]*)\|([^|\r]*)")
_ACK = b"\x0bMSH|^~\\&|PAYER|REGION|HIE|REGION|20261125120000||ACK^A01^ACK|%s|P|2.5.1\rMSA|AA|%s\r\x1c\r"
_PHASES = {"admit": "arrival", "transfer": "transfer", "discharge": "discharge"}
_REASONS = {"edit": "update", "": "new"}


class Hospitals:
    """Send what is in the files of frames at `feeds`, each over a connection of its own, the next after its answer."""

    def __init__(self, port: int, feeds: list[Path]) -> None:
        self._port = port
        self._feeds = feeds
        self.answered = 0
        self.refused = 0
        self.started = 0.0
        self.ended = 0.0
        self.latencies: list[float] = []
        self._open = 0
        self._done = asyncio.Event()

    async def send(self) -> None:
        """Send all; returns when everything is answered, or every connection closed."""
        loop = asyncio.get_running_loop()
        self.started = time.perf_counter()
        for feed in self._feeds:
            self._open += 1
            await loop.create_connection(partial(_Sending, self, feed), "127.0.0.1", self._port)
        await self._done.wait()
        self.ended = time.perf_counter()

    def closed(self) -> None:
        """A connection has ended."""
        self._open -= 1
        if not self._open:
            self._done.set()


class _Sending(asyncio.Protocol):
    def __init__(self, hospitals: Hospitals, feed: Path) -> None:
        self._hospitals = hospitals
        with feed.open("rb") as file:
            self._frames = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._place = 0
        self._sent = 0.0
        self._answer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]
        self._next()

    def data_received(self, data: bytes) -> None:
        self._answer += data
        if not self._answer.endswith(END):
            return
        hospitals = self._hospitals
        hospitals.latencies.append(time.perf_counter() - self._sent)
        hospitals.answered += 1
        hospitals.refused += b"\rMSA|AA|" not in self._answer
        self._answer = b""
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        self._frames.close()
        self._hospitals.closed()

    def _next(self) -> None:
        end = self._frames.find(END, self._place)
        if end < 0:
            self._transport.close()
            return
        frame = self._frames[self._place : end + len(END)]
        self._place = end + len(END)
        self._sent = time.perf_counter()
        self._transport.write(frame)


class Subscribers:
    """What the subscribers heard: by subscriber and control id what, and how often."""

    def __init__(self) -> None:
        self.heard: Heard = {}
        self.times: Counter[tuple[str, str]] = Counter()

    async def listen(self) -> tuple[int, int]:
        """Listen on loopback; the ports of the payer (MLLP) and of the practice with a FHIR server."""
        loop = asyncio.get_running_loop()
        self._payer = await loop.create_server(lambda: _Payer(self), "127.0.0.1", 0)
        self._practice = await loop.create_server(lambda: _Practice(self), "127.0.0.1", 0)
        return self._payer.sockets[0].getsockname()[1], self._practice.sockets[0].getsockname()[1]

    def close(self) -> None:
        """Stop listening."""
        self._payer.close()
        self._practice.close()

    def note(self, subscriber: str, control_id: str, notice: Notice) -> None:
        """A subscriber has heard something."""
        self.heard[subscriber, control_id] = notice
        self.times[subscriber, control_id] += 1

    def read_files(self, folder: Path) -> None:
        """Note what a practice found in its folder."""
        for path in folder.glob("*.hl7"):
            self.note(*_read(LAKESIDE, path.read_bytes()))


def _read(subscriber: str, body: bytes) -> tuple[str, str, Notice]:
    """Who heard what in a message of HL7 v2: the channel's last step writes it into ZNT."""
    control, found = _CONTROL.search(body), _NOTICE.search(body)
    assert control is not None and found is not None
    named, kind, phase, event = (part.decode() for part in found.groups())
    who = named if named == subscriber else f"{named}'s notice at {subscriber}"
    return who, control[1].decode(), Notice(kind, phase, event)  # type: ignore[arg-type]


class _Payer(asyncio.Protocol):
    def __init__(self, subscribers: Subscribers) -> None:
        self._subscribers = subscribers
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        *frames, self._buffer = (self._buffer + data).split(END)
        for frame in frames:
            who, control, notice = _read(REGION, frame.removeprefix(START))
            self._subscribers.note(who, control, notice)
            self._transport.write(_ACK % (control.encode(), control.encode()))


class _Practice(Messages):
    """A FHIR server that takes `$process-message`."""

    def __init__(self, subscribers: Subscribers) -> None:
        super().__init__()
        self._subscribers = subscribers

    def received(self, message: bytes) -> None:
        bundle = orjson.loads(message.partition(b"\r\n\r\n")[2])
        header = bundle["entry"][0]["resource"]
        code = header["eventCoding"]["code"].removeprefix("notification-")
        reason = header.get("reason", {})
        coding = reason.get("coding", [{"code": ""}])[0]["code"]
        kind = "withdrawal" if "text" in reason and not coding else _REASONS[coding]
        named = header["destination"][0]["name"]
        who = RIVERSIDE if named == RIVERSIDE.title() else f"{named}'s notice at {RIVERSIDE}"
        # A bundle says the phase; what exactly the subscriber wanted of it, its visit says.
        notice = Notice(kind, _PHASES[code], "")  # type: ignore[arg-type]
        self._subscribers.note(who, bundle["identifier"]["value"], notice)
        self.transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
