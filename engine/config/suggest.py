""" "Did you mean": the known name that is nearest to an unknown one."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """`did you mean mllp?`, or the known names when they are few; None when there is nothing to say."""
    names = sorted(set(known))
    folded = {each.lower().replace("-", "_"): each for each in names}
    near = get_close_matches(name.lower().replace("-", "_")[:60], folded, n=1, cutoff=0.6)
    if near:
        return f"did you mean {folded[near[0]]}?"
    if 0 < len(names) <= 12:
        return f"one of {', '.join(names)}"
    return None
