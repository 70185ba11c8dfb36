"""The outbound file end, as the partner who reads the folder sees it."""

import asyncio
import errno
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from channels.ends import OutcomeCode
from channels.file import FileOutbound
from schemas.message import HL7V2, Message
from tests.channels.desk import NOW, Desk, adt
from tests.channels.folders import contents, files_below, names


def message(number: int = 1, body: bytes | None = None) -> Message:
    return Message(f"{number:032x}", "adt-feed", HL7V2, adt(number) if body is None else body, NOW)


def end(folder: Path, **options: Any) -> FileOutbound:
    return FileOutbound(Desk().context(folder.parent), folder=folder, **options)


async def test_a_message_becomes_one_file_with_the_template_s_name(tmp_path: Path) -> None:
    outcome = await end(tmp_path / "out", name="{MSH-9.2}_{MSH-10}.hl7").deliver(message())
    assert (outcome.code, outcome.reply) == (OutcomeCode.DELIVERED, b"A01_MSG00001.hl7")
    assert names(tmp_path / "out") == ["A01_MSG00001.hl7"]
    assert (tmp_path / "out" / "A01_MSG00001.hl7").read_bytes() == adt(1)


async def test_the_default_name_is_the_message_id_and_the_mode_is_ours(tmp_path: Path) -> None:
    await end(tmp_path, mode="644").deliver(message())
    path = tmp_path / f"{1:032x}.hl7"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


async def test_delivering_again_changes_nothing(tmp_path: Path) -> None:
    out = end(tmp_path, name="{MSH-10}.hl7")
    first, second = await out.deliver(message()), await out.deliver(message())
    assert first == second
    assert names(tmp_path) == ["MSG00001.hl7"]


async def test_another_content_of_the_same_name_is_kept_beside(tmp_path: Path) -> None:
    out = end(tmp_path, name="result.hl7")
    for number in (1, 2, 3, 2):
        assert (await out.deliver(message(number))).code == OutcomeCode.DELIVERED
    assert contents(tmp_path) == {"result.hl7": adt(1), "result-2.hl7": adt(2), "result-3.hl7": adt(3)}


async def test_another_content_replaces_when_asked(tmp_path: Path) -> None:
    out = end(tmp_path, name="latest.hl7", existing="replace")
    for number in (1, 2):
        assert (await out.deliver(message(number))).code == OutcomeCode.DELIVERED
    assert contents(tmp_path) == {"latest.hl7": adt(2)}


async def test_many_of_one_name_at_once_are_all_kept(tmp_path: Path) -> None:
    out = end(tmp_path, name="result.hl7")
    outcomes = await asyncio.gather(*(out.deliver(message(number)) for number in range(1, 31)))
    assert {outcome.code for outcome in outcomes} == {OutcomeCode.DELIVERED}
    assert sorted(contents(tmp_path).values()) == sorted(adt(number) for number in range(1, 31))


@pytest.mark.parametrize("existing", ["keep_both", "replace"])
async def test_a_link_in_the_folder_is_not_written_through(tmp_path: Path, existing: str) -> None:
    victim = tmp_path / "victim"
    victim.write_text("untouched")
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "a.hl7").symlink_to(victim)
    outcome = await end(folder, name="a.hl7", existing=existing).deliver(message())
    assert outcome.code == OutcomeCode.DELIVERED
    assert victim.read_text() == "untouched"
    assert (folder / outcome.reply.decode()).read_bytes() == adt(1)


async def test_a_hostile_value_stays_in_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    body = adt().replace(b"MSG00001", b"../../escaped")
    outcome = await end(folder, name="{MSH-10}.hl7").deliver(message(body=body))
    assert outcome.code == OutcomeCode.DELIVERED
    assert [path.parent for path in files_below(tmp_path)] == [folder]


@pytest.mark.parametrize(
    ("number", "hint"),
    [
        (errno.ENOSPC, "disk is full; make room"),
        (errno.EDQUOT, "quota"),
        (errno.EACCES, "permission denied"),
        (errno.EROFS, "read-only"),
        (errno.EIO, "Input/output error"),
    ],
)
async def test_trouble_with_the_folder_makes_the_route_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, hint: str
) -> None:
    def fails(_: int) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", fails)
        outcome = await end(tmp_path).deliver(message())
    assert (outcome.code, outcome.unreachable) == (OutcomeCode.DEFERRED, True)
    assert hint in outcome.detail
    assert names(tmp_path) == []
    assert (await end(tmp_path).deliver(message())).code == OutcomeCode.DELIVERED


async def test_a_share_that_is_not_mounted_is_not_written_under(tmp_path: Path) -> None:
    out = FileOutbound(Desk().context(tmp_path / "site"), folder=tmp_path / "mnt" / "practice")
    outcome = await out.deliver(message())
    assert (outcome.code, outcome.unreachable) == (OutcomeCode.DEFERRED, True)
    assert "mount" in outcome.detail
    assert names(tmp_path) == []


async def test_a_folder_of_the_file_s_name_refuses(tmp_path: Path) -> None:
    (tmp_path / "a.hl7").mkdir()
    outcome = await end(tmp_path, name="a.hl7", existing="replace").deliver(message())
    assert outcome.code == OutcomeCode.REFUSED
    assert names(tmp_path) == ["a.hl7"]


async def test_what_a_crash_left_unfinished_long_ago_is_removed(tmp_path: Path) -> None:
    for name, age in ((".hie-old.tmp", 2 * 86400), (".hie-new.tmp", 60), (".other.tmp", 2 * 86400)):
        (tmp_path / name).touch()
        moment = NOW.timestamp() - age
        os.utime(tmp_path / name, (moment, moment))
    await end(tmp_path, name="a.hl7").deliver(message())
    assert names(tmp_path) == [".hie-new.tmp", ".other.tmp", "a.hl7"]


async def test_a_message_that_cannot_be_read_is_refused_when_the_name_needs_it_and_written_when_not(
    tmp_path: Path,
) -> None:
    damaged = message(body=b"no header")
    assert (await end(tmp_path, name="{MSH-10}.hl7").deliver(damaged)).code == OutcomeCode.REFUSED
    assert (await end(tmp_path).deliver(damaged)).code == OutcomeCode.DELIVERED
