"""The inbound file end, as the partner who writes files and the operator who reads folders see it."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from channels.ends import Receipt, ReceiptCode
from channels.file import FileInbound
from schemas.ids import new_id, utc_now
from schemas.message import Message
from tests.channels.desk import ACCEPTED, Desk, adt
from tests.channels.folders import file_names, files_below, names, rename

FAST = {"poll": timedelta(milliseconds=10), "settle": timedelta(0)}


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    return folder


def end(desk: Desk, folder: Path, **options: Any) -> FileInbound:
    return FileInbound(desk.context(folder.parent, lambda: new_id(utc_now())), folder=folder, **{**FAST, **options})


def batch(*numbers: int) -> bytes:
    messages = b"".join(adt(number) for number in numbers)
    return b"FHS|^~\\&|LAB\rBHS|^~\\&|LAB\r" + messages + b"BTS|%d\rFTS|1\r" % len(numbers)


def reject(*control_ids: str) -> Callable[[Message], Receipt]:
    refused = Receipt(ReceiptCode.REJECTED, "the type is not known here", "MSH-9", "200")
    return lambda message: refused if message.get("MSH-10") in control_ids else ACCEPTED


async def test_a_file_is_handed_over_and_moved_to_processed(inbox: Path) -> None:
    (inbox / "one.hl7").write_bytes(adt())
    desk = Desk()
    async with desk.serving(end(desk, inbox)):
        await desk.received(1)
    [message] = desk.messages
    assert (message.channel, message.format, message.body) == ("adt-feed", "hl7v2", adt())
    assert message.attributes["file.name"] == "one.hl7"
    assert "file.position" not in message.attributes
    assert file_names(inbox / "processed") == ["one.hl7"]
    assert (inbox / "processed" / "one.hl7").read_bytes() == adt()
    assert file_names(inbox) == []
    assert names(inbox / ".working") == []


async def test_files_are_taken_oldest_first_then_by_name(inbox: Path) -> None:
    for number, age in [(1, 5), (2, 9), (3, 7), (4, 7)]:
        path = inbox / f"{9 - number}.hl7"
        path.write_bytes(adt(number))
        os.utime(path, (1_700_000_000 - age, 1_700_000_000 - age))
    desk = Desk()
    async with desk.serving(end(desk, inbox)):
        await desk.received(4)
    assert [message.get("MSH-10") for message in desk.messages] == ["MSG00002", "MSG00004", "MSG00003", "MSG00001"]


@pytest.mark.parametrize("parallel", [1, 4])
async def test_each_message_of_a_batch_is_handed_over_in_order(inbox: Path, parallel: int) -> None:
    (inbox / "night.bat").write_bytes(batch(*range(1, 8)))
    desk = Desk()
    async with desk.serving(end(desk, inbox, parallel=parallel)):
        await desk.received(7)
    assert [message.get("MSH-10") for message in desk.messages] == [f"MSG{number:05}" for number in range(1, 8)]
    assert [message.attributes["file.position"] for message in desk.messages] == [str(n) for n in range(1, 8)]
    assert {message.attributes["file.count"] for message in desk.messages} == {"7"}
    assert len({message.id for message in desk.messages}) == 7
    assert file_names(inbox / "processed") == ["night.bat"]


async def test_accepted_files_are_deleted_when_asked(inbox: Path) -> None:
    (inbox / "one.hl7").write_bytes(adt())
    desk = Desk()
    async with desk.serving(end(desk, inbox, after="delete")):
        await desk.received(1)
    assert files_below(inbox) == []


async def test_a_namesake_in_processed_is_kept(inbox: Path) -> None:
    desk = Desk()
    async with desk.serving(end(desk, inbox)):
        for number in (1, 2):
            (inbox / "result.hl7").write_bytes(adt(number))
            await desk.received(number)
    assert file_names(inbox / "processed") == ["result-2.hl7", "result.hl7"]
    assert (inbox / "processed" / "result.hl7").read_bytes() == adt(1)
    assert desk.messages[0].id != desk.messages[1].id


async def test_the_same_file_dropped_again_is_a_new_message(inbox: Path) -> None:
    (inbox / "result.hl7").write_bytes(adt())
    desk = Desk()
    for number in (1, 2):
        async with desk.serving(end(desk, inbox)):
            await desk.received(number)
        rename(inbox / "processed" / "result.hl7", inbox / "result.hl7")
    assert desk.messages[0].body == desk.messages[1].body
    assert desk.messages[0].id != desk.messages[1].id


async def test_what_is_still_being_written_or_no_plain_file_is_left_alone(inbox: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.hl7"
    secret.write_bytes(adt(99))
    (inbox / "link.hl7").symlink_to(secret)
    for name in ("a.tmp", "b.part", "c.hl7.filepart", ".d.hl7", "e~"):
        (inbox / name).write_bytes(adt(98))
    (inbox / "empty.hl7").touch()
    (inbox / "sub").mkdir()
    (inbox / "sub" / "f.hl7").write_bytes(adt(97))
    (inbox / "whole.hl7").write_bytes(adt(1))
    desk = Desk()
    async with desk.serving(end(desk, inbox)):
        await desk.received(1)
        (inbox / "later.hl7").write_bytes(adt(2))
        await desk.received(2)
    assert [message.get("MSH-10") for message in desk.messages] == ["MSG00001", "MSG00002"]
    assert secret.exists()
    assert (inbox / "link.hl7").is_symlink()
    assert file_names(inbox) == [".d.hl7", "a.tmp", "b.part", "c.hl7.filepart", "empty.hl7", "e~", "link.hl7"]


async def test_a_file_whose_writer_goes_on_after_it_was_taken_is_read_whole(inbox: Path) -> None:
    (inbox / "a.hl7").write_bytes(adt(1))
    (inbox / "b.bat").write_bytes(adt(2))
    os.utime(inbox / "a.hl7", (1, 1))
    desk = Desk()
    with (inbox / "b.bat").open("ab") as writer:

        def answer(message: Message) -> Receipt:
            if message.get("MSH-10") == "MSG00001":
                writer.write(adt(3))
                writer.flush()
            return ACCEPTED

        desk.answer = answer
        async with desk.serving(end(desk, inbox)):
            await desk.received(3)
    assert [message.get("MSH-10") for message in desk.messages] == ["MSG00001", "MSG00002", "MSG00003"]
    assert (inbox / "processed" / "b.bat").read_bytes() == adt(2) + adt(3)


async def test_only_names_that_fit_the_pattern_are_taken(inbox: Path) -> None:
    (inbox / "a.txt").write_bytes(adt(1))
    (inbox / "b.hl7").write_bytes(adt(2))
    desk = Desk()
    async with desk.serving(end(desk, inbox, pattern="*.hl7")):
        await desk.received(1)
    assert [message.get("MSH-10") for message in desk.messages] == ["MSG00002"]
    assert file_names(inbox) == ["a.txt"]


async def test_a_rejected_message_sets_its_file_aside_with_the_reason_and_no_patient_data(inbox: Path) -> None:
    (inbox / "night.bat").write_bytes(batch(1, 2, 3))
    desk = Desk(reject("MSG00002"))
    async with desk.serving(end(desk, inbox)):
        await desk.until(lambda: bool(desk.findings))
    assert [message.get("MSH-10") for message in desk.messages] == ["MSG00001", "MSG00002", "MSG00003"]
    assert file_names(inbox / "failed") == ["night.bat", "night.bat.why"]
    assert file_names(inbox / "processed") == []
    why = (inbox / "failed" / "night.bat.why").read_text()
    assert "1 of 3 messages rejected" in why
    assert "message 2: MSH-9: the type is not known here (table 0357: 200)" in why
    [finding] = desk.findings
    assert finding.code == "FILE-102"
    for text in (why, str(finding)):
        assert "Testperson" not in text
        assert "4711" not in text


async def test_a_file_above_the_limit_is_set_aside_unread(inbox: Path) -> None:
    (inbox / "huge.bin").write_bytes(b"x" * 1001)
    desk = Desk()
    async with desk.serving(end(desk, inbox, limit=1000)):
        await desk.until(lambda: bool(desk.findings))
    assert desk.messages == []
    assert file_names(inbox / "failed") == ["huge.bin", "huge.bin.why"]
    assert "larger than the limit of 1000 bytes" in (inbox / "failed" / "huge.bin.why").read_text()


async def test_while_the_journal_is_down_a_batch_waits_and_goes_on_where_it_stopped(inbox: Path) -> None:
    (inbox / "a.bat").write_bytes(batch(1, 2, 3))
    os.utime(inbox / "a.bat", (1, 1))
    (inbox / "b.hl7").write_bytes(adt(4))
    down = [Receipt(ReceiptCode.FAILED, "the disk is full")] * 2
    taken: list[str] = []

    def answer(message: Message) -> Receipt:
        if message.get("MSH-10") == "MSG00002" and down:
            return down.pop()
        taken.append(message.get("MSH-10"))
        return ACCEPTED

    desk = Desk(answer)
    async with desk.serving(end(desk, inbox)):
        await desk.until(lambda: len(taken) == 4)
    assert taken == ["MSG00001", "MSG00002", "MSG00003", "MSG00004"]
    repeats = [message.id for message in desk.messages if message.get("MSH-10") == "MSG00002"]
    assert len(repeats) == 3
    assert len(set(repeats)) == 1
    assert file_names(inbox / "processed") == ["a.bat", "b.hl7"]


async def test_a_stop_while_the_journal_is_down_loses_nothing_and_the_ids_stay(inbox: Path) -> None:
    (inbox / "a.bat").write_bytes(batch(1, 2))
    failing = Receipt(ReceiptCode.FAILED, "the disk is full")
    before = Desk(lambda message: failing if message.get("MSH-10") == "MSG00002" else ACCEPTED)
    async with before.serving(end(before, inbox)):
        await before.received(3)
    after = Desk()
    async with after.serving(end(after, inbox)):
        await after.received(2)
    assert [message.id for message in after.messages] == [message.id for message in before.messages[:2]]
    assert file_names(inbox / "processed") == ["a.bat"]


async def test_an_engine_that_breaks_leaves_the_file_waiting_and_quotes_nothing(inbox: Path) -> None:
    (inbox / "a.hl7").write_bytes(adt())
    desk = Desk()

    def answer(message: Message) -> Receipt:
        if not desk.findings:
            raise RuntimeError(message.get("PID-5.1"))
        return ACCEPTED

    desk.answer = answer
    async with desk.serving(end(desk, inbox)):
        await desk.received(1)
    assert file_names(inbox / "processed") == ["a.hl7"]
    assert [finding.code for finding in desk.findings] == ["FILE-103"]
    assert "Testperson" not in str(desk.findings)


CRASH = """
import asyncio, os, signal, sys
from datetime import timedelta
from pathlib import Path
from channels.ends import EndContext, Receipt, ReceiptCode
from channels.file import FileInbound
from schemas.ids import new_id, utc_now

