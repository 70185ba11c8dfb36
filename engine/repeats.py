"""Repeats: what a sender sends again within the window is found, and the rest is journaled in the order of arrival."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Connection, bindparam, select

from engine.journal import Journal, Status
from engine.journal.entry import key_text, microseconds
from engine.journal.tables import messages
from schemas.message import Message

_BATCH = 200

Key = tuple[str, bytes]
"""Control id and body: what makes two messages of a channel the same."""
Numbers = dict[str, int]

Submit = Callable[[str | None], asyncio.Future[Numbers]]
"""Has a message journaled under its repeat key, if it has one."""

_SEEN = (
    select(messages.c.control_id, messages.c.size)
    .where(
        messages.c.control_id.in_(bindparam("control_ids", expanding=True)),
        messages.c.queue == bindparam("channel"),
        messages.c.received >= bindparam("since"),
        messages.c.status != Status.REJECTED,
    )
    .distinct()
)


@dataclass(frozen=True, slots=True)
class _Asked:
    message: Message
    key: Key | None
    submit: Submit
    answer: asyncio.Future[str]


class Repeats:
    """The messages of one channel: each that is no repeat within `window` is journaled, and in the order of the asking.

    All that wait are looked up by one question to the journal, and nothing waits for a commit but a repeat of what is
    being committed; so the search costs little, however many connections send.
    """

    def __init__(self, journal: Journal, window: timedelta) -> None:
        self._journal = journal
        self._window = window
        self._asked: list[_Asked] = []
        self._under_way: dict[Key, tuple[str, asyncio.Future[Numbers]]] = {}
        self._looking: asyncio.Task[None] | None = None
        self._looking_again: set[asyncio.Task[None]] = set()

    async def first_of(self, message: Message, control_id: str, submit: Submit) -> str:
        """The id of the message that `message` repeats, durable by then; else `submit` is called and done, and `""`.

        Raises `JournalError`. A message without a control id repeats nothing.
        """
        key = (key_text(control_id), message.body) if control_id else None
        asked = _Asked(message, key, submit, asyncio.get_running_loop().create_future())
        self._asked.append(asked)
        if self._looking is None:
            self._looking = asyncio.create_task(self._look())
        return await asked.answer

    async def _look(self) -> None:
        try:
            while self._asked:
                batch, self._asked = self._asked[:_BATCH], self._asked[_BATCH:]
                # What is being committed now may be done before the question is answered, and yet not be in the answer.
                under_way = [None if asked.key is None else self._under_way.get(asked.key) for asked in batch]
                try:
                    found = await self._found(batch)
                except Exception as error:
                    for asked in batch:
                        _fail(asked, error)
                    continue
                for asked, committing, first in zip(batch, under_way, found, strict=True):
                    try:
                        self._decide(asked, committing, first)
                    except Exception as error:
                        _fail(asked, error)
        finally:
            self._looking = None

    async def _found(self, batch: Sequence[_Asked]) -> list[str | None]:
        """The id of the durable message that each repeats."""
        named = sorted({asked.key[0] for asked in batch if asked.key is not None})
        if not named:
            return [None] * len(batch)
        since = min(asked.message.received for asked in batch) - self._window
        given = {"control_ids": named, "channel": batch[0].message.channel, "since": microseconds(since)}

        def ask(connection: Connection) -> set[tuple[str, int]]:
            return {(row.control_id, row.size) for row in connection.execute(_SEEN, given)}

        seen = await self._journal.read(ask)
        return [
            await self._journal.repeat_of(asked.message, asked.key[0], asked.message.received - self._window)
            if asked.key is not None and (asked.key[0], len(asked.message.body)) in seen
            else None
            for asked in batch
        ]

    def _decide(self, asked: _Asked, committing: tuple[str, asyncio.Future[Numbers]] | None, first: str | None) -> None:
        if asked.answer.done():
            return  # whoever asked has gone
        if first is not None:
            asked.answer.set_result(first)
            return
        if committing is None and asked.key is not None:
            committing = self._under_way.get(asked.key)
        if committing is not None:
            id, done = committing
            done.add_done_callback(lambda future: _answer(asked, future, id))
            return
        if asked.key is None:
            asked.submit(None).add_done_callback(lambda future: _answer(asked, future, ""))
            return
        key = asked.key
        done = asked.submit(repeat_key(asked.message, key[0], self._window))
        self._under_way[key] = (asked.message.id, done)
        done.add_done_callback(lambda _: self._under_way.pop(key, None))
        done.add_done_callback(lambda future: self._journaled(asked, future))

    def _journaled(self, asked: _Asked, done: asyncio.Future[Numbers]) -> None:
        if done.cancelled() or done.exception() is not None or asked.message.id in done.result():
            _answer(asked, done, "")
            return
        # Another process was a moment faster with the same; or this very message is there already.
        looking = asyncio.create_task(self._look_again(asked))
        self._looking_again.add(looking)
        looking.add_done_callback(self._looking_again.discard)

    async def _look_again(self, asked: _Asked) -> None:
        assert asked.key is not None
        message = asked.message
        try:
            first = await self._journal.repeat_of(message, asked.key[0], message.received - self._window)
        except Exception as error:
            _fail(asked, error)
            return
        if not asked.answer.done():
            asked.answer.set_result(first if first is not None and first != message.id else "")


def repeat_key(message: Message, control_id: str, window: timedelta) -> str:
    """What two equal messages of a channel have in common that arrive within one span of `window`: the journal takes
    the first of them alone, so that two processes that look at one moment cannot both find nothing."""
    span = microseconds(message.received) // max(1, window // timedelta(microseconds=1))
    named = f"{message.channel}\0{control_id}\0{window}\0{span}\0".encode("utf-8", "surrogateescape")
    return hashlib.blake2b(named + message.body, digest_size=16).hexdigest()


def _answer(asked: _Asked, done: asyncio.Future[Numbers], first: str) -> None:
    """Tell who asked, now that what it waits for is durable or has failed."""
    if done.cancelled():
        asked.answer.cancel()
    elif (error := done.exception()) is not None:
        _fail(asked, error)
    elif not asked.answer.done():
        asked.answer.set_result(first)


def _fail(asked: _Asked, error: BaseException) -> None:
    if not asked.answer.done():
        asked.answer.set_exception(error)
