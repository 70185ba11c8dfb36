"""A sender of ADT^A01 over MLLP that costs little: as many connections as asked, each sends the next after its ACK."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

_START, _END = b"\x0b", b"\x1c\r"

_HEAD = b"MSH|^~\\&|ADT1|STANNE|HIE|REGION|20261122143000-0500||ADT^A01^ADT_A01|"
_PATIENT = (
    b"|P|2.5.1\rEVN|A01|20261122143000-0500||01|JSMITH^SMITH^JANE^^^^^^STANNE|20261122142500-0500|STANNE\rPID|1||"
)
_REST = (
    b"^^^STANNE^MR~900-00-0001^^^SSA^SS||EXAMPLE^AVERY^Q^^^^L||19800214|F||2106-3^White^CDCREC|"
    b"1 TEST STREET^^SPRINGFIELD^IL^62701^USA^H||^PRN^PH^^1^217^5550101|^WPN^PH^^1^217^5550102|en^English^ISO639|M|"
    b"CHR|V0000001^^^STANNE^VN|||||2186-5^Not Hispanic^CDCREC\r"
    b"NK1|1|EXAMPLE^JORDAN^^^^^L|SPO^Spouse^HL70063|1 TEST STREET^^SPRINGFIELD^IL^62701|^PRN^PH^^1^217^5550103\r"
    b"PV1|1|I|3W^301^A^STANNE^^^^3 West|E|||1234567893^WELBY^MARCUS^^^DR^^^NPI|1987654321^CASEY^BEN^^^DR^^^NPI||MED||||"
    b"1"
    b"|||1234567893^WELBY^MARCUS^^^DR^^^NPI|IN|V0000001^^^STANNE^VN|MCR|||||||||||||||||||STANNE|||||20261122142500-0500\r"
    b"PV2|||R07.9^Chest pain, unspecified^I10\r"
    b"AL1|1|DA|7980^Penicillin G^RXNORM|MO|Hives\r"
    b"DG1|1||R07.9^Chest pain, unspecified^I10||20261122142500-0500|A\r"
    b"GT1|1||EXAMPLE^AVERY^Q^^^^L||1 TEST STREET^^SPRINGFIELD^IL^62701|^PRN^PH^^1^217^5550101||19800214|F\r"
    b"IN1|1|MEDICARE|12345|MEDICARE PART A|PO BOX 1^^BALTIMORE^MD^21201\r"
)


def message(number: int, patients: int = 5000) -> bytes:
    """ADT^A01 number `number`, about 1.1 KB; its control id is the number."""
    return b"%s%d%s%d%s" % (_HEAD, number, _PATIENT, 100_000 + number * 7919 % patients, _REST)


class Sender:
    """Sends `count` messages over `connections` connections; `latencies` are seconds from send to ACK."""

    def __init__(self, host: str, port: int, count: int, connections: int) -> None:
        self._host = host
        self._port = port
        self._connections = connections
        self._numbers = iter(range(1, count + 1))
        self.count = count
        self.latencies: list[float] = []
        self.refused = 0
        self.started = 0.0
        self.ended = 0.0
        self._done = asyncio.Event()
        self._open = 0

    async def run(self) -> None:
        """Send everything; returns when every message has its answer. Raises `OSError` when nobody listens."""
        loop = asyncio.get_running_loop()
        self.started = time.perf_counter()
        for _ in range(self._connections):
            await loop.create_connection(lambda: _Connection(self), self._host, self._port)
        await self._done.wait()
        self.ended = time.perf_counter()

    def numbers(self) -> Iterator[int]:
        """The numbers that are left to send, shared by all connections."""
        return self._numbers

    def opened(self) -> None:
        """A connection has opened."""
        self._open += 1

    def closed(self) -> None:
        """A connection has nothing left to send."""
        self._open -= 1
        if not self._open:
            self._done.set()


class _Connection(asyncio.Protocol):
    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self._answer = b""
        self._sent = 0.0
        self._ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]
        self._sender.opened()
        self._next()

    def data_received(self, data: bytes) -> None:
        self._answer += data
        if not self._answer.endswith(_END):
            return
        self._sender.latencies.append(time.perf_counter() - self._sent)
        if b"\rMSA|AA|" not in self._answer:
            self._sender.refused += 1
        self._answer = b""
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end()

    def _next(self) -> None:
        number = next(self._sender.numbers(), None)
        if number is None:
            self._end()
            self._transport.close()
            return
        self._sent = time.perf_counter()
        self._transport.write(_START + message(number) + _END)

    def _end(self) -> None:
        if not self._ended:
            self._ended = True
            self._sender.closed()
