"""The checklist's machinery: marks name rows that exist."""

from tests.channels.direct.rows import ANCHOR, IDS, ROWS, marks


def test_marks_name_rows_that_exist() -> None:
    assert [mark for mark in marks() if mark.row not in IDS and not ANCHOR.match(mark.row)] == []


def test_rows_have_numbers_of_their_own() -> None:
    assert len(IDS) == len(ROWS)
