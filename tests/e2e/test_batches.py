"""Files that hold many messages, through kill -9: no message is lost, each file is whole."""

from __future__ import annotations

import asyncio
from pathlib import Path

from schemas.hl7v2 import Er7, split_batch
from tests.e2e.harness import Places, stage
from tests.e2e.load import Sent

ARCHIVE = """\
  - route: archive
    outbound:
      file: {folder: archive, batch: {most: 40, wait: 1s}}
"""


async def test_kill_9_while_batches_are_gathered_and_written(tmp_path: Path, embedded: Places) -> None:
    async with stage(tmp_path, embedded, pace=0.002) as on:
        on.site.write(on.practice.port, on.ward.port, more=ARCHIVE)
        engine = on.engine()
        await engine.start()
        async with on.load.running():
            for _ in range(3):
                await on.both_take(100)
                await asyncio.sleep(on.chance.random() * 0.4)
                engine.kill()
                await engine.start()
        await on.settled()
        on.judge()
        archived, sizes = in_files(on.site.folder / "archive")
        wanted = on.load.control_ids()
        assert not wanted - set(archived), "what was acknowledged is in no file"
        last: dict[int, int] = {}
        for sent in map(Sent.of, dict.fromkeys(archived)):
            assert sent.number > last.get(sent.connection, 0), f"{sent.control_id} came late"
            last[sent.connection] = sent.number
        assert max(sizes) == 40
        assert len(sizes) < len(wanted) / 5, "they were not gathered"
        on.tell("batches", files=len(sizes), repeated=len(archived) - len(set(archived)))


def in_files(folder: Path) -> tuple[list[str], list[int]]:
    """The control ids in the files of `folder`, the oldest file first, and how many each file has."""
    ids: list[str] = []
    sizes: list[int] = []
    for path in sorted(folder.glob("*.hl7"), key=lambda path: path.stat().st_mtime_ns):
        batch = split_batch(path.read_bytes())
        assert batch.findings == (), f"{path.name} is not whole"
        ids += [Er7.parse(each.body).control_id for each in batch.messages]
        sizes.append(len(batch.messages))
    return ids, sizes
