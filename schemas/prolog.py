"""What stands before the root of an XML document, passed over without a parser."""

from __future__ import annotations

import re

_BLANK = re.compile(rb"[ \t\r\n]*")
_CLOSED_BY = ((b"<!--", b"-->"), (b"<?", b"?>"))


def prolog_end(head: bytes) -> int:
    """Where the root or a document type begins in `head`: after white space, comments and processing instructions.

    One of those that is not closed is where it ends.
    """
    at = 0
    while True:
        blank = _BLANK.match(head, at)
        at = blank.end() if blank else at
        for opening, closing in _CLOSED_BY:
            if head.startswith(opening, at):
                end = head.find(closing, at + len(opening))
                break
        else:
            return at
        if end < 0:
            return at
        at = end + len(closing)
