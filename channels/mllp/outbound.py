"""MLLP out: messages to a receiver, each delivered when its acknowledgment says so."""

from __future__ import annotations

import asyncio
import re
import ssl
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from channels.ends import EndContext, Outcome, OutcomeCode, ReceiptCode
from channels.mllp.exchange import Lost
from channels.mllp.framing import frame
from channels.mllp.pool import Pool, UnreachableError
from channels.mllp.verdict import Policy, Then, WaitFor
from channels.tls import ClientTls
from schemas.hl7v2 import Hl7Error, header
from schemas.message import HL7V2, Message, template_paths
from schemas.values import Address, Duration, Template, parse_address

MOST_OPEN = 200
"""Connections kept to all addresses together before idle ones are closed early."""
ANSWERS = "mllp.answers"
"""The attribute of an answer that was taken as a message: the id of the delivery that it answers."""
Answers = Literal["kept", "taken"]
_USUAL = re.compile(rb"MSH\|\^~\\&(?:\|[^|\r\n]*){7}\|([A-Za-z0-9]+)[|\r]")  # up to MSH-10
_CLOSED = "this end was closed before the message was acknowledged"


def _has_address(connect: str) -> str:
    if not template_paths(connect):
        parse_address(connect)
    return connect


Connect = Annotated[Template, AfterValidator(_has_address)]
"""An address, or a template that gives one."""


