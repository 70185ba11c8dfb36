"""A set of numbers as bits: of millions of them, in a few megabytes."""

from __future__ import annotations

_BITS = 1 << 19  # of one page: 64 kB


class NumberSet:
    """Numbers from 0 on that lie near one another."""

    def __init__(self) -> None:
        self._pages: dict[int, bytearray] = {}

    def add(self, number: int) -> bool:
        """Put `number` in; whether it was not there yet."""
        page, bit = divmod(number, _BITS)
        held = self._pages.get(page)
        if held is None:
            held = self._pages[page] = bytearray(_BITS // 8)
        is_new = not held[bit >> 3] >> (bit & 7) & 1
        held[bit >> 3] |= 1 << (bit & 7)
        return is_new

    def __contains__(self, number: int) -> bool:
        page, bit = divmod(number, _BITS)
        held = self._pages.get(page)
        return held is not None and bool(held[bit >> 3] >> (bit & 7) & 1)


class NpiSet:
    """NPIs, each told by its digits before the check digit."""

    def __init__(self) -> None:
        self._numbers = NumberSet()

    def add(self, npi: str) -> bool:
        """Put `npi` in; whether it was not there yet."""
        return self._numbers.add(int(npi[:-1]))

    def __contains__(self, npi: str) -> bool:
        return int(npi[:-1]) in self._numbers
