"""The partners of the demo that speak HL7 v2: the hospital that sends, and the practice that takes it over MLLP."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from channels.mllp.framing import FrameReader, frame
from schemas.hl7v2 import Ack, Er7, acknowledge, header, read_ack
from schemas.ids import utc_now
from schemas.message import HL7V2, Message

_LIMIT = 1 << 20
_READ = 65536


def number_of(er7: Er7) -> str:
    """The hospital's number of the patient, also where the practice's own stands before it (PID-3)."""
    numbers = zip(er7.get_all("PID-3[*].1"), er7.get_all("PID-3[*].4.1"), strict=False)
    return next((number for number, authority in numbers if authority == "STANNE"), "")


class Hospital:
    """Sends over one connection, each message after the answer to the one before."""

    def __init__(self, host: str, port: int) -> None:
        self._address = (host, port)

    async def connect(self) -> None:
        """Connect; raises `OSError` when nobody listens."""
        self._reader, self._writer = await asyncio.open_connection(*self._address)
        self._frames = FrameReader(_LIMIT, eager=True)

    async def send(self, body: bytes) -> Ack:
        """Send `body`; what it was answered. Raises `ConnectionError` when there is no answer."""
        self._writer.write(frame(body))
        while data := await self._reader.read(_READ):
            for event in self._frames.feed(data):
                if isinstance(event, bytes):
                    return read_ack(event)
        raise ConnectionError("the engine closed the connection without an answer")

    def close(self) -> None:
        """Hang up."""
        self._writer.close()


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message that came in at the practice, and what it was answered."""

    message: Message
    control_id: str
    answer: str


class Practice:
    """Takes messages over MLLP. It answers AE for the patients in `locked` (the hospital's numbers), AA for others."""

    def __init__(self) -> None:
        self.taken: list[Delivery] = []
        self.locked: set[str] = set()
        self.port = 0
        self._server: asyncio.Server | None = None
        self._connections: dict[asyncio.StreamWriter, asyncio.Task[object] | None] = {}

    async def open(self) -> None:
        """Listen on loopback, on the port of last time where there was one."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Go away: nobody listens, and no connection is left."""
        if self._server is not None:
            self._server.close()
            self._server = None
        serving = [task for task in self._connections.values() if task is not None]
        for writer in self._connections:
            writer.close()
        await asyncio.gather(*serving)

    @property
    def delivered(self) -> list[Message]:
        """What was answered AA, in the order of arrival; a repeat counts once."""
        return list({each.control_id: each.message for each in self.taken if each.answer == "AA"}.values())

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections[writer] = asyncio.current_task()
        frames = FrameReader(_LIMIT)
        try:
            while data := await reader.read(_READ):
                for event in frames.feed(data):
                    if isinstance(event, bytes):
                        writer.write(self._answer(event))
        except ConnectionError:
            return
        finally:
            del self._connections[writer]
            writer.close()

    def _answer(self, body: bytes) -> bytes:
        now = utc_now()
        message = Message(id="", channel="practice", format=HL7V2, body=body, received=now)
        locked = number_of(message.er7) in self.locked
        code = "AE" if locked else "AA"
        control_id = header(body).control_id
        self.taken.append(Delivery(message, control_id, code))
        text = "the chart is open elsewhere" if locked else ""
        return frame(acknowledge(body, code, control_id=f"E{len(self.taken)}", now=now, text=text))
