"""Times: as exact as the message, in no time zone that nobody named."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.moments import Moment, moment, time_zone
from transforms.v2_to_fhir.datatypes.times import tm_time

CASES = [
    ("2026", "", "2026", True),
    ("202603", "", "2026-03", True),
    ("20260312", "", "2026-03-12", True),
    ("2026031208", "-06:00", "2026-03-12T08:00:00-06:00", True),
    ("202603120830", "-06:00", "2026-03-12T08:30:00-06:00", True),
    ("20260312083015", "Z", "2026-03-12T08:30:15Z", True),
    ("20260312083015.1234", "Z", "2026-03-12T08:30:15.1234Z", True),
    ("20260312083015+0100", "-06:00", "2026-03-12T08:30:15+01:00", True),
    ("20260312083015Z", "", "2026-03-12T08:30:15Z", True),
    ("20260312+0100", "", "2026-03-12", True),
    # America/Chicago is at -06:00 in winter and at -05:00 in summer
    ("202601120830", "America/Chicago", "2026-01-12T08:30:00-06:00", True),
    ("202607120830", "America/Chicago", "2026-07-12T08:30:00-05:00", True),
    # without a zone, only the day is certain
    ("20260312083015", "", "2026-03-12", False),
    ("20260312083015+2500", "", "2026-03-12", False),
    ("20260230", "", "", False),
    ("20261312", "", "", False),
    ("2026031225", "Z", "", False),
    ("202603120861", "Z", "", False),
    ("12/03/2026", "", "", False),
    ("2026-03-12", "", "", False),
    ("0000", "", "", False),
    ("00000000", "", "", False),
]


@pytest.mark.parametrize(("text", "zone", "expected", "is_exact"), CASES)
def test_a_dtm_becomes_a_date_time(text: str, zone: str, expected: str, is_exact: bool) -> None:
    assert moment(text, zone)[:2] == Moment(expected, is_exact)[:2]


@given(st.text(st.sampled_from("0123456789+-.Z :/"), max_size=26), st.sampled_from(["", "Z", "-0600", "Europe/Berlin"]))
def test_whatever_stands_there_gives_a_date_time_or_nothing(text: str, zone: str) -> None:
    found = moment(text, zone).text
    assert found == "" or found[:4] == text[:4]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("08", "08:00:00"),
        ("0830", "08:30:00"),
        ("083015.5", "08:30:15.5"),
        ("2430", ""),
        ("8", ""),
        ("0830+0100", "08:30:00"),
    ],
)
def test_a_tm_becomes_a_time(text: str, expected: str) -> None:
    assert tm_time(text) == expected


@pytest.mark.parametrize("zone", ["Mars/Olympus", "+25:00", "../etc/passwd", "6", ""])
def test_what_is_no_time_zone_is_refused(zone: str) -> None:
    with pytest.raises(ValueError, match=r"time zone|offset"):
        time_zone(zone)
