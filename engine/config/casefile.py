"""The cases beside a channel, `channels/NAME.cases.yaml`: YAML -> cases, with a finding for each mistake."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from engine.config.expect import RECEIPTS, ChildExpected, Expected, RouteExpected
from engine.config.load import load, read
from engine.config.paths import path_problem
from engine.config.sample import RECEIVED, SampleError, read_sample
from engine.config.suggest import did_you_mean
from engine.config.tree import Entries, Items, Node, Text, plain
from schemas.ccda.path import is_ccda_path
from schemas.condition import Condition, ConditionError
from schemas.fhir.path import FhirPath, is_fhir_path
from schemas.finding import Finding
from schemas.message import is_attribute

SUFFIX = ".cases.yaml"

_CASE_KEYS = ("case", "before", "received", "message", "with", "from", "expect")
_BEFORE_KEYS = ("channel", "message", "with", "from")
_EXPECT_KEYS = ("receipt", "filtered", "failed", "routes")
_HEADERS = ("MSH", "FHS", "BHS")
_JSON = "{"


@dataclass(frozen=True, slots=True)
class Given:
    """A message of a case, the attributes it comes with, and the elements changed in it first.

    `channel` is the channel that receives it, "" for the one that the case is about.
    """

    body: bytes = field(repr=False)
    attributes: Mapping[str, str] = field(default_factory=dict)
    edits: Mapping[str, str] = field(default_factory=dict)
    channel: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """One case: what came before, a message, when it is received, and what is expected of it."""

    name: str
    where: str
    given: Given
    before: tuple[Given, ...] = ()
    received: datetime = RECEIVED
    expected: Expected = field(default_factory=Expected)


class _CaseError(Exception):
    """A case cannot be run; carries the line, what is wrong, and what to write."""

    def __init__(self, node: Node, what: str, hint: str = "") -> None:
        super().__init__(what)
        self.line = node.line
        self.what = what
        self.hint = hint


def cases_of(channel_file: str) -> str:
    """The file of the cases of the channel in `channels/adt.yaml`: `channels/adt.cases.yaml`."""
    return str(Path(channel_file).with_suffix("")) + SUFFIX


def read_cases(
    folder: Path, where: str, routes: Iterable[str], channels: Iterable[str] = ()
) -> tuple[list[Case], list[Finding]]:
    """The cases in the file `where` of the site in `folder`, for a channel with `routes`, and what is wrong with it.

    `channels` are those that messages may have come in by before.

    A case that has a mistake is a finding (HIE501) and not run.
    """
    content, problem = read(folder / where, where)
    if problem is not None:
        return [], [problem]
    loaded = load(content, where)
    if loaded.tree is None:
        return [], list(loaded.findings)
    reader = _Reader(folder, where, tuple(routes), tuple(channels))
    return reader.cases(loaded.tree), [*loaded.findings, *reader.findings]


class _Reader:
    """Reads one file of cases."""

    def __init__(self, folder: Path, where: str, routes: tuple[str, ...], channels: tuple[str, ...]) -> None:
        self._folder = folder
        self._where = where
        self._routes = routes
        self._channels = channels
        self.findings: list[Finding] = []

    def cases(self, tree: Entries) -> list[Case]:
        try:
            _only(tree, ("cases",), "a file of cases")
            items = _items(_needed(tree, "cases"), "cases is a list")
        except _CaseError as error:
            self._note(error)
            return []
        found: dict[str, Case] = {}
        for item in items:
            try:
                case = self._case(item, found)
                found[case.name] = case
            except _CaseError as error:
                self._note(error)
        return list(found.values())

    def _note(self, error: _CaseError) -> None:
        self.findings.append(Finding("HIE501", f"{self._where}:{error.line}", error.what, error.hint))

    def _case(self, node: Node, others: Mapping[str, Case]) -> Case:
        tree = _entries(node, "a case is a mapping")
        _only(tree, _CASE_KEYS, "a case")
        name = _text(_needed(tree, "case"), "case is a text")
        if name in others:
            raise _CaseError(tree, f"there is a case {name!r} already", "give each case its own name")
        before = tree.get("before")
        return Case(
            name,
            f"{self._where}:{tree.line}",
            self._given(tree),
            tuple(self._before(item) for item in _items(before, "before is a list of messages")) if before else (),
            _moment(tree.get("received")),
            self._expected(_entries(_needed(tree, "expect"), "expect is a mapping")),
        )

    def _given(self, tree: Entries, channel: str = "") -> Given:
        return Given(
            self._body(_needed(tree, "message")),
            dict(self._texts(tree.get("from"), attributes=True)),
            dict(self._texts(tree.get("with"), attributes=False)),
            channel,
        )

    def _before(self, node: Node) -> Given:
        """A message that came before: its file or text alone, or with its channel, `with` and `from`."""
        if isinstance(node, Text):
            return Given(self._body(node))
        tree = _entries(node, "a message that came before is a file, or a mapping")
        _only(tree, _BEFORE_KEYS, "a message that came before")
        name = _text(tree.get("channel") or Text("", tree.line), "channel is the name of a channel")
        if name and name not in self._channels:
            hint = did_you_mean(name, self._channels) or "channels without an error are known here"
            raise _CaseError(tree, f"there is no channel {name!r}", hint)
        return self._given(tree, name)

    def _body(self, node: Node) -> bytes:
        text = _text(node, "message is a file of the site, or the message itself after `message: |`")
        if "\n" in text.strip() or text.startswith((*_HEADERS, _JSON)):
            ended = text.replace("\n", "\r") if text.startswith(_HEADERS) else text
            return ended.encode()
        return self._file(node, text)

    def _file(self, node: Node, name: str) -> bytes:
        try:
            return read_sample(self._folder / name, name)
        except SampleError as error:
            raise _CaseError(node, str(error), "files are named relative to the site's folder") from error

    def _texts(self, node: Node | None, attributes: bool) -> Iterable[tuple[str, str]]:
        if node is None:
            return
        for key, value in _entries(node, "write a mapping of paths and texts").entries:
            problem = path_problem(key.text)
            if problem is not None:
                raise _CaseError(key, *problem)
            if is_attribute(key.text) is not attributes:
                wanted = "from names attributes (mllp.peer)" if attributes else "with names elements (PID-3.1)"
                raise _CaseError(key, f"{key.written}: {wanted}", "attributes go under from, elements under with")
            yield key.text, _text(value, f"{key.written}: a text")

    def _expected(self, tree: Entries) -> Expected:
        _only(tree, _EXPECT_KEYS, "expect")
        if not tree.entries:
            raise _CaseError(tree, "the case expects nothing", f"write one of {', '.join(_EXPECT_KEYS)}")
        routes = tree.get("routes")
        return Expected(
            self._receipt(tree.get("receipt")),
            _reason(tree.get("filtered")),
            _reason(tree.get("failed")),
            None if routes is None else self._by_route(_entries(routes, "routes is a mapping of route names")),
        )

    def _receipt(self, node: Node | None) -> str | None:
        if node is None:
            return None
        text = _text(node, "receipt is a text")
        if text not in RECEIPTS:
            raise _CaseError(node, f"there is no receipt {text!r}", f"one of {', '.join(RECEIPTS)}")
        return text

    def _by_route(self, tree: Entries) -> dict[str, RouteExpected]:
        for key, _ in tree.entries:
            if key.text not in self._routes:
                hint = did_you_mean(key.text, self._routes) or "the channel has no routes"
                raise _CaseError(key, f"the channel has no route {key.written!r}", hint)
        return {key.text: self._route(value) for key, value in tree.entries}

    def _route(self, node: Node) -> RouteExpected:
        if isinstance(node, Text):
            if node.text == "any":
                return RouteExpected()
            if node.text == "none":
                return RouteExpected(0)
            if node.text.isdecimal() and len(node.text) < 6:
                return RouteExpected(int(node.text))
            raise _CaseError(node, "what a route gets is none, any, a number, or what each message is")
        items = node.items if isinstance(node, Items) else (node,)
        return RouteExpected(len(items), tuple(self._child(item) for item in items))

    def _child(self, node: Node) -> ChildExpected:
        tree = _entries(node, "a message is paths and values, or file: NAME")
        file, ignore = tree.get("file"), tree.get("ignore")
        rest = Entries(tuple(entry for entry in tree.entries if entry[0].text not in ("file", "ignore")), tree.line)
        name = _text(file, "file is the name of a file") if file is not None else ""
        return ChildExpected(
            self._condition(rest),
            name,
            self._file(file, name) if file is not None else b"",
            () if ignore is None else tuple(self._ignored(ignore, file)),
        )

    def _ignored(self, node: Node, file: Node | None) -> Iterable[str]:
        if file is None:
            raise _CaseError(node, "ignore has no meaning without file")
        for item in node.items if isinstance(node, Items) else (node,):
            text = _text(item, "ignore is a list of paths")
            problem = path_problem(text)
            if problem is not None:
                raise _CaseError(item, *problem)
            if is_ccda_path(text):
                raise _CaseError(item, f"{text}: documents are compared whole", "expect single paths of them instead")
            if is_fhir_path(text) and any(step.kind != "name" for step in FhirPath.parse(text).steps):
                raise _CaseError(item, f"{text}: what is ignored is names and indexes", "Patient.identifier[0]")
            yield text

    def _condition(self, tree: Entries) -> Condition:
        for key, _ in tree.entries:
            problem = path_problem(key.text)
            if problem is not None:
                raise _CaseError(key, *problem)
        try:
            written = plain(tree)
            return Condition.read(written if isinstance(written, dict) else {})
        except ConditionError as error:
            raise _CaseError(tree, str(error)) from error


def _moment(node: Node | None) -> datetime:
    """When the case's message is received."""
    if node is None:
        return RECEIVED
    text = _text(node, "received is a time")
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise _CaseError(node, f"{text} is no time with an offset", "write it as 2024-01-01T22:30:00-06:00")
    return found.astimezone(UTC)


def _reason(node: Node | None) -> str | None:
    """A part of the reason that is expected; "" for whatever reason."""
    if node is None:
        return None
    text = _text(node, "write true, or a part of the reason")
    return "" if text == "true" else text


def _needed(tree: Entries, name: str) -> Node:
    node = tree.get(name)
    if node is None:
        raise _CaseError(tree, f"{name} is missing", f"write {name}: ...")
    return node


def _only(tree: Entries, names: Iterable[str], what: str) -> None:
    known = tuple(names)
    for key, _ in tree.entries:
        if key.text not in known:
            raise _CaseError(key, f"{what} has no {key.written!r}", did_you_mean(key.text, known) or "")


def _entries(node: Node, what: str) -> Entries:
    if not isinstance(node, Entries):
        raise _CaseError(node, what)
    return node


def _items(node: Node, what: str) -> tuple[Node, ...]:
    if not isinstance(node, Items):
        raise _CaseError(node, what)
    return node.items


def _text(node: Node, what: str) -> str:
    if not isinstance(node, Text):
        raise _CaseError(node, what, 'a text that begins with { or [ needs quotes: "..."')
    return node.text
