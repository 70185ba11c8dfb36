"""One connection of the outbound end: messages out, and each acknowledgment to the message that it names."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, cast

from channels.ends import Outcome, OutcomeCode
from channels.mllp.framing import Event, FrameReader, Junk, Oversized, frame
from channels.mllp.sockets import LINGER, keep_alive, protocol_hint
from channels.mllp.verdict import Policy, WaitFor, read_answer
from schemas.hl7v2 import Hl7Error, acknowledge, header, wants_accept_ack

LONGEST_ANSWER = 1 << 20


@dataclass(frozen=True, slots=True)
class Lost:
    """The connection ended before the answer: whether the receiver has the message is not known."""

    detail: str
    unreachable: bool = False


class _Waiting:
    """A message whose answer has not come."""

    __slots__ = ("deadline", "result")

    def __init__(self, result: asyncio.Future[Outcome | Lost], deadline: float) -> None:
        self.result = result
        self.deadline = deadline

    def settle(self, result: Outcome | Lost) -> None:
        if not self.result.done():  # a delivery that was cancelled waits no more
            self.result.set_result(result)


class Keeper(Protocol):
    """Who keeps the connection: what it waits for, and who is told when it has room or is closed."""

    loop: asyncio.AbstractEventLoop
    policy: Policy
    wait_for: WaitFor
    ack_timeout: float
    new_id: Callable[[], str]
    now: Callable[[], datetime]

    def release(self, exchange: Exchange) -> None:
        """`exchange` has room for one more message."""
        ...

    def forget(self, exchange: Exchange) -> None:
        """`exchange` is closed."""
        ...

    def report_stray(self, *, late: bool) -> None:
        """An answer came that belongs to no message, or to one that is answered already."""
        ...


class Exchange(asyncio.Protocol):
    """A connection to a receiver, with at most `pipeline` messages unanswered.

    An answer belongs to the message whose MSH-10 its MSA-2 repeats; any other is told of and ignored. A message that is
    not answered in time ends the connection, so that its late answer can never be taken for another's.
    """

    _transport: asyncio.Transport

    def __init__(self, pool: Keeper) -> None:
        self._pool = pool
        self._reader = FrameReader(LONGEST_ANSWER, eager=True)
        self._waiting: dict[str, _Waiting] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._drained: asyncio.Future[None] | None = None
        self._is_choked = False
        self._wrong = ""
        self.gone = asyncio.Event()
        """Set when the socket is closed."""
        self.is_open = False
        self.is_free = False
        """Whether the pool may hand it out; the pool's own note."""
        self.answered = 0
        """How many messages were answered on this connection: 0 for one that is new."""
        self.idle_since = 0.0

    @property
    def unanswered(self) -> int:
        """How many messages wait for their answer."""
        return len(self._waiting)

    def waits_for(self, control_id: str) -> bool:
        """Whether a message of this MSH-10 waits for its answer here: a second one could not be told from it."""
        return control_id in self._waiting

    def send(self, framed: bytes, control_id: str) -> asyncio.Future[Outcome | Lost]:
        """Write a message; the future gives the outcome that its answer means."""
        loop = self._pool.loop
        result: asyncio.Future[Outcome | Lost] = loop.create_future()
        if not self.is_open:
            result.set_result(Lost(*self._why(None)))
            return result
        deadline = loop.time() + self._pool.ack_timeout
        self._waiting[control_id] = _Waiting(result, deadline)
        self._transport.write(framed)
        if self._timer is None:
            self._timer = loop.call_at(deadline, self._expire)
        return result

    async def post(self, framed: bytes) -> Outcome | Lost:
        """Write a message that is not answered; it is delivered when the system has taken its bytes."""
        if self.is_open:
            self._transport.write(framed)
            # uvloop writes at the end of this turn of the loop; only then it says that the system does not take more.
            await asyncio.sleep(0)
            if self._is_choked and self.is_open:
                self._drained = self._pool.loop.create_future()
                await self._drained
        if not self.is_open:
            return Lost(*self._why(None))
        self.answered += 1
        self._pool.release(self)
        return Outcome(OutcomeCode.DELIVERED, "sent; no acknowledgment was waited for")

    def close(self, reason: str) -> None:
        """End the connection; what waits for an answer is lost because of `reason`."""
        if not self.is_open:
            return
        self._wrong = self._wrong or reason
        self._transport.close()
        self._end(None)
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._pool.loop.call_later(LINGER, self._transport.abort)

    # what the event loop tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self.is_open = True
        keep_alive(transport)
        if self._pool.wait_for == "nothing":
            self._transport.set_write_buffer_limits(0)

    def data_received(self, data: bytes) -> None:
        if not self.is_open:
            return
        for event in self._reader.feed(data):
            if isinstance(event, bytes):
                self._answer(event)
            else:
                self._note_garbage(event)
            if not self.is_open:
                return

    def eof_received(self) -> bool:
        self._end(None)
        return False

    def connection_lost(self, error: Exception | None) -> None:
        self._end(error)
        if self._timer is not None:
            self._timer.cancel()
        self.gone.set()

    def pause_writing(self) -> None:
        self._is_choked = True

    def resume_writing(self) -> None:
        self._is_choked = False
        self._release_writer()

    # answers

    def _answer(self, body: bytes) -> None:
        try:
            ack = read_answer(body)
        except Hl7Error:
            self._fail("the receiver's answer is no acknowledgment (no MSA segment)", body)
            return
        waiting = self._waiting.get(ack.control_id)
        if waiting is None:
            if not ack.control_id and len(self._waiting) == 1:
                self._fail(f"the receiver answered {ack.code} but names no message (MSA-2 is empty)", body)
            else:
                self._pool.report_stray(late=not self._waiting)
            return
        if self._pool.wait_for == "application":
            self._confirm(body, ack.code)
        outcome = self._pool.policy.judge(ack, body)
        if outcome is None:
            waiting.deadline = self._pool.loop.time() + self._pool.ack_timeout
            return
        del self._waiting[ack.control_id]
        self.answered += 1
        self._pool.release(self)
        waiting.settle(outcome)

    def _confirm(self, body: bytes, code: str) -> None:
        """Give the accept acknowledgment that an application acknowledgment may ask for (HL7 v2.9, 2.9.3.2)."""
        if not code.startswith("A"):
            return
        try:
            asked = wants_accept_ack(header(body), ok=True)
        except Hl7Error:
            return
        if asked:
            control_id = self._pool.new_id()[-20:]
            self._transport.write(frame(acknowledge(body, "CA", control_id=control_id, now=self._pool.now())))

    def _note_garbage(self, event: Event) -> None:
        match event:
            case Junk():
                self._wrong = f"the receiver sent bytes outside of MLLP frames: {protocol_hint(event.start)}"
            case Oversized():
                self._fail("the receiver's answer is longer than 1 MB", b"")

    def _fail(self, detail: str, reply: bytes) -> None:
        """Settle all that waits as deferred, because no answer on this connection can be trusted any more."""
        waiting, self._waiting = self._waiting, {}
        for each in waiting.values():
            each.settle(Outcome(OutcomeCode.DEFERRED, detail, reply))
        self.close(detail)

    # ends

    def _expire(self) -> None:
        self._timer = None
        oldest = min((each.deadline for each in self._waiting.values()), default=None)
        if oldest is None:
            return
        if oldest > self._pool.loop.time():
            self._timer = self._pool.loop.call_at(oldest, self._expire)
            return
        for event in self._reader.close():
            self._note_garbage(event)
        seconds = f"{self._pool.ack_timeout:g} s"
        self._fail(f"no acknowledgment within {seconds}" + (f"; {self._wrong}" if self._wrong else ""), b"")

    def _end(self, error: Exception | None) -> None:
        """Settle what waits, once: the connection is no more."""
        if not self.is_open:
            return
        self.is_open = False
        for event in self._reader.close():
            self._note_garbage(event)
        self._pool.forget(self)
        self._release_writer()
        waiting, self._waiting = self._waiting, {}
        for each in waiting.values():
            each.settle(Lost(*self._why(error)))

    def _why(self, error: Exception | None) -> tuple[str, bool]:
        if isinstance(error, ssl.SSLError):
            return f"TLS failed: {error.reason or 'the partner ended it'}", True
        if self._wrong:
            return self._wrong, False
        detail = "the receiver closed the connection without an acknowledgment"
        if self.answered == 0 and self._transport.get_extra_info("ssl_object") is not None:
            detail += "; with TLS this can mean that it does not accept our certificate (`tls.certificate`)"
        return detail, False

    def _release_writer(self) -> None:
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)
