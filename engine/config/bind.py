"""The tree of a channel file -> a bound channel, and what the lint rules need to know of how it was written."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

from channels.ends import End
from engine.channel import BoundEnd, Channel, Retry, Route
from engine.config.language import (
    CHANNEL_KEYS,
    CHANNEL_NEEDS,
    MOST_PARALLEL,
    ROUTE_KEYS,
    ROUTE_NEEDS,
    keys_of,
    repeats,
    retry,
)
from engine.config.numbers import finding
from engine.config.options import REGISTRY, Signature, SignatureError, signature_of
from engine.config.shape import Problem
from engine.config.suggest import did_you_mean
from engine.config.tree import Entries, Items, Node, Text, plain, written
from schemas.condition import Condition, ConditionError
from schemas.finding import Finding, Severity
from schemas.values import parse_duration
from transforms.registry import Registry
from transforms.step import Step, StepFunction

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,59}\Z")
_TRUE, _FALSE = ("true", "yes"), ("false", "no", "none")

Kind = Literal["inbound", "outbound", "step"]


@dataclass(frozen=True, slots=True)
class Use:
    """One place where a channel file uses an end or a step: its name, and its options as written and as bound."""

    kind: Kind
    name: Text
    options: Node | None
    function: Callable[..., Any]
    signature: Signature
    arguments: Mapping[str, Any]

    def leaves(self, *formats: str) -> list[tuple[str, Text]]:
        """The texts of options (and typed keys) whose type has one of these JSON schema formats, with their places."""
        found = self.signature.leaves(self.options)
        return [(place, text) for place, schema, text in found if schema.get("format") in formats]

    def line_of(self, option: str) -> int:
        """The line of `option`, or of the name where it is not written."""
        key = self.options.key(option) if isinstance(self.options, Entries) else None
        return key.line if key is not None else self.name.line


@dataclass(slots=True)
class BoundRoute:
    """One route as written: what could be bound of it."""

    tree: Entries
    name: Text | None = None
    when: Condition = field(default_factory=Condition)
    steps: list[Use] = field(default_factory=list)
    outbound: Use | None = None
    retry: Retry = field(default_factory=Retry)
    in_order: str | None = None
    parallel: int = 1
    bound: tuple[Step, ...] = ()


@dataclass(slots=True)
class BoundFile:
    """One channel file: what could be bound of it, and what was found; `channel` is None when there is an error."""

    where: str
    tree: Entries | None
    findings: list[Finding] = field(default_factory=list)
    name: Text | None = None
    enabled: bool = True
    inbound: Use | None = None
    steps: list[Use] = field(default_factory=list)
    routes: list[BoundRoute] = field(default_factory=list)
    repeats: timedelta | None = None
    channel: Channel | None = None
    secrets: frozenset[Path] = frozenset()

    @property
    def has_errors(self) -> bool:
        """Whether anything found keeps the channel from being started."""
        return any(each.severity is Severity.ERROR for each in self.findings)

    def uses(self) -> Iterable[Use]:
        """Every use of an end or a step, in the order of the file's meaning: inbound, steps, then route by route."""
        if self.inbound is not None:
            yield self.inbound
        yield from self.steps
        for route in self.routes:
            yield from route.steps
            if route.outbound is not None:
                yield route.outbound

    def found(self, code: str, line: int, what: str, hint: str | None = None) -> None:
        """Note a finding on `line` of this file."""
        self.findings.append(finding(code, f"{self.where}:{line}", what, hint))


def bind(
    tree: Entries,
    where: str,
    *,
    ends: Mapping[str, End],
    steps: Mapping[str, StepFunction],
    site: Path,
    registry: Registry,
    repeats: timedelta | None = None,
) -> BoundFile:
    """The channel that `tree` describes, with the names of `ends` and `steps`; findings call the file `where`.

    Steps that ask for it are handed the site's `registry`. `repeats` is the site's own window for channels that write
    none. Never raises for what the file holds.
    """
    file = BoundFile(where, tree, repeats=repeats)
    _Binder(file, ends, steps, site, registry).bind(tree)
    return file


