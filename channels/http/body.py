"""The body of a request: collected up to a limit, decompressed up to the same limit."""

from __future__ import annotations

import zlib

ENCODINGS = ("gzip", "x-gzip")
"""The content codings that are understood beside `identity`."""

_GZIP = 16 + zlib.MAX_WBITS


class TooLargeError(Exception):
    """The body, or what it decompresses to, is larger than the limit."""


class DamagedError(Exception):
    """The body is not in the coding that its header names."""


class Body:
    """Collects the chunks of one body, at most `limit` bytes of it as it is and as it decompresses."""

    def __init__(self, limit: int, coding: str = "") -> None:
        self._limit = limit
        self._coding = coding
        self._inflate = zlib.decompressobj(_GZIP)
        self._parts: list[bytes] = []
        self._size = 0
        self._came = 0

    def add(self, chunk: bytes) -> None:
        """Take the next chunk; raises `TooLargeError` and `DamagedError`."""
        self._came += len(chunk)
        if self._came > self._limit:
            raise TooLargeError
        if not self._coding:
            self._keep(chunk)
            return
        while chunk:
            if self._inflate.eof:  # gzip allows several members after each other (RFC 1952, 2.2)
                self._inflate = zlib.decompressobj(_GZIP)
            try:
                self._keep(self._inflate.decompress(chunk, self._limit - self._size + 1))
            except zlib.error:
                raise DamagedError from None
            chunk = self._inflate.unconsumed_tail or self._inflate.unused_data

    def whole(self) -> bytes:
        """The body; raises `DamagedError` when compressed data ends early."""
        if self._coding and not self._inflate.eof:
            raise DamagedError
        return b"".join(self._parts)

    def _keep(self, part: bytes) -> None:
        self._size += len(part)
        if self._size > self._limit:
            raise TooLargeError
        self._parts.append(part)
