"""The parts of the file end: names that cannot escape, files that have settled, safe moves, claims."""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from channels.file.claim import Claim
from channels.file.folder import Entry, listing, move_beside, move_new, suffixed, write_durably
from channels.file.naming import LONGEST, NameTemplate, file_name
from channels.file.settling import Settling
from schemas.message import TEXT, Message
from tests.channels.folders import names

NOW = datetime(2025, 3, 1, 12, tzinfo=UTC)


def message(**attributes: str) -> Message:
    return Message(
        "0" * 32, "c", TEXT, b"body", NOW, attributes={k.replace("_", "."): v for k, v in attributes.items()}
    )


def ids() -> Callable[[], str]:
    numbers = count(1)
    return lambda: f"{next(numbers):032x}"


@given(st.text(), st.text(max_size=300))
def test_no_text_in_a_message_leads_out_of_the_folder_or_hides_the_file(first: str, second: str) -> None:
    name = file_name("{a.b}{c.d}.hl7", message(a_b=first, c_d=second))
    folder = Path("/exchange/out")
    assert Path(os.path.normpath(folder / name)).parent == folder
    assert name not in ("", ".", "..")
    assert not name.startswith(".")
    assert not set(name) & set('/\\:*?"<>|\0\r\n')
    assert len(name.encode()) <= LONGEST
    assert name.endswith("hl7")


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("MSG00001", "MSG00001.hl7"),
        ("../../etc/passwd", "___.._etc_passwd.hl7"),
        ("..\\..\\win.ini", "___.._win.ini.hl7"),
        ("a/b\\c:d", "a_b_c_d.hl7"),
        (".hidden", "_hidden.hl7"),
        ("line\rbreak\0", "line_break_.hl7"),
        ("NUL", "_NUL.hl7"),
        ("Müller", "Müller.hl7"),
        ("Mu\u0308ller", "Müller.hl7"),
        ("right\u202eleft", "right_left.hl7"),
        ("", "_hl7"),
        ("...", "____hl7"),
    ],
)
def test_a_value_becomes_part_of_one_plain_name(value: str, name: str) -> None:
    assert file_name("{a.b}.hl7", message(a_b=value)) == name


def test_two_long_names_stay_two_and_keep_their_extension() -> None:
    one = file_name("{a.b}.hl7", message(a_b="x" * 400 + "1"))
    other = file_name("{a.b}.hl7", message(a_b="x" * 400 + "2"))
    assert one != other
    assert one.endswith(".hl7")
    assert len(one) == len(other) == LONGEST


