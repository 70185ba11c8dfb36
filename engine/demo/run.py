"""From nothing to the summary: the stage is set, the story played, every claim checked, the stage cleared."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from engine.config.site import load_site
from engine.demo.claims import Evidence, claims
from engine.demo.hisp import Hisp
from engine.demo.letters import CHANNELS, Letters
from engine.demo.partners import Practice
from engine.demo.record import told
from engine.demo.screen import Screen
from engine.demo.stage import DemoError, Stage, read
from engine.demo.story import LAB, Story
from engine.journal import JournalError
from schemas.hl7v2 import split_batch


def run_demo(env: Mapping[str, str]) -> int:
    """Play the demo; the exit status: 0 when everything was as expected, 1 when anything was not."""
    began = time.perf_counter()
    screen = Screen()
    evidence = play(screen, env)
    if evidence is None:
        return 1
    found = list(claims(evidence))
    screen.claims(found, time.perf_counter() - began)
    return 0 if all(claim.holds for claim in found) else 1


def play(screen: Screen, env: Mapping[str, str]) -> Evidence | None:
    """Play it all in a temporary folder and clear it away; None when it could not go on, which the screen then says."""
    with tempfile.TemporaryDirectory(prefix="hie-demo-") as folder:
        return asyncio.run(_play(screen, Path(folder), env))


async def _play(screen: Screen, folder: Path, env: Mapping[str, str]) -> Evidence | None:
    practice = Practice()
    await practice.open()
    stage: Stage | None = None
    hisp: Hisp | None = None
    try:
        stage = Stage(folder, env, practice.port)
        hisp = Hisp(stage.practice, stage.direct, stage.hisp)
        await hisp.open()
        screen.title(await stage.start())
        story = Story(stage, practice, hisp, screen.say)
        await story.play()
        told_of = await told(stage.journal)
        histories = [each for each in told_of if each.message.channel not in CHANNELS]
        letters = [each for each in told_of if each.message.channel in CHANNELS]
        await stage.stop()
        screen.messages(histories, story.sent)
        if stage.status != 0:
            screen.failure(stage.log())
        return Evidence(
            site=load_site(stage.site, stage.env),
            sent=story.sent,
            lab=[each.body for each in split_batch(read(LAB)).messages],
            delivered={
                "eastmere": [message.body for message in practice.delivered],
                "harbour": stage.files("harbour"),
                "archive": stage.files("archive/adt"),
            },
            histories=histories,
            letters=Letters(
                stage.files("direct/documents", "*.xml"), hisp.got, [each.kind for each in hisp.notices], letters
            ),
            status=stage.status,
            folder=folder,
        )
    except (DemoError, JournalError, OSError) as error:
        screen.failure(f"{error}\n{stage.log() if stage is not None else ''}".rstrip())
        return None
    finally:
        if stage is not None:
            await stage.stop()
        if hisp is not None:
            await hisp.close()
        await practice.close()
