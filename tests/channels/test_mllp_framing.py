"""MLLP framing: what counts as a frame, and that nothing hurts the reader."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels.mllp.framing import HEAD, Event, FrameReader, Junk, Oversized, Unfinished, frame

MSH = b"MSH|^~\\&|A|B|C|D|20250101||ADT^A01|1|P|2.5\rPID|1\r"
LIMIT = 2000


def read(*parts: bytes, limit: int = LIMIT, eager: bool = False) -> list[Event]:
    reader = FrameReader(limit, eager=eager)
    return [event for part in parts for event in reader.feed(part)] + reader.close()


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        pytest.param(b"", [], id="nothing"),
        pytest.param(b"\x0b" + MSH + b"\x1c\r", [MSH], id="one frame"),
        pytest.param(b"\x0b\x1c\r", [b""], id="an empty frame"),
        pytest.param(b"\x0bA\x1c\r\x0bB\x1c\r\x0bC\x1c\r", [b"A", b"B", b"C"], id="several frames in one read"),
        pytest.param(b"\x0bA\x1c\r\r\n\r\n\x0bB\x1c\r\n", [b"A", b"B"], id="line ends between frames are silent"),
        pytest.param(b"\x0bA\x1c\x0bB\x1c", [b"A", b"B"], id="no CR after FS"),
        pytest.param(b"\x0bA\x1cB\x1c\r", [b"A\x1cB"], id="FS inside a text"),
        pytest.param(b"\x0bA\x1c\x1c\r", [b"A\x1c"], id="FS before the end"),
        pytest.param(b"\x0bA\x0bB\x1c\r", [b"A\x0bB"], id="VT inside a text"),
        pytest.param(b"\x0bMSH|half\x0bMSH|whole\x1c\r", [Unfinished(8), b"MSH|whole"], id="a frame begun anew"),
        pytest.param(b"\x0bMSH|half", [Unfinished(8)], id="a frame without an end"),
        pytest.param(b"hello\x0bA\x1c\r", [Junk(5, b"hello"), b"A"], id="junk before"),
        pytest.param(b"\x0bA\x1c\r hello there\x0bB\x1c\r", [b"A", Junk(12, b" hello t"), b"B"], id="junk between"),
        pytest.param(b"\x0bA\x1c\rtail\r\n", [b"A", Junk(4, b"tail")], id="junk at the end"),
        pytest.param(b"\x0b" + b"x" * 2001 + b"\x1c\r", [Oversized(2001, b"x" * HEAD)], id="one byte too long"),
        pytest.param(b"\x0b" + b"x" * 2000 + b"\x1c\r", [b"x" * 2000], id="just as long as allowed"),
        pytest.param(
            b"\x0b" + b"x" * 9000 + b"\x1c\r\x0bA\x1c\r", [Oversized(9000, b"x" * HEAD), b"A"], id="long, then good"
        ),
    ],
)
def test_a_stream_gives_its_events_however_it_is_cut(stream: bytes, events: list[Event]) -> None:
    assert read(stream) == events
    assert read(*(stream[i : i + 1] for i in range(len(stream)))) == events


def test_fs_and_cr_in_two_packets_is_one_frame() -> None:
    reader = FrameReader(LIMIT)
    assert reader.feed(b"\x0bA\x1c") == []
    assert reader.wants_flush
    assert reader.feed(b"\r") == [b"A"]
    assert not reader.wants_flush


def test_a_frame_that_only_lacks_its_cr_is_had_by_flush_and_a_late_cr_is_silent() -> None:
    reader = FrameReader(LIMIT)
    reader.feed(b"\x0bA\x1c")
    assert reader.flush() == [b"A"]
    assert reader.flush() == []
    assert reader.feed(b"\r\x0bB\x1c\r") == [b"B"]


def test_an_eager_reader_does_not_wait_for_the_cr() -> None:
    reader = FrameReader(LIMIT, eager=True)
    assert reader.feed(b"\x0bMSA|AA") == []
    assert reader.feed(b"|1\x1c") == [b"MSA|AA|1"]
    assert reader.feed(b"\r") == []
    assert reader.close() == []


def test_what_is_framed_is_read_back() -> None:
    assert read(frame(MSH)) == [MSH]
    assert read(frame(b"soft\x0bbreak")) == [b"soft\x0bbreak"]


@pytest.mark.parametrize("content", [b"a\x1c\rb", b"a\x1c", b"a\x1cb", b"MSH|1\x0bMSH|2"])
def test_content_that_a_receiver_could_cut_in_two_is_not_framed(content: bytes) -> None:
    with pytest.raises(ValueError, match="MLLP frame"):
        frame(content)


TOKENS = st.sampled_from(
    [b"\x0b", b"\x1c", b"\r", b"\x1c\r", b"\n", b"\x00", b"MSH|", b"\x0bMSH", b"x", b"y" * 40, b"z" * 700, b"\xff"]
)
STREAMS = st.lists(TOKENS | st.binary(max_size=6), max_size=40).map(b"".join)


@given(STREAMS, st.data(), st.booleans(), st.sampled_from([0, 5, 50, 1500]))
@settings(max_examples=150, deadline=None)
def test_any_cut_of_any_stream_gives_the_same_events(
    stream: bytes, data: st.DataObject, eager: bool, limit: int
) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    parts = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert read(*parts, limit=limit, eager=eager) == read(stream, limit=limit, eager=eager)


@given(STREAMS, st.sampled_from([0, 5, 50, 1500]))
@settings(max_examples=100, deadline=None)
def test_no_stream_makes_the_reader_hold_more_than_its_limit(stream: bytes, limit: int) -> None:
    reader = FrameReader(limit)
    for at in range(0, len(stream), 16):
        for event in reader.feed(stream[at : at + 16]):
            assert not isinstance(event, bytes) or len(event) <= limit
        assert len(reader._buffer) <= max(limit, HEAD) + 17


def test_an_endless_frame_is_let_go_and_its_end_is_still_found() -> None:
    reader = FrameReader(LIMIT)
    reader.feed(b"\x0b" + MSH)
    for _ in range(1000):
        assert reader.feed(b"x" * 4096) == []
        assert len(reader._buffer) <= LIMIT + 4096
    [event] = reader.feed(b"\x1c\r")
    assert event == Oversized(len(MSH) + 4096 * 1000, (MSH + b"x" * HEAD)[:HEAD])


@given(st.lists(st.binary(max_size=60).filter(lambda b: b"\x1c" not in b and b"\x0b" not in b), max_size=6))
@settings(max_examples=100, deadline=None)
def test_frames_survive_the_wire(contents: list[bytes]) -> None:
    assert read(b"".join(map(frame, contents))) == contents
