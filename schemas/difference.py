"""One thing that sets two bodies apart."""

from typing import NamedTuple


class Difference(NamedTuple):
    """One element that is not the same on both sides; an empty text stands for an element that is not there."""

    path: str
    before: str
    after: str
