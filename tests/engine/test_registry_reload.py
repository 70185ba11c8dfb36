"""The registry is taken up with the site's files, and its trouble keeps no channel from being taken up."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection

from engine.config.site import load_site
from engine.journal import JournalError
from engine.runtime import Engine
from transforms.matching import Name, Person

CHANNEL = "channel: {name}\ninbound:\n  file: {{folder: in}}\n"
ROSTER = "member,family,given,birth_date\n1,Oxenham,Rosalind,1970-03-12\n"
ROSALIND = Person(names=(Name.of("Oxenham", ["Rosalind"]),), birth_date="19700312")
TODAY = datetime(2026, 11, 25, tzinfo=UTC).date()


async def test_a_roster_is_taken_up_and_its_trouble_holds_no_channel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name, text in (("hie.yaml", "health: none\n"), ("channels/a.yaml", CHANNEL.format(name="a"))):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    engine = Engine(load_site(tmp_path, {}), {})
    await engine.start()
    try:
        (tmp_path / "panels").mkdir()
        (tmp_path / "panels/riverside.csv").write_text(ROSTER)
        await engine.reload()
        found = engine.site.registry.members(ROSALIND, TODAY)
        assert [(each.panel, each.member) for each in found] == [("riverside", "1")]

        async def away(_work: Callable[[Connection], object]) -> Awaitable[object]:
            raise JournalError("the journal's database does not answer", "check that it runs")

        caplog.set_level(logging.ERROR)
        (tmp_path / "channels/b.yaml").write_text(CHANNEL.format(name="b").replace("in}", "other}"))
        with monkeypatch.context() as patch:
            patch.setattr(engine.journal, "hold", away)
            await engine.reload()
        assert set(engine.flows) == {"a", "b"}, "the new channel is taken up all the same"
        assert "the registry stays as it was" in caplog.text
        assert engine.site.registry.members(ROSALIND, TODAY), "and who was known is known"
    finally:
        await engine.stop()
