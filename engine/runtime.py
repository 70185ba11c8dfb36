"""The engine at work: a site's channels, from the first journal row to an orderly end."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import secrets
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping
from datetime import timedelta
from pathlib import Path

import uvloop

from engine.backbone import backbone_at
from engine.channel import Channel
from engine.config.site import Site, load_site
from engine.config.watch import changed, reload, snapshot
from engine.due import Worker, watch_due
from engine.flow import Flow, Services
from engine.health import HealthServer
from engine.journal import Journal, JournalError
from engine.logs import report_unhandled, set_up
from engine.ownership import Ownership
from engine.registry.loader import Loader
from engine.registry.reads import DatabaseRegistry
from engine.steady import steadily
from engine.stranded import tell_stranded
from engine.tidy import watch_age
from schemas.finding import Finding, Severity
from schemas.ids import Clock, utc_now

log = logging.getLogger(__name__)

_WATCH_EVERY = 2.0  # seconds
_AGAIN = 5.0  # seconds until what could not be started is tried again


class Engine:
    """The channels of one site at work in this process."""

    def __init__(self, site: Site, env: Mapping[str, str], clock: Clock = utc_now) -> None:
        self.site = site
        self.name = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"
        self._env = env
        self._clock = clock
        self.journal = Journal(site.settings.journal)
        self.flows: dict[str, Flow] = {}
        self._loader = Loader(self.journal, clock)
        self._tasks: list[asyncio.Task[object]] = []
        self._again: set[asyncio.Task[object]] = set()
        self._reloading = asyncio.Lock()
        self._stopping = False
        self._health: HealthServer | None = None

    async def start(self) -> None:
        """Start every channel; raises `JournalError`, `ValueError` or `OSError` when the engine cannot start."""
        await self.journal.open(exclusive=True)
        self.backbone = backbone_at(self.site.settings.backbone, site=self.journal.id)
        self.backbone.on_up(self._wake_all)
        self.backbone.on_missed(self._wake)
        await self.backbone.open()
        self.ownership = Ownership(self.journal, self.name, self._queues, self._gained, self._lost)
        await self._take_up_registry()
        self._services = Services(
            self.journal,
            self.backbone,
            self._clock,
            self.site.folder,
            self.site.settings.search,
            self.ownership.holds,
            self.site.registry,
        )
        for channel in self.site.channels:
            self.flows[channel.name] = Flow(channel, self._services)
        self._spawn("ownership", self.ownership.run)
        self._spawn("due", lambda: watch_due(self.journal, self.workers, self._clock))
        self._spawn("retention", lambda: watch_age(self.journal, self._owned, self._keep, self._clock))
        for flow in self.flows.values():
            await flow.listen()
        if self.site.settings.health is not None:
            await self._serve_health(HealthServer(self, self.site.settings.health.listen))
        self._spawn("watch", self._watch)
        self._spawn("listening", self._keep_listening)
        await tell_stranded(self.journal, self._queues())

    async def _take_up_registry(self) -> None:
        """Bring the registry to what the site's files say, and let the steps ask it there."""
        await self._loader.take_up(self.site.folder, self.site.settings.registry.may_vanish)
        self.site.registry.faulty_opt_outs = self._loader.faulty_opt_outs
        self.site.registry.use(DatabaseRegistry(self.journal.reading, self._clock))

    async def _serve_health(self, server: HealthServer) -> None:
        try:
            await server.start()
        except OSError as error:
            if not self.journal.shared:
                raise
            # Another process of the site has the address on this machine: one that is added needs no configuration.
            log.warning("%s; this process goes on without", error)
        else:
            self._health = server

    async def stop(self) -> None:
        """Take no new input, let end what is in flight, give up the queues, close the journal."""
        self._loader.is_stopping = True
        async with self._reloading:  # one that is under way ends first: the flow in its hands is in no list
            self._stopping = True
        await asyncio.gather(*(flow.stop_listening() for flow in self.flows.values()))
        for task in (*self._tasks, *self._again):
            task.cancel()
        await asyncio.gather(*self._tasks, *self._again, return_exceptions=True)
        await self.ownership.release()
        await self.backbone.close()
        if self._health is not None:
            await self._health.stop()
        await self.journal.close()

    def workers(self) -> dict[str, Worker]:
        """The stages at work in this process, by queue."""
        return {queue: worker for flow in self.flows.values() for queue, worker in flow.workers.items()}

    async def reload(self) -> list[Finding]:
        """Take up what has changed in the site's files; a channel that is now wrong stays as it was."""
        async with self._reloading:
            if self._stopping:
                return []
            site, findings = reload(self.site, self.site.folder, self._env)
            before = {channel.name: channel for channel in self.site.channels}
            after = {channel.name: channel for channel in site.channels}
            self.site = site
            await self._look_at_registry()
            for name in before.keys() - after.keys():
                await self._remove(name)
            for name, channel in after.items():
                if name not in before or before[name].digest != channel.digest:
                    await self._replace(channel)
            self.ownership.changed()
            for finding in findings:
                if finding.severity is Severity.ERROR:
                    log.error("%s", finding)
            await tell_stranded(self.journal, self._queues())
            return findings

    async def _is_registry_due(self) -> bool:
        try:
            return await self._loader.is_due()
        except JournalError:  # whoever has work to do tells it
            return False

    async def _look_at_registry(self) -> None:
        try:
            await self._take_up_registry()
        except JournalError as error:  # the channels' own changes are not known a second time
            log.error("the registry stays as it was: %s; reload when the journal answers", error)  # noqa: TRY400

    async def _remove(self, name: str) -> None:
        flow = self.flows.pop(name)
        await flow.stop_listening()
        for queue in flow.queues:
            await flow.leave(queue)
        log.info("channel %s has left", name)

    async def _replace(self, channel: Channel) -> None:
        if channel.name in self.flows:
            await self._remove(channel.name)
        flow = self.flows[channel.name] = Flow(channel, self._services)
        for queue in flow.queues & self.ownership.working:
            await self._gained(queue)
        try:
            await flow.listen()
        except OSError as error:
            log.error("channel %s cannot listen: %s; trying again", channel.name, error)  # noqa: TRY400
        log.info("channel %s is taken up", channel.name)

    async def _keep_listening(self) -> None:
        """Start again an inbound end that could not listen, or that a defect ended."""
        while True:
            await asyncio.sleep(_AGAIN)
            async with self._reloading:
                for name, flow in self.flows.items():
                    if flow.listening or self._stopping:
                        continue
                    try:
                        await flow.listen()
                        log.info("channel %s listens again", name)
                    except Exception as error:
                        log.error("channel %s cannot listen (%s); trying again", name, type(error).__name__)  # noqa: TRY400

    def _owned(self) -> Collection[str]:
        return self.ownership.owned

    def _keep(self, channel: str) -> timedelta:
        return self.site.settings.retention.of(channel)

    def _queues(self) -> set[str]:
        """Every queue of the site: by its channels, since a flow is away for a moment while it is replaced."""
        return {queue for channel in self.site.channels for queue in channel.queues}

    def _flow_of(self, queue: str) -> Flow | None:
        return self.flows.get(queue.partition("/")[0])

    async def _gained(self, queue: str) -> None:
        flow = self._flow_of(queue)
        if flow is not None:
            await flow.work(queue)

    async def _lost(self, queue: str) -> None:
        async with self._reloading:  # a flow that is being replaced ends its work first
            flow = self._flow_of(queue)
            if flow is not None:
                await flow.leave(queue)

    def _wake(self, queue: str) -> None:
        worker = self.workers().get(queue)
        if worker is not None:
            worker.feed.wake()

    def _wake_all(self) -> None:
        for worker in self.workers().values():
            worker.feed.wake()

    async def _watch(self) -> None:
        seen = await asyncio.to_thread(snapshot, self.site.folder, self.site.secrets)
        while True:
            await asyncio.sleep(_WATCH_EVERY)
            now = await asyncio.to_thread(snapshot, self.site.folder, self.site.secrets)
            if changed(seen, now):
                seen = now
                await self.reload()
            elif await self._is_registry_due():
                async with self._reloading:
                    await self._look_at_registry()

    def _spawn(self, name: str, work: Callable[[], Awaitable[object]]) -> None:
        self._tasks.append(asyncio.create_task(steadily(name, work), name=name))

    def _later(self, work: Coroutine[None, None, object]) -> None:
        task = asyncio.create_task(work)
        self._again.add(task)
        task.add_done_callback(self._again.discard)


def run(folder: Path, env: Mapping[str, str]) -> int:
    """Run the site in `folder` until SIGTERM or SIGINT; the process's exit status."""
    site = load_site(folder, env)
    set_up(site.settings.log)
    for finding in site.findings:
        log.log(logging.ERROR if finding.severity is Severity.ERROR else logging.WARNING, "%s", finding)
    if not site.channels:
        log.error("no channel can run; `hie check %s` says why", folder)
        return 1
    # A commit hands the interpreter's lock back and forth; the default of 5 ms would stall it behind the event loop.
    sys.setswitchinterval(0.0001)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_run(site, env))


async def _run(site: Site, env: Mapping[str, str]) -> int:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(report_unhandled)
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    engine = Engine(site, env)
    try:
        await engine.start()
    except (JournalError, OSError, ValueError) as error:
        log.error("the engine cannot start: %s", error)  # noqa: TRY400
        return 1
    loop.add_signal_handler(signal.SIGHUP, lambda: engine._later(engine.reload()))
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    log.info("%s runs %d channels as %s", site.folder, len(site.channels), engine.name)
    await stopping.wait()
    log.info("stopping: no new input, what is in flight ends")
    await engine.stop()
    log.info("stopped")
    return 0
