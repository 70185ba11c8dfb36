"""What became of each populated element of a converted message."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Fate = Literal["mapped", "kept", "left out", "unmapped"]


@dataclass(frozen=True, slots=True)
class Use:
    """What became of the element at `path`, never its value.

    `mapped`: a map reads it, and `targets` are the places of the output that depend on it, where they were looked for.
    `kept`: no map reads it, and the output carries it as it was. `left out`: on purpose, for `reason`. `unmapped`: it
    is not carried, and a finding says so.
    """

    path: str
    use: Fate
    targets: tuple[str, ...] = ()
    reason: str = ""
