"""A mail server of the demo: it takes mail on loopback, hands mail over, and answers beside that."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence

from channels.direct.smtp.connection import Receive
from channels.direct.smtp.relay import Relay, RelayOptions
from channels.direct.smtp.server import SmtpServer, SmtpSettings
from schemas.finding import Finding
from schemas.values import Address

_LIMIT = 50 << 20
_TRIES, _AGAIN = 100, 0.5  # seconds until what was not taken is handed over once more


class MailServer:
    """Takes on `port`, under the name `host`, the mail whose recipients `admits` lets in, and gives it to `receive`."""

    def __init__(self, host: str, port: int, admits: Callable[[str], bool], receive: Receive) -> None:
        settings = SmtpSettings(
            Address("127.0.0.1", port), host, tls=None, is_tls_required=False, users={}, limit=_LIMIT,
            connections=10, timeout=60,
        )  # fmt: skip
        self._server = SmtpServer(settings, admits, receive, _unheard)
        self._relays: dict[int, Relay] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Listen; raises `OSError`."""
        ready = asyncio.Event()
        serving = self.soon(self._server.serve(ready.set))
        waiting = asyncio.create_task(ready.wait())
        await asyncio.wait((waiting, serving), return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if serving.done():
            serving.result()

    async def close(self) -> None:
        """Go away."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for relay in self._relays.values():
            await relay.close()

    def soon(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Have `work` be done beside the rest, until the server goes away."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def hand_over(self, port: int, sender: str, recipients: Sequence[str], mail: bytes) -> str:
        """Hand a mail over to the server at `port`; why it was not taken."""
        if port not in self._relays:
            options = RelayOptions(connect=Address("127.0.0.1", port), security="none")
            self._relays[port] = Relay(options, _unheard)
        relayed = await self._relays[port].send(sender, recipients, mail)
        return relayed.error or ", ".join(str(code) for code, _ in relayed.refused.values())


async def insist(hand_over: Callable[[], Awaitable[str]]) -> None:
    """Hand over again and again, until it is taken or there is no hope."""
    for _ in range(_TRIES):
        if not await hand_over():
            return
        await asyncio.sleep(_AGAIN)


def _unheard(_: Finding) -> None:
    """What a partner's server notices is the partner's: what the demo needs to know of it, it says by its answers."""
