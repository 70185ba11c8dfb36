"""Work that goes on as long as the engine runs, whatever defect ends it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

log = logging.getLogger(__name__)

_FIRST, _MOST = 1.0, 60.0  # seconds
_STEADY = 60.0  # seconds


async def steadily(name: str, work: Callable[[], Awaitable[object]]) -> None:
    """Do `work`, which is called `name`, to its end; where a defect ends it, it begins again after a growing pause."""
    clock = asyncio.get_running_loop().time
    pause = _FIRST
    while True:
        since = clock()
        try:
            await work()
        except Exception:
            if clock() - since >= _STEADY:
                pause = _FIRST
            log.exception("%s was ended by a defect; it begins again in %g s", name, pause)
            await asyncio.sleep(pause)
            pause = min(_MOST, 2 * pause)
        else:
            return
