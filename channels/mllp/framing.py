"""MLLP frames (HL7 Minimal Lower Layer Protocol, release 1): bytes in, events out, no socket.

A frame is `<VT> content <FS> <CR>`. What the standard leaves to luck is decided here:

- FS ends a frame only when CR or the VT of the next frame follows it; any other FS belongs to the content. A partner
  that leaves the CR out is served too: the reader's owner calls `flush` when nothing followed (or makes it `eager`).
- VT followed by a header segment inside a frame starts anew: the sender gave up the frame before. Any other VT belongs
  to the content (word processors leave them in texts as soft line breaks).
- Line ends and NULs between frames are silence; everything else there is junk, told of with its size.
- A frame longer than the limit is not kept: its beginning and its size are told when it ends.

The events do not depend on how the bytes were cut into reads.
"""

from __future__ import annotations

from dataclasses import dataclass

VT = b"\x0b"
FS = b"\x1c"
CR = b"\r"
END = FS + CR

HEAD = 1024
"""How much of an oversized frame is kept: enough for its header segment."""
START = 8
"""How much of junk is kept: enough to tell which other protocol is spoken."""

_VT, _CR = VT[0], CR[0]
_SILENCE = b"\r\n\x00"
_HEADERS = (b"MSH", b"FHS", b"BHS")


@dataclass(frozen=True, slots=True)
class Junk:
    """`size` bytes that were in no frame; `start` is at most the first 8 of them, for guessing, not for showing."""

    size: int
    start: bytes


@dataclass(frozen=True, slots=True)
class Oversized:
    """A frame of `size` bytes, more than the limit; `head` is at most its first 1,024."""

    size: int
    head: bytes


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A frame of which `size` bytes came and no end: its sender started anew or went away."""

    size: int


Event = bytes | Junk | Oversized | Unfinished
"""What was read: the content of a frame, or what was wrong."""


def frame(content: bytes) -> bytes:
    """`content` between the block characters; raises `ValueError` when a receiver could take a part for the whole."""
    if FS in content or (VT in content and _given_up(content) >= 0):
        raise ValueError("the content holds the bytes that begin or end an MLLP frame")
    return b"\x0b%b\x1c\r" % content


def _given_up(content: bytes) -> int:
    """Where the last frame begins in `content`, -1 when it is one frame only."""
    return max(content.rfind(VT + header) for header in _HEADERS)


class FrameReader:
    """Cuts a stream of bytes into frames of at most `limit` bytes of content.

    It never holds more than `limit` bytes and one read. With `eager`, FS alone ends a frame: for the side that waits
    for one answer at a time and must not wait for a CR that may not come.
    """

    __slots__ = ("_buffer", "_eager", "_in_frame", "_junk", "_junk_start", "_limit", "_skipped")

    def __init__(self, limit: int, *, eager: bool = False) -> None:
        self._limit = limit
        self._eager = eager
        self._buffer = bytearray()  # the content so far, without VT; the head only, once it is too long
        self._in_frame = False
        self._skipped = 0  # bytes of the frame that were let go, once it is too long
        self._junk = 0
        self._junk_start = b""

    @property
    def in_frame(self) -> bool:
        """Whether a frame has begun and not ended."""
        return self._in_frame

    @property
    def wants_flush(self) -> bool:
        """Whether the bytes so far are a whole frame, but for the CR after its FS."""
        return self._in_frame and self._buffer.endswith(FS)

    def feed(self, data: bytes) -> list[Event]:
        """The events that `data` completes, in order."""
        # Nearly every read is exactly one frame; this saves two copies of it.
        if not self._in_frame and not self._junk and data.startswith(VT) and data.endswith(END):
            content = data[1:-2]
            if len(content) <= self._limit and FS not in content and VT not in content:
                return [content]
        events: list[Event] = []
        start = 0
        while start < len(data):
            read = self._read_frame if self._in_frame else self._read_between
            start = read(data, start, events)
        return events

    def flush(self) -> list[Event]:
        """The frame that only lacks the CR after its FS; nothing when there is none."""
        if not self.wants_flush:
            return []
        events: list[Event] = []
        self._end_frame(bytes(self._buffer[:-1]), events)
        return events

    def close(self) -> list[Event]:
        """The events that the end of the stream brings; the reader is as new afterwards."""
        events: list[Event] = list(self.flush())
        self._end_junk(events)
        if self._in_frame:
            events.append(Unfinished(len(self._buffer) + self._skipped))
        self._start_frame()
        self._in_frame = False
        return events

    def _start_frame(self) -> None:
        self._buffer = bytearray()
        self._in_frame = True
        self._skipped = 0

    def _read_between(self, data: bytes, start: int, events: list[Event]) -> int:
        at = data.find(VT, start)
        junk = data[start : len(data) if at < 0 else at]
        noise = len(junk) - sum(map(junk.count, (b"\r", b"\n", b"\x00")))
        if noise:
            self._junk += noise
            if len(self._junk_start) < START:
                self._junk_start = (self._junk_start + junk.translate(None, _SILENCE)[:START])[:START]
        if at < 0:
            return len(data)
        self._end_junk(events)
        self._start_frame()
        return at + 1

    def _end_junk(self, events: list[Event]) -> None:
        if self._junk:
            events.append(Junk(self._junk, self._junk_start))
            self._junk = 0
            self._junk_start = b""

    def _read_frame(self, data: bytes, start: int, events: list[Event]) -> int:
        """Take bytes of a frame from `data[start:]`; returns where the next frame or the space between begins."""
        buffer = self._buffer
        if buffer.endswith(FS) and data[start] in (_CR, _VT):
            self._end_frame(bytes(buffer[:-1]), events)
            return start + (data[start] == _CR)
        at = start
        while (at := data.find(FS, at)) >= 0:
            follower = data[at + 1] if at + 1 < len(data) else None
            if self._eager or follower in (_CR, _VT):
                self._end_frame(bytes(buffer + data[start:at]) if buffer else data[start:at], events)
                return at + (2 if follower == _CR else 1)
            at += 1
        buffer += data[start:] if start else data
        self._restrain()
        return len(data)

    def _restrain(self) -> None:
        """Let go of the middle of a frame that is too long: keep its head, and the last byte, which may be FS."""
        excess = len(self._buffer) - 1
        if excess + self._skipped > self._limit and excess > HEAD:
            self._skipped += excess - HEAD
            del self._buffer[HEAD:-1]

    def _end_frame(self, content: bytes, events: list[Event]) -> None:
        """Tell of the frame whose kept bytes are `content`."""
        size = len(content) + self._skipped
        if size > self._limit:
            events.append(Oversized(size, content[:HEAD]))
        elif VT in content and (given_up := _given_up(content)) >= 0:
            events += [Unfinished(given_up), content[given_up + 1 :]]
        else:
            events.append(content)
        self._buffer = bytearray()
        self._in_frame = False
        self._skipped = 0
