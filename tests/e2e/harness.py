"""The stage of an end-to-end test: a site, engine processes on it, a load before it, two receivers behind it; and the
judge, who says whether what the engine promised was kept."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.e2e.engines import Engine, Site
from tests.e2e.load import FAMILY, Load, Sent
from tests.e2e.receiver import Receiver


@dataclass(frozen=True)
class Places:
    """Where the journal and the backbone are."""

    journal: str
    backbone: str = "embedded"

    @property
    def shared(self) -> bool:
        """Whether several engine processes may work on the journal."""
        return not self.journal.startswith("sqlite")


@dataclass
class Stage:
    """What one test plays with. `chance` is seeded, and its seed is printed."""

    site: Site
    practice: Receiver
    ward: Receiver
    load: Load
    chance: random.Random
    engines: list[Engine] = field(default_factory=list)

    @property
    def receivers(self) -> tuple[Receiver, Receiver]:
        """Both receivers: `practice` in order by patient, `ward` in order as a whole."""
        return self.practice, self.ward

    def engine(self, name: str = "engine", *, command: tuple[str, ...] = ()) -> Engine:
        """One more engine process on the site, not yet started."""
        engine = Engine(self.site, name, command=command)
        self.engines.append(engine)
        return engine

    async def both_take(self, count: int, seconds: float = 30) -> None:
        """Wait until both receivers took `count` messages more than now."""
        await asyncio.gather(*(receiver.more(count, seconds) for receiver in self.receivers))

    async def settled(self, seconds: float = 60) -> None:
        """Wait until every acknowledged message was taken by both receivers and the journal holds nothing open."""
        wanted = self.load.control_ids()
        for receiver in self.receivers:
            try:
                await receiver.until(lambda of=receiver: wanted <= of.bodies.keys(), seconds)  # type: ignore[misc]
            except TimeoutError:
                missing = sorted(wanted - receiver.bodies.keys())
                raise AssertionError(
                    f"{receiver.name} misses {len(missing)} of {len(wanted)} acknowledged messages after {seconds} s: "
                    f"{missing[:20]}"
                ) from None
        async with asyncio.timeout(20):
            while await asyncio.to_thread(self.site.open_messages):  # noqa: ASYNC110 - another process's work
                await asyncio.sleep(0.1)

    def judge(self, *, ward: tuple[bytes, ...] = (b"|WARD|",)) -> int:
        """Hold what was taken against what was acknowledged; the number of repeats. `ward` are the values of MSH-5 that
        its route may have set."""
        wanted = self.load.control_ids()
        assert wanted, "nothing was acknowledged, so nothing was tested"
        assert any(len(Sent.of(each).patients) == 2 for each in wanted), "no merge was sent"
        for receiver in self.receivers:
            name = receiver.name
            taken = receiver.bodies.keys()
            assert not wanted - taken, f"{name} lacks what was acknowledged: {sorted(wanted - taken)[:20]}"
            assert not taken - self.load.tried, f"{name} got what nobody sent: {sorted(taken - self.load.tried)[:20]}"
            assert not receiver.changed, f"repeats at {name} differ from the first: {receiver.changed[:20]}"
            firsts = [Sent.of(each) for each in dict.fromkeys(receiver.taken)]
            last: dict[str, int] = {}
            for sent in firsts:
                keys = sent.patients if receiver is self.practice else (f"connection {sent.connection}",)
                for key in keys:
                    assert sent.number > last.get(key, 0), (
                        f"{name}: {sent.control_id} came after number {last[key]} of {key}"
                    )
                    last[key] = sent.number
            for sent in firsts:
                body = receiver.bodies[sent.control_id]
                marks = ward if receiver is self.ward else (b"|HIE|",)
                assert any(body == sent.body.replace(b"|HIE|", mark, 1) for mark in marks), (
                    f"{sent.control_id} came altered to {name}"
                )
        for engine in self.engines:
            log = engine.log.read_text(errors="replace") if engine.log.exists() else ""
            assert FAMILY not in log, f"{engine.name} logged a patient's name"
            assert "QX" not in log, f"{engine.name} logged a patient's identifier"
            assert "Traceback" not in log, f"{engine.name} raised:\n{engine.tail()}"
        return sum(receiver.repeats for receiver in self.receivers)

    def tell(self, what: str, **figures: object) -> None:
        """Print what happened: pytest shows it with -s, and for a test that fails."""
        told = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in figures.items())
        repeats = ", ".join(f"{receiver.name} {receiver.repeats}" for receiver in self.receivers)
        load = self.load
        print(
            f"\n{what}: {load.count} acknowledged, {load.resent} sent again, answers {dict(load.answers)}, "
            f"repeats {repeats}; {told}"
        )


@contextlib.asynccontextmanager
async def stage(
    folder: Path, places: Places, *, seed: int | None = None, connections: int = 6, pace: float = 0.0
) -> AsyncIterator[Stage]:
    """A stage with both receivers listening and no engine started; every process ends with the with block."""
    seed = random.SystemRandom().randrange(1 << 32) if seed is None else seed
    print(f"seed {seed}")
    site = Site(folder / "site", places.journal, places.backbone)
    practice, ward = Receiver("practice"), Receiver("ward")
    load = Load(site.inbound, connections=connections, pace=pace)
    made = Stage(site, practice, ward, load, random.Random(seed))
    async with practice.listening(), ward.listening():
        site.write(practice.port, ward.port)
        try:
            yield made
        except BaseException:
            for engine in made.engines:
                print(f"--- {engine.name}, the end of its log\n{engine.tail()}")
            raise
        finally:
            for engine in made.engines:
                engine.destroy()


def seconds_since(moment: float) -> float:
    """Seconds from `moment` of the monotonic clock until now, to two places."""
    return round(time.monotonic() - moment, 2)
