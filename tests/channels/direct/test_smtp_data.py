"""The text of a mail on the wire: where it ends, whatever the pieces it comes in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.direct.smtp.data import END, DataText


def taken(wire: bytes, *cuts: int) -> tuple[bytes, DataText]:
    """What `wire` holds, fed in pieces cut at `cuts`."""
    text, found, begin = DataText(), b"", 0
    for cut in (*sorted(cuts), len(wire)):
        piece, begin = wire[begin:cut], cut
        if text.is_ended:
            text.rest += piece
        elif piece:
            found += text.feed(piece)
    return found, text


@pytest.mark.parametrize(
    ("wire", "mail", "rest"),
    [
        (b".\r\n", b"", b""),
        (b"a\r\n.\r\n", b"a\r\n", b""),
        (b"\r\n.\r\n", b"\r\n", b""),
        (b"..\r\n.\r\nQUIT\r\n", b".\r\n", b"QUIT\r\n"),
        (b"a\r\n..b\r\n.c\r\n.\r\n", b"a\r\n.b\r\nc\r\n", b""),
        (b"a.\r\n.\r\n.\r\n", b"a.\r\n", b".\r\n"),
    ],
)
def test_the_mail_is_what_was_meant_cut_anywhere(wire: bytes, mail: bytes, rest: bytes) -> None:
    for first in range(len(wire) + 1):
        for second in range(first, len(wire) + 1):
            found, text = taken(wire, first, second)
            assert (found, text.is_ended, text.rest, text.bare) == (mail, True, rest, False)


@pytest.mark.parametrize("end", [b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r\n.\r"])
def test_what_only_some_servers_take_for_the_end_is_none_and_is_seen(end: bytes) -> None:
    wire = b"a" + end + b"MAIL FROM:<x@y.example>\r\n" + END.removeprefix(b"\r\n")
    for cut in range(len(wire)):
        found, text = taken(wire, cut)
        assert text.is_ended
        assert text.bare
        assert b"MAIL FROM" in found


def test_the_longest_line_is_measured_across_pieces() -> None:
    wire = b"short\r\n" + b"x" * 998 + b"\r\nend\r\n.\r\n"
    assert {taken(wire, cut)[1].longest for cut in range(0, len(wire), 7)} == {998}
    assert taken(b"x" * 5000, 1000, 2000)[1].longest > 998


@given(st.lists(st.binary(max_size=40).map(lambda line: line.replace(b"\r", b"").replace(b"\n", b""))), st.data())
def test_what_is_stuffed_comes_out_as_it_was(lines: list[bytes], data: st.DataObject) -> None:
    mail = b"".join(line + b"\r\n" for line in lines)
    wire = b"".join((b"." + line if line.startswith(b".") else line) + b"\r\n" for line in lines) + b".\r\n"
    cuts = data.draw(st.lists(st.integers(0, len(wire)), max_size=5))
    found, text = taken(wire + b"NOOP\r\n", *cuts)
    assert (found, text.is_ended, text.rest, text.bare) == (mail, True, b"NOOP\r\n", False)
    assert text.longest == max((len(line) for line in lines), default=0)
