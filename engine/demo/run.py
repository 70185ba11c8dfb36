"""From nothing to the summary: the stage is set, the story played, every claim checked, the stage cleared."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from engine.demo import letters, referrals
from engine.demo.claims import Evidence, claims, is_notification
from engine.demo.fhir_practice import FhirPractice
from engine.demo.hisp import Hisp
from engine.demo.mailroom import NOTICES, RESULTS, Mailroom
from engine.demo.partners import Practice
from engine.demo.record import told
from engine.demo.screen import Screen
from engine.demo.specialist import EXCHANGE
from engine.demo.stage import DemoError, Stage
from engine.demo.story import Story
from engine.journal import JournalError
from engine.journal.notified import Asked, notified


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
    others: list[Hisp | Mailroom | FhirPractice] = []
    try:
        stage = Stage(folder, env, practice.port)
        hisp = Hisp(stage.practice, stage.direct, stage.hisp)
        taken_at = {NOTICES: stage.mail, RESULTS: stage.mail, EXCHANGE: stage.referrals_mail}
        mailroom = Mailroom(taken_at, stage.mailroom)
        harbour = FhirPractice(stage.harbour)
        for each in (hisp, mailroom, harbour):
            await each.open()
            others.append(each)
        screen.title(await stage.start())
        story = Story(stage, practice, harbour, mailroom, hisp, screen.say)
        await story.play()
        closed = await referrals.refer(stage, practice, harbour, mailroom, screen.say)
        told_of = await told(stage.journal)
        notices = [each async for each in notified(stage.journal, Asked())]
        others_of = {*letters.CHANNELS, *referrals.CHANNELS}
        histories = [each for each in told_of if each.message.channel not in others_of]
        written = [each for each in told_of if each.message.channel in letters.CHANNELS]
        await stage.stop()
        screen.messages(histories, story.sent)
        screen.threads(closed.threads)
        if stage.status != 0:
            screen.failure(stage.log())
        return Evidence(
            sent=story.sent,
            eastmere=[message.body for message in practice.delivered],
            alerts=[each for each in harbour.messages if is_notification(each)],
            reports=harbour.transactions,
            mail=mailroom.letters,
            notices=notices,
            listed=story.listed,
            histories=histories,
            letters=letters.Letters(
                stage.files("direct/documents", "*.xml"), hisp.got, [each.kind for each in hisp.notices], written
            ),
            referrals=closed,
            status=stage.status,
            folder=folder,
        )
    except (DemoError, JournalError, OSError) as error:
        screen.failure(f"{error}\n{stage.log() if stage is not None else ''}".rstrip())
        return None
    finally:
        if stage is not None:
            await stage.stop()
        for each in others:
            await each.close()
        await practice.close()