@pytest.mark.parametrize("template", ["in/{message.id}", "..\\x", "..", "", " "])
def test_a_template_that_is_no_single_name_is_refused(template: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(NameTemplate).validate_python(template)


@pytest.mark.parametrize(
    ("name", "number", "result"),
    [("a.hl7", 1, "a.hl7"), ("a.hl7", 2, "a-2.hl7"), ("a", 3, "a-3"), ("a.tar.gz", 2, "a.tar-2.gz"), (".x", 2, ".x-2")],
)
def test_namesakes_are_numbered(name: str, number: int, result: str) -> None:
    assert suffixed(name, number) == result


def test_a_listing_is_oldest_first_then_by_name_and_leaves_alone_what_is_not_a_plain_file(tmp_path: Path) -> None:
    for name, age in [("b.hl7", 5), ("a.hl7", 5), ("z.hl7", 9), ("x.tmp", 9), (".hidden", 9), ("readme.txt", 9)]:
        (tmp_path / name).write_text(name)
        os.utime(tmp_path / name, (1000 - age, 1000 - age))
    (tmp_path / "folder.hl7").mkdir()
    (tmp_path / "link.hl7").symlink_to(tmp_path / "readme.txt")
    os.mkfifo(tmp_path / "pipe.hl7")
    assert [entry.name for entry in listing(tmp_path, "*.hl7", ["*.tmp"])] == ["z.hl7", "a.hl7", "b.hl7"]


def test_a_file_is_whole_when_it_has_not_changed_for_as_long_as_settle() -> None:
    settling = Settling(timedelta(seconds=2))
    growing = Entry("a", 10, 1, 1)
    grown = Entry("a", 20, 2, 1)
    assert settling.whole([growing], 0.0) == []
    assert settling.whole([grown], 1.9) == []
    assert settling.whole([grown], 3.8) == []
    assert settling.whole([grown], 3.9) == [grown]
    replaced = Entry("a", 20, 2, 7)
    assert settling.whole([replaced], 4.0) == []


def test_a_file_that_went_and_came_back_settles_anew() -> None:
    settling = Settling(timedelta(seconds=2))
    entry = Entry("a", 10, 1, 1)
    settling.whole([entry], 0.0)
    settling.whole([], 1.0)
    assert settling.whole([entry], 2.5) == []


def test_an_empty_file_is_not_written_yet() -> None:
    assert Settling(timedelta(0)).whole([Entry("a", 0, 1, 1), Entry("b", 1, 1, 2)], 0.0) == [Entry("b", 1, 1, 2)]


def test_a_move_never_overwrites(tmp_path: Path) -> None:
    (tmp_path / "source").write_text("new")
    (tmp_path / "target").write_text("old")
    assert not move_new(tmp_path / "source", tmp_path / "target")
    assert (tmp_path / "target").read_text() == "old"
    assert move_beside(tmp_path / "source", tmp_path, "target").name == "target-2"
    assert names(tmp_path) == ["target", "target-2"]


def test_a_move_works_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    (tmp_path / "source").write_text("new")
    (tmp_path / "target").write_text("old")
    assert not move_new(tmp_path / "source", tmp_path / "target")
    assert move_new(tmp_path / "source", tmp_path / "other")
    assert (tmp_path / "other").read_text() == "new"
    assert (tmp_path / "target").read_text() == "old"


def test_a_move_that_a_crash_cut_short_is_finished(tmp_path: Path) -> None:
    (tmp_path / "source").write_text("x")
    os.link(tmp_path / "source", tmp_path / "target")
    assert move_new(tmp_path / "source", tmp_path / "target")
    assert names(tmp_path) == ["target"]


def test_a_write_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_durably(tmp_path / "a", b"body", 0o640)
    assert names(tmp_path) == []


def test_a_file_belongs_to_one_claim_only(tmp_path: Path) -> None:
    new_id = ids()
    for name in ("a", "b", "c"):
        (tmp_path / name).write_text(name)
    one = Claim.take(tmp_path, ["a", "b"], new_id)
    other = Claim.take(tmp_path, ["b", "c"], new_id)
    assert one is not None
    assert other is not None
    assert [entry.name for entry in one.files()] == ["a", "b"]
    assert [entry.name for entry in other.files()] == ["c"]
    assert Claim.take(tmp_path, ["a", "c"], new_id) is None
    assert Claim.adopt(tmp_path) == []
    one.let_go()
    other.let_go()


def test_the_claim_of_a_process_that_is_gone_is_adopted_under_its_id(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    claim = Claim.take(tmp_path, ["a"], ids())
    assert claim is not None
    claim.let_go()
    [adopted] = Claim.adopt(tmp_path)
    assert adopted.id == claim.id
    assert [entry.name for entry in adopted.files()] == ["a"]
    (adopted.path / "a").unlink()
    adopted.release()
    assert names(tmp_path / ".working") == []


def test_what_a_crash_left_of_an_empty_claim_is_cleared_away(tmp_path: Path) -> None:
    working = tmp_path / ".working"
    working.mkdir()
    (working / "1.lock").touch()
    (working / "2").mkdir()
    for claim in Claim.adopt(tmp_path):
        claim.release()
    assert names(working) == []


def test_a_claim_that_is_not_empty_after_all_stays(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    claim = Claim.take(tmp_path, ["a"], ids())
    assert claim is not None
    claim.release()
    [adopted] = Claim.adopt(tmp_path)
    assert [entry.name for entry in adopted.files()] == ["a"]
    adopted.let_go()
