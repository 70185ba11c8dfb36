"""The stages that work a channel's queues in this process; one that a defect ends is started again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

log = logging.getLogger(__name__)

_FIRST, _MOST = 1.0, 60.0  # seconds until a stage is started again
_STEADY = 60.0  # seconds after which a stage that ends is no longer the one that just failed

Ended = Callable[[asyncio.Task[None]], None]
"""Told of each task of a stage that is done, as a task's own callback."""
Stop = Callable[[], Awaitable[None]]
Start = Callable[[str, Ended], Awaitable[Stop]]
"""Starts the stage of a queue from what the journal says, and gives what ends it."""


class Stages:
    """Which queues are worked. A stage that ends by itself is stopped whole and started anew after a pause, since what
    it had in hand is known to the journal alone; the pause grows while it fails again."""

    def __init__(self, start: Start) -> None:
        self._start = start
        self._loop = asyncio.get_running_loop()
        self._stops: dict[str, Stop] = {}
        self._turns: dict[str, asyncio.Lock] = {}
        self._again: dict[str, asyncio.Task[None]] = {}
        self._pauses: dict[str, float] = {}
        self._since: dict[str, float] = {}
        self.ended: dict[str, int] = {}
        """How often the stage of each queue was ended by a defect, or could not be started."""

    @property
    def failing(self) -> frozenset[str]:
        """The queues that should be worked, and are not until their stage is started again."""
        return frozenset(self._again)

    async def work(self, queue: str) -> None:
        """Start the stage of `queue`; does nothing when it is at work or about to be started again."""
        async with self._turn(queue):
            if queue in self._stops or queue in self._again:
                return
            try:
                await self._begin(queue)
            except Exception as error:
                self._failed(queue, error)

    async def leave(self, queue: str) -> None:
        """End the stage of `queue`: what is under way ends, nothing new is begun."""
        async with self._turn(queue):  # whoever starts it again is not in the middle of that, and can be cancelled
            again = self._again.pop(queue, None)
            if again is not None:
                again.cancel()
                await asyncio.gather(again, return_exceptions=True)
            await self._end(queue)

    def _turn(self, queue: str) -> asyncio.Lock:
        return self._turns.setdefault(queue, asyncio.Lock())

    async def _begin(self, queue: str) -> None:
        def ended(task: asyncio.Task[None]) -> None:
            error = None if task.cancelled() else task.exception()
            if error is not None:
                self._failed(queue, error)

        self._stops[queue] = await self._start(queue, ended)
        self._since[queue] = self._loop.time()

    async def _end(self, queue: str) -> None:
        stop = self._stops.pop(queue, None)
        if stop is not None:
            await stop()

    def _failed(self, queue: str, error: BaseException) -> None:
        self.ended[queue] = self.ended.get(queue, 0) + 1
        if queue in self._again:
            return  # another task of the same stage was first
        steady = self._loop.time() - self._since.get(queue, -_STEADY) >= _STEADY
        pause = _FIRST if steady else min(_MOST, 2 * self._pauses.get(queue, _FIRST / 2))
        self._pauses[queue] = pause
        log.error("the work on %s was ended by a defect; it begins again in %g s", queue, pause, exc_info=error)
        self._again[queue] = asyncio.create_task(self._begin_again(queue, pause), name=f"{queue} again")

    async def _begin_again(self, queue: str, pause: float) -> None:
        async with self._turn(queue):
            await self._end(queue)
        await asyncio.sleep(pause)
        async with self._turn(queue):
            del self._again[queue]
            try:
                await self._begin(queue)
            except Exception as error:
                self._failed(queue, error)
            else:
                log.info("the work on %s goes on", queue)
