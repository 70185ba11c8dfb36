"""A short day of the measurement: every subscriber hears what it must hear, once, and nothing else."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from random import Random

import pytest

from bench.day.compare import compare
from bench.day.oracle import Expected, Notice, expected
from bench.day.partners import Subscribers
from bench.notifications_day import make_day, measure

ADMIT = Notice("new", "arrival", "admit")


def test_every_subscriber_hears_what_it_must_hear() -> None:
    found = measure(messages=5_000, members=20_000)
    assert not found.compared.differences
    assert (found.refused, found.failed) == (0, 0)
    assert found.compared.expected > 300
    assert found.compared.heard == found.notices
    assert set(found.triggers) == {
        *("A01", "A02", "A03", "A04", "A05", "A06", "A07", "A08", "A11", "A12", "A13", "A28", "A31"),
    }
    assert found.compared.doubtful["told"] > found.compared.doubtful["not told"]


def test_a_day_has_all_that_makes_it_hard(tmp_path: Path) -> None:
    day, members = make_day(20_000, 20_000, Random(3), tmp_path)
    kinds = Counter(sent.patient.kind.partition(",")[0] for sent in day)
    assert {"of no panel", "of one panel", "of two panels", "twin of a member", "newborn of a member", "opted out"} <= {
        *kinds
    }
    assert kinds["of no panel"] > len(day) / 2
    assert members > 19_000
    assert Counter(sent.control_id for sent in day).most_common(1)[0][1] == 2  # sent twice
    truth = expected(day)
    assert {notice.kind for notice in truth.must.values()} == {"new", "update", "withdrawal"}
    assert truth.may


@pytest.mark.parametrize(
    ("heard", "difference"),
    [
        ([], "missing: patient of one panel, region, new admit"),
        ([("region", "C1", ADMIT)], ""),
        ([("region", "C1", ADMIT)] * 2, "told twice: patient of one panel, region, new admit"),
        (
            [("region", "C1", ADMIT._replace(kind="update"))],
            "wrong: patient of one panel, region, new admit, heard update admit",
        ),
        (
            [("region", "C1", ADMIT), ("lakeside", "C2", ADMIT)],
            "too many: patient of no panel, lakeside, new admit",
        ),
    ],
)
def test_a_difference_is_named_by_its_kind(heard: list[tuple[str, str, Notice]], difference: str) -> None:
    kinds = {"C1": "of one panel", "C2": "of no panel"}
    truth = Expected({("region", "C1"): ADMIT}, {}, kinds, frozenset())
    subscribers = Subscribers()
    for each in heard:
        subscribers.note(*each)
    assert [*compare(truth, subscribers, set()).differences] == ([difference] if difference else [])
