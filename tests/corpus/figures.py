"""A figure: what was found, the floor or ceiling that it has to keep, and what stands in its way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

MOST_LISTED = 40


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table.

    `bound` is the least that `found` may be, or the most where `is_ceiling`; None where the figure is shown for
    information. `of` says what was counted, `listed` what stands in the way of more.
    """

    measure: str
    what: str
    found: float
    unit: str
    bound: float | None = None
    is_ceiling: bool = False
    of: str = ""
    listed: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether the figure keeps its bound."""
        if self.bound is None:
            return True
        return self.found <= self.bound if self.is_ceiling else self.found >= self.bound

    def as_json(self) -> dict[str, object]:
        """The figure as JSON."""
        return {
            "measure": self.measure,
            "what": self.what,
            "found": self.found,
            "unit": self.unit,
            "bound": self.bound,
            "holds": self.holds,
            "of": self.of,
            "listed": list(self.listed),
        }

    def line(self) -> str:
        """The figure as a line of text."""
        bound = ""
        if self.bound is not None:
            bound = f"{'at most' if self.is_ceiling else 'at least'} {_shown(self.bound, self.unit)}"
        state = " " if self.bound is None else "ok" if self.holds else "LOW" if not self.is_ceiling else "HIGH"
        return f"{state:4} {self.what:66} {_shown(self.found, self.unit):>10}  {bound:18} {self.of}"


def percent(part: int, whole: int) -> float:
    """`part` of `whole`, in percent; all of nothing is 100."""
    return 100.0 * part / whole if whole else 100.0


def counted(counts: Counter[str], examples: dict[str, str] | None = None) -> tuple[str, ...]:
    """Each text with its count, the most frequent first, with an example where there is one."""
    examples = examples or {}
    return tuple(
        f"{count:6} {text}" + (f"   e.g. {examples[text]}" if text in examples else "")
        for text, count in sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    )


def table(figures: Iterable[Figure], most: int = MOST_LISTED) -> str:
    """The figures as text, each followed by at most `most` lines of what stands in its way."""
    lines = []
    for figure in figures:
        lines.append(figure.line())
        lines += [f"       {each}" for each in figure.listed[:most]]
        if len(figure.listed) > most:
            lines.append(f"       ... and {len(figure.listed) - most} more (--all lists them)")
    return "\n".join(lines)


def _shown(value: float, unit: str) -> str:
    if unit == "%":
        # 99.996 is not 100.0
        return f"{int(value * 100) / 100:.2f} %" if value < 100 else "100 %"
    return f"{value:.3f} {unit}" if unit else f"{value:,.0f}"