class _Binder:
    """Binds one file; what is wrong goes to the file's findings and the rest is bound all the same."""

    def __init__(
        self,
        file: BoundFile,
        ends: Mapping[str, End],
        steps: Mapping[str, StepFunction],
        site: Path,
        registry: Registry,
    ) -> None:
        self._registry = registry
        self._file = file
        self._ends = ends
        self._steps = steps
        self._site = site

    def bind(self, tree: Entries) -> None:
        file = self._file
        self._keys(tree, CHANNEL_KEYS, CHANNEL_NEEDS, "a channel")
        file.name = self._name(tree, "channel")
        description = self._text(tree, "description")
        file.enabled = self._enabled(tree)
        file.inbound = self._end(tree, "inbound")
        file.steps, shared = self._step_list(tree)
        file.repeats = self._repeats(tree, file.repeats)
        file.routes = self._routes(tree)
        if file.has_errors or file.name is None or file.inbound is None:
            return
        file.channel = Channel(
            name=file.name.text,
            inbound=_bound_end(self._ends, file.inbound),
            steps=shared,
            routes=tuple(
                Route(
                    name=route.name.text,
                    outbound=_bound_end(self._ends, route.outbound),
                    when=route.when,
                    steps=route.bound,
                    retry=route.retry,
                    in_order=route.in_order,
                    parallel=route.parallel,
                )
                for route in file.routes
                if route.name is not None and route.outbound is not None
            ),
            description=description,
            repeats=file.repeats,
        )

    def _keys(self, tree: Entries, known: Mapping[str, str], needed: Iterable[str], what: str) -> None:
        for key, _ in tree.entries:
            if key.text not in known:
                self._file.found(
                    "HIE201", key.line, f"{what} has no key {key.written!r}", did_you_mean(key.text, known)
                )
        for name in needed:
            if tree.get(name) is None:
                self._file.found("HIE205", tree.line, f"{what} needs {name!r}", f"write {name}: ...")

    def _name(self, tree: Entries, key: str) -> Text | None:
        node = tree.get(key)
        if node is None:
            return None
        if not isinstance(node, Text) or not _NAME.match(node.text):
            shown = repr(node.written) if isinstance(node, Text) else "this"
            self._file.found("HIE208", node.line, f"{shown} cannot be the name of a {key}")
            return None
        return node

    def _text(self, tree: Entries, key: str) -> str:
        node = tree.get(key)
        if node is None or isinstance(node, Text):
            return node.text if node is not None else ""
        self._file.found("HIE206", node.line, f"{key} is a text", 'a text that begins with { or [ needs quotes: "..."')
        return ""

    def _enabled(self, tree: Entries) -> bool:
        node = tree.get("enabled")
        if node is None:
            return True
        if not isinstance(node, Text) or node.text.lower() not in _TRUE + _FALSE:
            self._file.found("HIE206", node.line, "enabled is true or false", "write enabled: false")
        return not (isinstance(node, Text) and node.text.lower() in _FALSE)

    def _repeats(self, tree: Entries, default: timedelta | None) -> timedelta | None:
        node = tree.get("repeats")
        if node is None:
            return default
        if isinstance(node, Text):
            if node.text.lower() in _FALSE:
                return None
            try:
                return parse_duration(node.text)
            except ValueError as error:
                self._file.found("HIE206", node.line, f"repeats: {error}", "write repeats: 1h, or repeats: none")
                return default
        arguments = self._convert(keys_of(repeats), node, node.line, "repeats")
        return None if arguments is None else repeats(**arguments)

    def _end(self, tree: Entries, direction: Literal["inbound", "outbound"]) -> Use | None:
        node = tree.get(direction)
        if node is None:
            return None
        named = self._named(node, f"{direction} is one end", self._ends)
        if named is None:
            return None
        name, options = named
        end = self._ends.get(name.text)
        if end is None:
            self._file.found(
                "HIE202", name.line, f"there is no end {name.written!r}", did_you_mean(name.text, self._ends)
            )
            return None
        function = end.inbound if direction == "inbound" else end.outbound
        if function is None:
            others = sorted(each.name for each in self._ends.values() if getattr(each, direction) is not None)
            hint = f"{direction} ends are {', '.join(others)}"
            self._file.found("HIE207", name.line, f"{name.text} is no {direction} end", hint)
            return None
        return self._use(direction, name, options, function)

    def _step_list(self, tree: Entries) -> tuple[list[Use], tuple[Step, ...]]:
        node = tree.get("steps")
        if node is None or (isinstance(node, Text) and node.is_empty):
            return [], ()
        items = node.items if isinstance(node, Items) else (node,)
        uses = [use for use in map(self._step, items) if use is not None]
        return uses, tuple(_bound_step(use, self._registry) for use in uses)

    def _step(self, node: Node) -> Use | None:
        named = self._named(node, "an item of steps is one step", self._steps)
        if named is None:
            return None
        name, options = named
        function = self._steps.get(name.text)
        if function is None:
            self._file.found(
                "HIE203", name.line, f"there is no step {name.written!r}", did_you_mean(name.text, self._steps)
            )
            return None
        return self._use("step", name, options, function)

    def _named(self, node: Node, what: str, known: Mapping[str, object]) -> tuple[Text, Node | None] | None:
        """The name and the options of `name` or `name: {options}`."""
        if isinstance(node, Text):
            return node, None
        if isinstance(node, Entries) and len(node.entries) == 1:
            return node.entries[0]
        hint = None
        if isinstance(node, Entries) and len(node.entries) > 1 and node.entries[0][0].text in known:
            first = node.entries[0][0].text
            second = node.entries[1][0].text
            if second in known:
                hint = f"a list of its own for each: - {first}: ... then - {second}: ..."
            else:
                hint = f"indent {second!r} and what follows under {first!r}"
        self._file.found("HIE212", node.line, what, hint)
        return None

    def _use(self, kind: Kind, name: Text, options: Node | None, function: Callable[..., Any]) -> Use | None:
        try:
            signature = signature_of(function)
        except SignatureError as error:
            self._file.found("HIE215", name.line, f"{name.text}: {error}")
            return None
        arguments = self._convert(signature, options, name.line, name.text)
        return None if arguments is None else Use(kind, name, options, function, signature, arguments)

    def _convert(self, signature: Signature, node: Node | None, line: int, name: str) -> dict[str, Any] | None:
        arguments, problems = signature.convert(node, self._site)
        for problem in problems:
            self._report(problem, line, name)
        return None if problems else arguments

    def _report(self, problem: Problem, line: int, name: str) -> None:
        self._file.found(problem.code, problem.node.line or line, f"{name}: {problem.what}", problem.hint)

    def _routes(self, tree: Entries) -> list[BoundRoute]:
        node = tree.get("routes")
        if node is None or (isinstance(node, Text) and node.is_empty):
            return []
        routes = []
        for item in node.items if isinstance(node, Items) else (node,):
            if isinstance(item, Entries):
                routes.append(self._route(item))
            else:
                self._file.found("HIE206", item.line, "a route is a mapping", "write - route: a-name")
        return routes

    def _route(self, tree: Entries) -> BoundRoute:
        self._keys(tree, ROUTE_KEYS, ROUTE_NEEDS, "a route")
        route = BoundRoute(tree, self._name(tree, "route"))
        route.when = self._condition(tree)
        route.steps, route.bound = self._step_list(tree)
        route.outbound = self._end(tree, "outbound")
        route.in_order = self._in_order(tree)
        route.parallel = self._parallel(tree)
        node = tree.get("retry")
        if node is not None:
            arguments = self._convert(keys_of(retry), node, node.line, "retry")
            route.retry = Retry() if arguments is None else retry(**arguments)
        return route

    def _condition(self, tree: Entries) -> Condition:
        node = tree.get("when")
        if node is None:
            return Condition()
        if not isinstance(node, Entries):
            self._file.found("HIE209", node.line, "a condition is a mapping of paths and values")
            return Condition()
        value = plain(node)
        try:
            return Condition.read(value if isinstance(value, dict) else {})
        except ConditionError as error:
            key = node.key(str(error).partition(":")[0])
            self._file.found("HIE209", (key or node).line, str(error))
            return Condition()

    def _in_order(self, tree: Entries) -> str | None:
        node = tree.get("in_order")
        if node is None:
            return None
        if not isinstance(node, Text) or not node.text:
            self._file.found("HIE206", node.line, "in_order is true or one path", "write in_order: PID-3.1")
            return None
        if node.text.lower() in _TRUE + _FALSE:
            return "true" if node.text.lower() in _TRUE else None
        return node.text

    def _parallel(self, tree: Entries) -> int:
        node = tree.get("parallel")
        if node is None:
            return 1
        if isinstance(node, Text) and re.fullmatch(r"[1-9]\d{0,2}", node.text) and int(node.text) <= MOST_PARALLEL:
            return int(node.text)
        self._file.found("HIE206", node.line, f"parallel is a whole number from 1 to {MOST_PARALLEL}", "")
        return 1


def _bound_end(ends: Mapping[str, End], use: Use) -> BoundEnd:
    return BoundEnd(ends[use.name.text], dict(use.arguments))


def _bound_step(use: Use, registry: Registry) -> Step:
    """The step of one line."""
    shown = written(Entries(((use.name, use.options),), use.name.line)) if use.options is not None else use.name.written
    if use.signature.takes_value:
        return Step(use.name.text, use.function, tuple(use.arguments.values()), None, shown)
    arguments = dict(use.arguments) | ({REGISTRY: registry} if use.signature.takes_registry else {})
    return Step(use.name.text, use.function, (), arguments or None, shown)
