"""One connection of the inbound end: frames in, messages to the engine, answers out in the order of the frames."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

from channels.ends import Receipt, ReceiptCode
from channels.mllp.framing import Event, FrameReader, Junk, Oversized, Unfinished
from channels.mllp.sockets import FLUSH_AFTER, LINGER, keep_alive, peer_name, protocol_hint
from channels.tls import ClientCertificate
from schemas.finding import Severity
from schemas.message import HL7V2, Message

if TYPE_CHECKING:
    from channels.mllp.inbound import Reception

_FAILED = Receipt(ReceiptCode.FAILED, "the engine could not take the message", error="207")
_STRANGER = Receipt(ReceiptCode.REJECTED, "this sender is not allowed here", where="MSH-3", error="207")


class _Slot:
    """A frame in flight; `answer` is None until the engine's receipt is there."""

    __slots__ = ("answer",)

    def __init__(self, answer: bytes | None = None) -> None:
        self.answer = answer


class Connection(asyncio.Protocol):
    """One sender's connection.

    Up to `pipeline` frames are in flight at once; further ones wait, and while any waits, or while the partner does not
    take our answers, nothing more is read.
    """

    _transport: asyncio.Transport
    _attributes: Mapping[str, str]

    def __init__(self, reception: Reception) -> None:
        end = reception.end
        self._reception = reception
        self._reader = FrameReader(end.limit)
        self._senders = end.senders if end.senders else None
        self._pipeline = end.pipeline
        self._slots: deque[_Slot] = deque()
        self._waiting: deque[Event] = deque()
        self._heard = 0.0
        self._peer = ""
        self._is_closed = False
        self._is_ending = False  # closed as soon as nothing is in flight
        self._is_choked = False  # the partner does not take our answers
        self._is_reading = True
        self._watch: asyncio.TimerHandle | None = None
        self._flush: asyncio.TimerHandle | None = None

    # what the event loop tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._peer = peer_name(transport)
        end = self._reception.end
        certificate = ClientCertificate.of(transport.get_extra_info("ssl_object"))
        if end.tls is not None and not end.tls.admits(certificate):
            self._report("MLLP-105", "showed a certificate that is not in client_names", "its connection was closed")
        elif not self._reception.join(self):
            self._report(
                "MLLP-106",
                f"opened one connection more than the {end.connections} allowed",
                "raise `connections`, or find out why a sender opens so many",
            )
        else:
            keep_alive(transport)
            attributes = {"mllp.peer": self._peer}
            if certificate is not None:
                attributes["mllp.client"] = certificate.subject
            if end.charset:
                attributes["body.charset"] = end.charset
            self._attributes = MappingProxyType(attributes)
            self._heard = self._reception.loop.time()
            self._look()
            return
        self._is_closed = True
        transport.close()

    def data_received(self, data: bytes) -> None:
        if self._is_ending or self._is_closed:
            return
        self._heard = self._reception.loop.time()
        if self._flush is not None:
            self._flush.cancel()
            self._flush = None
        reader = self._reader
        for event in reader.feed(data):
            self._take(event)
        if reader.in_frame and reader.wants_flush:
            self._flush = self._reception.loop.call_later(FLUSH_AFTER, self._take_all, reader.flush)
        if self._slots and self._slots[0].answer is not None:
            self._advance()

    def eof_received(self) -> bool:
        """The partner writes no more; it still gets the answers to what it wrote, where TCP can be closed by halves."""
        self._take_all(self._reader.close)
        self._is_ending = True
        self._close_when_done()
        return self._transport.get_extra_info("ssl_object") is None

    def pause_writing(self) -> None:
        self._is_choked = True
        self._steer()

    def resume_writing(self) -> None:
        self._is_choked = False
        self._steer()

    def connection_lost(self, error: Exception | None) -> None:
        del error
        for timer in (self._watch, self._flush):
            if timer is not None:
                timer.cancel()
        if not self._is_closed:
            self._is_closed = True
            self._waiting.clear()
            for event in self._reader.close():
                if not isinstance(event, bytes):  # a frame that nobody waits for an answer to will come again
                    self._notice(event)
        self._discard_settled()

    # what the end tells

    def drain(self) -> None:
        """Read no more, answer what is in flight, close."""
        self._is_ending = True
        self._waiting.clear()
        self._steer()
        self._close_when_done()

    # frames in

    def _take_all(self, read: Callable[[], list[Event]]) -> None:
        for event in read():
            self._take(event)
        self._advance()

    def _take(self, event: Event) -> None:
        """Begin with `event`, or keep it until there is room."""
        if self._waiting or len(self._slots) >= self._pipeline:
            self._waiting.append(event)
            self._steer()
        else:
            self._begin(event)

    def _begin(self, event: Event) -> None:
        if not isinstance(event, bytes):
            self._notice(event)
            return
        reception = self._reception
        slot = _Slot()
        self._slots.append(slot)
        message = Message(reception.new_id(), reception.channel, HL7V2, event, reception.now(), None, self._attributes)
        if self._senders is not None and not self._senders.allow(message):
            self._report("MLLP-104", "sent a message whose sender is not allowed", "add its MSH-3|MSH-4 to `senders`")
            slot.answer = self._answer(message, _STRANGER)
        else:
            try:
                receipt = asyncio.ensure_future(reception.accept(message))
            except Exception as error:
                slot.answer = self._answer(message, self._unaccepted(error))
            else:
                receipt.add_done_callback(partial(self._settle, slot, message))

    def _settle(self, slot: _Slot, message: Message, receipt: asyncio.Future[Receipt]) -> None:
        error = receipt.exception()
        try:
            slot.answer = self._answer(message, receipt.result() if error is None else self._unaccepted(error))
        except Exception:
            # A slot without an answer would hold up the connection for ever; so the sender asks again on another.
            slot.answer = b""
            self._transport.abort()
            raise
        if slot is self._slots[0]:
            self._advance()

    def _unaccepted(self, error: BaseException) -> Receipt:
        """Whatever it is, the sender must hear that we do not have the message."""
        self._report(
            "MLLP-107",
            f"sent a message that could not be accepted: {type(error).__name__}",
            "the sender was told to try again",
            Severity.ERROR,
        )
        return _FAILED

    # answers out

    def _answer(self, message: Message, receipt: Receipt) -> bytes:
        """The answer carries the end of the message's own id as its MSH-10, so that it can be found in the journal."""
        return self._reception.answers.to(message.body, receipt, message.id[-20:], self._reception.now())

    def _advance(self) -> None:
        """Write the answers whose turn it is and begin with frames that wait, until neither is to be done."""
        slots, waiting = self._slots, self._waiting
        if self._is_closed:
            self._discard_settled()
            return
        while True:
            answers = []
            while slots and (answer := slots[0].answer) is not None:
                slots.popleft()
                answers.append(answer)
            if answers:
                self._heard = self._reception.loop.time()
                self._transport.write(answers[0] if len(answers) == 1 else b"".join(answers))
            if not waiting or len(slots) >= self._pipeline:
                break
            while waiting and len(slots) < self._pipeline:
                self._begin(waiting.popleft())
        if not self._is_reading:
            self._steer()
        if self._is_ending:
            self._close_when_done()

    def _discard_settled(self) -> None:
        """After the connection is gone: the messages in flight stay with the engine, their answers reach nobody."""
        while self._slots and self._slots[0].answer is not None:
            self._slots.popleft()
        if not self._slots:
            self._reception.leave(self)

    def _steer(self) -> None:
        """Read or do not read, as things stand."""
        wanted = not (self._waiting or self._is_choked or self._is_ending)
        if wanted != self._is_reading and not self._transport.is_closing():
            self._is_reading = wanted
            self._heard = self._reception.loop.time()
            if wanted:
                self._transport.resume_reading()
            else:
                self._transport.pause_reading()

    def _close_when_done(self) -> None:
        if not self._slots and not self._waiting and not self._transport.is_closing():
            self._transport.close()
            if self._watch is not None:
                self._watch.cancel()
            self._watch = self._reception.loop.call_later(LINGER, self._transport.abort)

    # silence, and what is no message

    def _look(self) -> None:
        """Close the connection when it was silent too long; look again when it may have been."""
        end = self._reception.end
        now = self._reception.loop.time()
        allowed = end.stall if self._reader.in_frame else end.idle
        left = (end.stall if allowed is None else allowed) - (now - self._heard)
        is_busy = self._slots or self._waiting or not self._is_reading
        if left <= 0 and allowed is not None and not is_busy:
            self._take_all(self._reader.close)
            self._is_ending = True
            self._close_when_done()
        else:
            self._watch = self._reception.loop.call_later(max(left, 0.01), self._look)

    def _notice(self, event: Event) -> None:
        """Tell of what was no message; of one that is too long, the sender too."""
        match event:
            case Junk():
                self._report("MLLP-101", f"sent {event.size} bytes outside of frames", protocol_hint(event.start))
            case Unfinished():
                self._report(
                    "MLLP-102",
                    f"gave up a message after {event.size} bytes",
                    "it was not answered; a sender repeats it",
                )
            case Oversized():
                reception = self._reception
                limit = reception.end.limit
                self._report("MLLP-103", f"sent a message of {event.size} bytes", f"`limit` is {limit}")
                receipt = Receipt(ReceiptCode.REJECTED, f"longer than the {limit} bytes allowed here", error="207")
                answer = reception.answers.to(event.head, receipt, reception.new_id()[-20:], reception.now())
                self._slots.append(_Slot(answer))

    def _report(self, code: str, what: str, hint: str, severity: Severity = Severity.WARNING) -> None:
        self._reception.report(code, self._peer, what, hint, severity)
