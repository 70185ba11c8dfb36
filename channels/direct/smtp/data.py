"""The text of a mail as SMTP carries it: dots and the end of it taken away, and what may not be in it refused.

Pure: bytes as they come in, bytes of the mail out.
"""

from __future__ import annotations

END = b"\r\n.\r\n"
LONGEST_LINE = 998
"""Bytes of a line, without its CRLF (RFC 5322, 2.1.1)."""

_MOST_PARTIAL = len(END) - 1


class DataText:
    """The text that follows the DATA command, fed as it comes."""

    def __init__(self) -> None:
        self.is_ended = False
        self.rest = b""
        """What came after the end."""
        self.bare = False
        """Whether a CR or LF stood by itself: what one server takes for the end of a line, another does not."""
        self.longest = 0
        """The length of the longest line, without its CRLF."""
        self._held = b"\r\n"  # as if a line had ended before: a text may be empty
        self._is_begun = False
        self._column = 0

    def feed(self, chunk: bytes) -> bytes:
        """What of the mail is certain after `chunk`; nothing may be fed after the end."""
        data = self._held + chunk
        end = data.find(END)
        if end >= 0:
            self.is_ended = True
            self.rest = data[end + len(END) :]
            return self._text(data[: end + 2])
        # What may be the beginning of the end, or of a line with a dot, waits for more.
        cut = data.find(b"\r", max(0, len(data) - _MOST_PARTIAL))
        if cut < 0:
            cut = len(data)
        self._held = data[cut:]
        return self._text(data[:cut])

    def _text(self, data: bytes) -> bytes:
        if not data:
            return data
        pairs = data.count(b"\r\n")
        self.bare = self.bare or not data.count(b"\r") == pairs == data.count(b"\n")
        text = data.replace(b"\r\n.", b"\r\n")
        if not self._is_begun:
            self._is_begun = True
            text = text[2:]
        self._measure(text)
        return text

    def _measure(self, text: bytes) -> None:
        first, *others = text.split(b"\n")
        self._column += len(first)
        if others:
            self.longest = max(self.longest, self._column - 1, *(len(line) - 1 for line in others[:-1]))
            self._column = len(others[-1])
        self.longest = max(self.longest, self._column - 1)