async def accept(message):
    print(message.id, flush=True)
    if message.get("MSH-10") == "MSG00002":
        os.kill(os.getpid(), signal.SIGKILL)
    return Receipt(ReceiptCode.ACCEPTED)

folder = Path(sys.argv[1])
context = EndContext("adt-feed", folder.parent, utc_now, lambda: new_id(utc_now()), print)
end = FileInbound(context, folder=folder, poll=timedelta(milliseconds=10), settle=timedelta(0))
asyncio.run(end.serve(accept, lambda: None))
"""


async def test_killed_between_acceptance_and_move_the_file_is_offered_again_with_the_same_ids(inbox: Path) -> None:
    (inbox / "a.bat").write_bytes(batch(1, 2, 3))
    killed = await asyncio.create_subprocess_exec(sys.executable, "-c", CRASH, str(inbox), stdout=subprocess.PIPE)
    printed, _ = await asyncio.wait_for(killed.communicate(), 30)
    assert killed.returncode == -signal.SIGKILL
    assert file_names(inbox) == []
    desk = Desk()
    async with desk.serving(end(desk, inbox)):
        await desk.received(3)
    assert [message.id for message in desk.messages[:2]] == printed.decode().split()
    assert file_names(inbox / "processed") == ["a.bat"]


async def test_two_engines_on_one_folder_take_each_file_once(inbox: Path) -> None:
    for number in range(1, 251):
        (inbox / f"{number:03}.hl7").write_bytes(adt(number))
    one, other = Desk(), Desk()
    async with one.serving(end(one, inbox)), other.serving(end(other, inbox)):
        async with asyncio.timeout(20):
            while len(one.messages) + len(other.messages) < 250:
                done = {asyncio.create_task(desk.received(len(desk.messages) + 1)) for desk in (one, other)}
                _, late = await asyncio.wait(done, return_when=asyncio.FIRST_COMPLETED)
                for task in late:
                    task.cancel()
    taken = [message.get("MSH-10") for desk in (one, other) for message in desk.messages]
    assert sorted(taken) == [f"MSG{number:05}" for number in range(1, 251)]
    assert len(file_names(inbox / "processed")) == 250


@pytest.mark.parametrize(
    ("content", "option", "format"),
    [
        (adt(), "auto", "hl7v2"),
        (b"\xef\xbb\xbf" + adt(), "auto", "hl7v2"),
        (b"\x0b" + adt() + b"\x1c\r", "auto", "hl7v2"),
        ("Arztbrief für Köln\n".encode(), "auto", "text"),
        (b"%PDF-1.7\n\x00\xff", "auto", "binary"),
        (adt(), "text", "text"),
        (adt(), "binary", "binary"),
    ],
)
async def test_the_format_is_told_by_content_or_option(inbox: Path, content: bytes, option: str, format: str) -> None:
    (inbox / "a").write_bytes(content)
    desk = Desk()
    async with desk.serving(end(desk, inbox, format=option)):
        await desk.received(1)
    assert desk.messages[0].format == format
    if format != "hl7v2":
        assert desk.messages[0].body == content


async def test_the_character_set_of_the_option_rules_where_the_message_names_none(inbox: Path) -> None:
    (inbox / "a.hl7").write_bytes(adt().replace(b"Testperson", "Müller".encode("latin-1")))
    desk = Desk()
    async with desk.serving(end(desk, inbox, charset="8859/1")):
        await desk.received(1)
    assert desk.messages[0].get("PID-5.1") == "Müller"


async def test_a_folder_that_goes_away_is_told_once_and_read_again_when_it_is_back(inbox: Path) -> None:
    desk = Desk()
    away = inbox.with_name("away")
    async with desk.serving(end(desk, inbox)):
        rename(inbox, away)
        await desk.until(lambda: any(finding.code == "FILE-101" for finding in desk.findings))
        rename(away, inbox)
        (inbox / "a.hl7").write_bytes(adt())
        await desk.received(1)
        await desk.until(lambda: desk.findings[-1].code == "FILE-100")
    assert [finding.code for finding in desk.findings] == ["FILE-101", "FILE-100"]


async def test_a_folder_outside_the_site_must_exist_and_one_inside_is_made(tmp_path: Path) -> None:
    desk = Desk()
    with pytest.raises(OSError, match="mount the share"):
        context = desk.context(tmp_path / "site")
        async with desk.serving(FileInbound(context, folder=tmp_path / "mnt" / "lab")):
            pass
    async with desk.serving(FileInbound(context, folder=tmp_path / "site" / "var" / "in")):
        assert (tmp_path / "site" / "var" / "in" / "processed").is_dir()


async def test_processed_must_be_another_folder(inbox: Path) -> None:
    desk = Desk()
    with pytest.raises(OSError, match="another folder"):
        async with desk.serving(end(desk, inbox, processed=inbox)):
            pass
