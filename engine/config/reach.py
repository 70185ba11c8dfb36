"""What nothing can reach: conditions on the way to a place that contradict one another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from engine.config.bind import BoundFile, Use
from engine.config.paths import condition_lines, conditions
from schemas.ccda.path import is_ccda_path
from schemas.condition import Clause, Condition
from schemas.fhir.path import is_fhir_path
from schemas.message import is_attribute
from transforms.select import drop, keep

_OPPOSITE = {"is": "not", "not": "is", "exists": "exists"}


@dataclass(frozen=True, slots=True)
class _Texts:
    """The texts that can stand at one path: one of `among` (any when None), and whatever `tests` hold for."""

    among: frozenset[str] | None = None
    tests: tuple[Clause, ...] = ()
    lines: tuple[int, ...] = ()

    def with_clause(self, clause: Clause, line: int) -> _Texts:
        among = self.among
        values = frozenset(clause.values)
        if clause.kind == "exists" and clause.values == ("false",):
            values = frozenset({""})
        if clause.kind == "is" or (clause.kind == "exists" and clause.values == ("false",)):
            among = values if among is None else among & values
        return _Texts(among, (*self.tests, clause), (*self.lines, line))

    @property
    def impossible(self) -> bool:
        """Whether no text at all can stand there."""
        return self.among is not None and not any(all(_holds(test, text) for test in self.tests) for text in self.among)


Facts = dict[str, _Texts]
"""What is known of the texts at each path of a message that has come this far."""


def _holds(clause: Clause, text: str) -> bool:
    match clause.kind:
        case "is":
            return text in clause.values
        case "not":
            return text not in clause.values
        case "like":
            return any(fnmatchcase(text, pattern) for pattern in clause.values)
        case _:
            return bool(text) == (clause.values[0] == "true")


def check_reach(file: BoundFile) -> None:
    """Find filters that let nothing pass and routes that no message takes."""
    facts = _through(file, file.steps, {})
    if facts is None:
        return
    for route in file.routes:
        node = route.tree.get("when")
        here = _narrowed(file, facts, route.when, dict(condition_lines(route.when, node)))
        if here is not None:
            _through(file, route.steps, here)


def _through(file: BoundFile, uses: Iterable[Use], facts: Facts) -> Facts | None:
    """What is known after `uses`; None when nothing passes them."""
    for use in uses:
        if use.function not in (keep, drop):
            facts = _after(use, facts)
            continue
        for condition, node in conditions(use):
            lines = dict(condition_lines(condition, node))
            wanted = condition if use.function is keep else _opposite(condition)
            narrowed = _narrowed(file, facts, wanted, lines)
            if narrowed is None:
                return None
            facts = narrowed
    return facts


def _narrowed(file: BoundFile, facts: Facts, condition: Condition, lines: dict[str, int]) -> Facts | None:
    """`facts` with those of `condition`; None, and a finding, when they contradict one another."""
    facts = dict(facts)
    for clause in condition.clauses:
        if clause.is_many:
            continue
        before = facts.get(clause.path, _Texts())
        after = before.with_clause(clause, lines.get(clause.path, 0))
        if after.impossible:
            file.found("HIE306", lines.get(clause.path, 0), f"no text at {clause.path} passes {_places(after)}")
            return None
        facts[clause.path] = after
    return facts


def _places(texts: _Texts) -> str:
    lines = sorted(set(texts.lines))
    if len(lines) == 1:
        return f"line {lines[0]}"
    return f"lines {', '.join(map(str, lines[:-1]))} and {lines[-1]}"


def _opposite(condition: Condition) -> Condition:
    """What holds for messages that `condition` does not hold for, as far as one clause can say it."""
    if len(condition.clauses) != 1 or condition.clauses[0].kind not in _OPPOSITE:
        return Condition()
    clause = condition.clauses[0]
    values = clause.values
    if clause.kind == "exists":
        values = ("false",) if values == ("true",) else ("true",)
    return Condition((replace(clause, kind=_OPPOSITE[clause.kind], values=values),))


def _after(use: Use, facts: Facts) -> Facts:
    """What is still known after a step that may have changed the message."""
    if use.name.text == "validate":
        return facts
    if not use.function.__module__.startswith("transforms."):
        return {}
    written = [text.text for _, text in use.leaves("written-path", "attribute", "element-path")]
    if not written:
        return {}
    touched = set(_roots(written))
    return {path: texts for path, texts in facts.items() if next(_roots([path])) not in touched}


def _roots(paths: Iterable[str]) -> Iterator[str]:
    """The attribute itself, or the segment that a path leads into; all of FHIR is one, and all of a document."""
    for path in paths:
        if is_ccda_path(path):
            yield "C-CDA"
        else:
            yield path if is_attribute(path) else "FHIR" if is_fhir_path(path) else path[:3]
