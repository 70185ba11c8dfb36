"""A changed channel file is taken up under load; an invalid one leaves the old channel running, and health says so."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.harness import Places, stage


async def test_channel_file_changed_under_load(tmp_path: Path, places: Places) -> None:
    async with stage(tmp_path, places, pace=0.002) as on:
        engine = on.engine()
        await engine.start()
        sound = on.site.channel_file.read_text()
        changed = sound.replace("MSH-5: WARD", "MSH-5: STATION")
        pid = engine.pid
        async with on.load.running():
            await on.both_take(50)
            on.site.channel_file.write_text(changed)
            await on.ward.until(lambda: b"|STATION|" in on.ward.bodies[on.ward.taken[-1]])

            on.site.channel_file.write_text(changed.replace("in_order: true", "in_ordr: true"))
            await engine.until(lambda health: health["status"] == "degraded")
            health = await engine.health()
            assert health is not None
            assert [where.partition(":")[0] for where in health["configuration_errors"]] == ["channels/adt.yaml"]
            await on.both_take(50)
            assert b"|STATION|" in on.ward.bodies[on.ward.taken[-1]], "the channel before the mistake runs on"

            for number in range(10):
                on.site.channel_file.write_text(f"{changed if number % 2 else sound}# {number}\n")
                answer = await engine.reload()
                assert answer["channels"] == ["adt"]
                await on.load.more(5)
            await engine.until(lambda health: health["status"] == "well")
            await on.both_take(20)
        assert engine.alive
        assert engine.pid == pid
        await on.settled()
        repeats = on.judge(ward=(b"|WARD|", b"|STATION|"))
        on.tell("reload")
        assert repeats == 0
