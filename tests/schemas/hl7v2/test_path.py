import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.hl7v2 import Hl7Error, Path
from schemas.hl7v2.path import ALL


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("PV1", Path("PV1")),
        ("PID-3", Path("PID", field=3)),
        ("PID-3.1", Path("PID", field=3, component=1)),
        ("PID-3[2].4.1", Path("PID", field=3, repetition=2, component=4, subcomponent=1)),
        ("OBX[3]-5", Path("OBX", 3, 5)),
        ("OBX[*]-3.1", Path("OBX", ALL, 3, component=1)),
        ("PID-3[*].4", Path("PID", field=3, repetition=ALL, component=4)),
        ("Z01-12", Path("Z01", field=12)),
    ],
)
def test_a_path_is_read_and_written(text: str, path: Path) -> None:
    assert Path.parse(text) == path
    assert str(path) == text


def test_the_first_segment_needs_no_index() -> None:
    assert str(Path.parse("PID[1]-3")) == "PID-3"


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("PID.3.1", "hyphen"),
        ("pid-3", "upper case"),
        ("Pid-3", "upper case"),
        ("PID-0", "starts at 1"),
        ("PID-3.0", "starts at 1"),
        ("PID[0]-3", "starts at 1"),
        ("PID-3(2).1", "square brackets"),
        ("PID-3.1[2]", "follows its field"),
        ("", "for example"),
        ("PID-", "for example"),
        ("PIDX-3", "for example"),
        ("PID-3.1.2.3", "for example"),
        ("PID-3\n", "for example"),
        ("PID-1000", "for example"),
        ("PID-٣", "for example"),
    ],
)
def test_nonsense_is_refused_with_a_hint(text: str, hint: str) -> None:
    with pytest.raises(Hl7Error) as refused:
        Path.parse(text)
    assert hint in refused.value.hint


@given(
    st.from_regex(r"[A-Z][A-Z0-9]{2}", fullmatch=True),
    st.integers(0, 999),
    st.integers(1, 999),
    st.none() | st.integers(0, 999),
    st.integers(0, 99),
    st.integers(0, 99),
)
def test_every_path_comes_back_from_its_text(
    segment: str, occurrence: int, field: int, repetition: int | None, component: int, subcomponent: int
) -> None:
    path = Path(segment, occurrence, field, repetition, component, subcomponent if component else 0)
    assert Path.parse(str(path)) == path


def test_a_path_within_a_segment() -> None:
    assert Path.relative("3[2].4.1") == Path("", 1, 3, 2, 4, 1)
    assert str(Path.relative("3[2].4.1")) == "3[2].4.1"
    with pytest.raises(Hl7Error):
        Path.relative("PID-3")
