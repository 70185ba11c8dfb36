"""The body of a request: whole whatever the chunks, and never larger than the limit."""

import gzip
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.http.body import Body, DamagedError, TooLargeError


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


@given(st.binary(max_size=2000), st.lists(st.integers(0, 5000), max_size=8), st.booleans())
def test_a_body_is_the_same_however_it_is_cut(content: bytes, places: list[int], compressed: bool) -> None:
    body = Body(5000, "gzip" if compressed else "")
    for chunk in cut(gzip.compress(content) if compressed else content, places):
        body.add(chunk)
    assert body.whole() == content


@given(st.binary(max_size=500), st.lists(st.integers(0, 500), max_size=4))
def test_bytes_that_are_no_gzip_are_damaged_and_nothing_else(data: bytes, places: list[int]) -> None:
    body = Body(1000, "gzip")
    with pytest.raises((DamagedError, TooLargeError)):
        for chunk in cut(data, places):
            body.add(chunk)
        body.whole()


@pytest.mark.parametrize(("size", "limit", "fits"), [(100, 100, True), (101, 100, False), (10_000_000, 50_000, False)])
@pytest.mark.parametrize("coding", ["", "gzip"])
def test_the_limit_is_the_largest_body(size: int, limit: int, fits: bool, coding: str) -> None:
    data = b"0" * size
    body = Body(limit, coding)
    if fits:
        body.add(gzip.compress(data) if coding else data)
        assert body.whole() == data
    else:
        with pytest.raises(TooLargeError):
            body.add(gzip.compress(data) if coding else data)
