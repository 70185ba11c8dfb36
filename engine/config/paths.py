"""Paths, templates and attributes: whether each addresses something, and whether something has set it by then."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from engine.config.bind import BoundFile, Use
from engine.config.suggest import did_you_mean
from engine.config.tree import Entries, Node, Text
from schemas.ccda import CcdaError
from schemas.ccda.path import CcdaPath, is_ccda_path
from schemas.condition import Condition
from schemas.error import BodyError
from schemas.fhir.check import readable_path
from schemas.fhir.error import FhirError
from schemas.fhir.path import is_fhir_path
from schemas.hl7v2.path import Path
from schemas.message import is_attribute, template_paths

OWN_FACTS = frozenset(f"message.{fact}" for fact in ("id", "channel", "format", "received", "size"))
"""The attributes that every message has."""

_QUOTED = re.compile(r"`([a-z][a-z0-9_]*(?:\.[a-z0-9_]+)+)`")
_BRACES = re.compile(r"\{\{|\}\}|\{[^{}]*\}")


def path_problem(text: str) -> tuple[str, str] | None:
    """Why `text` is no path, and what to write instead; None when it is one."""
    if is_attribute(text):
        return None
    try:
        if is_ccda_path(text):
            CcdaPath.parse(text)
        elif is_fhir_path(text):
            readable_path(text)
        else:
            Path.parse(text)
    except (CcdaError, FhirError) as error:
        return f"{text[:60]}: {error.args[0]}", error.hint
    except BodyError as error:
        return f"{text[:40]!r} is no path", error.hint
    return None


@dataclass(slots=True)
class _Known:
    """The attributes that may be set at one place; `anything` when a step before it may set whatever it likes."""

    names: set[str] = field(default_factory=lambda: set(OWN_FACTS))
    prefixes: set[str] = field(default_factory=lambda: {"body."})
    anything: bool = False

    def has(self, name: str) -> bool:
        if name.startswith("message."):
            return name in OWN_FACTS
        return self.anything or name in self.names or any(name.startswith(each) for each in self.prefixes)

    def copy(self) -> _Known:
        return _Known(set(self.names), set(self.prefixes), self.anything)

    def add(self, use: Use) -> None:
        """Take up what the end or step `use` sets: what it declares or documents, and what its options name."""
        declared = getattr(use.function, "attributes" if use.kind == "inbound" else "sets", None)
        for _, text in use.leaves("written-path", "attribute"):
            self.names.add(text.text)
        if declared is not None:
            self.names.update(declared)
            return
        own = f"{use.name.text}."
        documented = {name for name in _QUOTED.findall(use.signature.details) if name.startswith(own)}
        self.names.update(documented)
        if not documented:
            self.prefixes.add(own)
        if use.kind == "step" and not use.function.__module__.startswith("transforms."):
            self.anything = True


def check_paths(file: BoundFile) -> None:
    """Find paths and templates that address nothing, and attributes that nothing before has set."""
    known = _Known()
    if file.inbound is not None:
        known.add(file.inbound)
    elif file.tree is not None:
        known.anything = True
    _steps(file, file.steps, known)
    for route in file.routes:
        here = known.copy()
        if not _all_bound(file, route.tree) or not _all_bound(file, file.tree):
            here.anything = True
        for path, line in condition_lines(route.when, route.tree.get("when")):
            _path(file, path, line, here)
        _steps(file, route.steps, here)
        if route.outbound is not None:
            _leaves(file, route.outbound, here)
        node = route.tree.get("in_order")
        if route.in_order not in (None, "true") and isinstance(node, Text):
            _path(file, node.text, node.line, here)


def _all_bound(file: BoundFile, tree: Entries | None) -> bool:
    """Whether every step under `tree` could be bound; one that could not might have set anything."""
    node = tree.get("steps") if tree is not None else None
    if node is None:
        return True
    if isinstance(node, Text):
        count = 0 if node.is_empty else 1
    else:
        count = 1 if isinstance(node, Entries) else len(node.items)
    bound = next((len(route.steps) for route in file.routes if route.tree is tree), len(file.steps))
    return bound == count


def _steps(file: BoundFile, uses: Iterable[Use], known: _Known) -> None:
    for use in uses:
        _leaves(file, use, known)
        known.add(use)


def _leaves(file: BoundFile, use: Use, known: _Known) -> None:
    for condition, node in conditions(use):
        for path, line in condition_lines(condition, node):
            _path(file, path, line, known)
    for _, text in use.leaves("message-path"):
        _path(file, text.text, text.line, known)
    for _, text in use.leaves("template"):
        _template(file, text, known)


def conditions(use: Use) -> Iterator[tuple[Condition, Node | None]]:
    """The conditions among the options of `use`, each with the node that writes it."""
    for name, value in use.arguments.items():
        if isinstance(value, Condition):
            if use.signature.takes_value:
                yield value, use.options
            else:
                yield value, use.options.get(name.rstrip("_")) if isinstance(use.options, Entries) else None


def condition_lines(condition: Condition, node: Node | None) -> Iterator[tuple[str, int]]:
    """Each path of `condition` once, with its line."""
    for path in dict.fromkeys(clause.path for clause in condition.clauses):
        key = node.key(path) if isinstance(node, Entries) else None
        yield path, key.line if key is not None else (node.line if node is not None else 0)


def _template(file: BoundFile, text: Text, known: _Known) -> None:
    if re.search(r"[{}]", _BRACES.sub("", text.text)):
        file.found("HIE211", text.line, f"{text.written[:60]!r} has a brace without its other half")
    for path in template_paths(text.text):
        _path(file, path, text.line, known, shown=text.written if text.is_expanded else path)


def _path(file: BoundFile, path: str, line: int, known: _Known, shown: str = "") -> None:
    problem = path_problem(path)
    if problem is not None:
        what = problem[0] if not shown or shown == path else f"{shown[:60]!r} holds what is no path"
        file.found("HIE210", line, what, problem[1] or None)
    elif is_attribute(path) and not known.has(path):
        names = OWN_FACTS if path.startswith("message.") else known.names
        near = did_you_mean(path, names) or ""
        hint = near if near.startswith("did you mean") else None
        file.found("HIE305", line, f"nothing before this sets {path}", hint)