class MllpOutbound:
    """Delivers HL7 v2 messages over MLLP; a message is delivered when the receiver acknowledged it.

    An acknowledgment counts for the message whose MSH-10 its MSA-2 repeats, and for no other. A route's `parallel` says
    how many connections there are at most.

    Args:
        connect: The receiver's address, host:port.
        tls: TLS; with `certificate`, we show one to the receiver (mutual TLS).
        wait_for: `ack` is satisfied with the first acknowledgment (AA or CA); `application` waits for AA after a CA;
            `nothing` is for receivers that never answer: delivered then only means that the system took the bytes.
        ack_timeout: How long an acknowledgment may take; then the connection is closed and the message tried again.
        connect_timeout: How long connecting may take, TLS included.
        connection: `persistent` keeps connections for further messages; `per_message` opens one for each.
        pipeline: How many messages may be unanswered on one connection. Most receivers cannot take more than 1.
        on_error: What AE and CE mean: `retry` or `refuse`.
        on_reject: What AR and CR mean: `retry` or `refuse`.
        answers: What becomes of an answer that says more than an acknowledgment, such as the RRI to a REF: it is `kept`
            with the delivery, or also `taken` as a message of its own that came into this channel.
        idle: How long an unused connection is kept.
    """

    def __init__(
        self,
        context: EndContext,
        *,
        connect: Connect,
        tls: ClientTls | None = None,
        wait_for: WaitFor = "ack",
        ack_timeout: Duration = timedelta(seconds=30),
        connect_timeout: Duration = timedelta(seconds=10),
        connection: Literal["persistent", "per_message"] = "persistent",
        pipeline: Annotated[int, Field(ge=1)] = 1,
        on_error: Then = "retry",
        on_reject: Then = "refuse",
        answers: Answers = "kept",
        idle: Duration = timedelta(minutes=5),
    ) -> None:
        self.context = context
        self.connect = connect
        self.tls = tls
        self.policy = Policy(wait_for, on_error, on_reject)
        self.ack_timeout = ack_timeout.total_seconds()
        self.connect_timeout = connect_timeout.total_seconds()
        self.is_persistent = connection == "persistent"
        self.pipeline = pipeline if self.is_persistent else 1
        self.takes_answers = answers == "taken"
        self.idle = idle.total_seconds()
        self._address = None if template_paths(connect) else parse_address(connect)
        self._pools: dict[Address, Pool] = {}
        self._sweeping: asyncio.TimerHandle | None = None
        self._tls_context: ssl.SSLContext | None = None
        self._is_closed = False

    async def deliver(self, message: Message) -> Outcome:
        """Deliver `message`; see `channels.ends.Outbound`."""
        try:
            address = self._address or parse_address(message.fill(self.connect))
        except ValueError as error:
            return Outcome(OutcomeCode.REFUSED, f"connect {self.connect!r} gives no address for this message: {error}")
        try:
            framed = frame(message.body)
        except ValueError as error:
            return Outcome(OutcomeCode.REFUSED, str(error))
        control_id = _control_id(message)
        if not control_id and self.policy.wait_for != "nothing":
            return Outcome(OutcomeCode.REFUSED, "no MSH-10, so no acknowledgment could be matched: set it in a step")
        if self._is_closed:
            return Outcome(OutcomeCode.DEFERRED, _CLOSED)
        try:
            outcome = await self._send(self._pool(address), framed, control_id)
        except UnreachableError as error:
            return Outcome(OutcomeCode.DEFERRED, str(error), unreachable=True)
        return await self._taken(message, outcome) if self.takes_answers else outcome

    async def close(self) -> None:
        """Let go of connections; what is not answered yet is deferred."""
        self._is_closed = True
        if self._sweeping is not None:
            self._sweeping.cancel()
        pools = list(self._pools.values())
        self._pools.clear()
        await asyncio.gather(*(pool.close(_CLOSED) for pool in pools))

    async def _send(self, pool: Pool, framed: bytes, control_id: str) -> Outcome:
        post = self.policy.wait_for == "nothing"
        exchange = await pool.take(control_id)
        was_used = exchange.answered > 0
        result = await (exchange.post(framed) if post else exchange.send(framed, control_id))
        if isinstance(result, Lost) and was_used and not self._is_closed:
            # The receiver had closed a connection that was idle, which need not be this message's doing.
            exchange = await pool.take(control_id, fresh=True)
            result = await (exchange.post(framed) if post else exchange.send(framed, control_id))
        if isinstance(result, Lost):
            return Outcome(OutcomeCode.DEFERRED, result.detail, unreachable=result.unreachable)
        return result

    async def _taken(self, message: Message, outcome: Outcome) -> Outcome:
        """The outcome, once what the answer says beyond an acknowledgment is a message of this channel."""
        # The answer to an answer is not taken: two partners would go on for ever.
        if outcome.code is not OutcomeCode.DELIVERED or not _says_more(outcome.reply) or message.get(ANSWERS):
            return outcome
        taken = Message(
            self.context.new_id(), self.context.channel, HL7V2, outcome.reply, self.context.now(), None,
            {ANSWERS: message.id},
        )  # fmt: skip
        receipt = await self.context.accept(taken)
        if receipt.code is ReceiptCode.FAILED:
            return Outcome(OutcomeCode.DEFERRED, "the receiver's answer could not be journaled", outcome.reply)
        return outcome

    def _pool(self, address: Address) -> Pool:
        pool = self._pools.get(address)
        if pool is None:
            if sum(map(len, self._pools.values())) >= MOST_OPEN:
                self._let_go(float("inf"))
            pool = self._pools[address] = Pool(self, address)
        if self._sweeping is None:
            self._sweeping = pool.loop.call_later(self.idle / 2, self._sweep)
        return pool

    def _sweep(self) -> None:
        """Close what has been idle for the time of the option, and look again as long as anything is open."""
        loop = asyncio.get_running_loop()
        self._let_go(loop.time() - self.idle)
        self._sweeping = loop.call_later(self.idle / 2, self._sweep) if self._pools else None

    def _let_go(self, idle_since: float) -> None:
        for address, pool in list(self._pools.items()):
            pool.close_idle(idle_since)
            if not pool.is_needed:
                del self._pools[address]

    def tls_context(self) -> ssl.SSLContext | None:
        """The context of every TLS connection, None without TLS; raises `TlsError`."""
        if self._tls_context is None and self.tls is not None:
            self._tls_context = self.tls.context(self.context.report)
        return self._tls_context


def _says_more(reply: bytes) -> bool:
    """Whether that is a message and no mere acknowledgment."""
    try:
        return header(reply).message_type not in ("ACK", "MCF", "")
    except Hl7Error:
        return False


def _control_id(message: Message) -> str:
    """MSH-10, "" where there is none."""
    usual = _USUAL.match(message.body)
    if usual is not None:
        return usual.group(1).decode()
    try:
        return header(message.body, message.attributes.get("body.charset")).control_id.strip()
    except Hl7Error:
        return ""
