"""The checklist: each row has a test, marks name rows that exist, and the page in the manual says nothing else."""

import re

import pytest

from tests.channels.direct.rows import ANCHOR, IDS, PAGE, ROWS, Row, marks, named, uncovered

LINES = {line.split(" | ")[0].strip("| "): line for line in PAGE.read_text().splitlines() if line.startswith("| ")}


def test_marks_name_rows_that_exist() -> None:
    assert [mark for mark in marks() if mark.row not in IDS and not ANCHOR.match(mark.row)] == []


def test_rows_have_numbers_of_their_own() -> None:
    assert len(IDS) == len(ROWS)


def test_each_row_has_a_test() -> None:
    assert uncovered() == []


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_the_page_names_tests_that_hold_the_row(row: Row) -> None:
    # Tests that came later may be missing from it, so that not every change of a test is one of the manual.
    line = LINES[row.id]
    listed = re.findall(r"`(test_\w+::\w+)`", line)
    assert row.what in line
    assert set(listed) <= {named(mark) for mark in marks() if mark.row == row.id}
    assert listed or (row.open and row.open in line)
