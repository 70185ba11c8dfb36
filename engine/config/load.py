"""A YAML file -> a tree whose every scalar is text. Whatever the bytes are: a tree, or findings, never an exception."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from engine.config.numbers import finding
from engine.config.tree import Entries, Items, Node, Text
from schemas.finding import Finding

MOST_BYTES = 1 << 20
"""How large one configuration file may be."""
MOST_DEPTH = 40
"""How deep lists and mappings may nest."""
MOST_NODES = 50_000
"""How many texts, lists and mappings a file may come to, each alias counted as what it stands for."""

_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x84\x86-\x9f\ufffe\uffff]")
_LOADER: type = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


@dataclass(frozen=True, slots=True)
class Loaded:
    """What became of one file: its tree, or None where the findings say why there is none."""

    tree: Entries | None
    findings: tuple[Finding, ...] = ()


class _StopError(Exception):
    """Reading cannot go on; carries the finding."""

    def __init__(self, found: Finding) -> None:
        super().__init__(found.code)
        self.found = found


def read(path: Path, where: str) -> tuple[bytes, Finding | None]:
    """The bytes of the file at `path`, cut one past the limit; or why there are none, at `where`."""
    try:
        if path.exists() and not path.is_file():
            return b"", finding("HIE101", where, "this is no regular file")
        with path.open("rb") as file:
            return file.read(MOST_BYTES + 1), None
    except OSError as error:
        return b"", finding("HIE101", where, error.strerror or type(error).__name__)


def load(content: bytes, where: str, expand: Expand | None = None) -> Loaded:
    """The tree of a YAML file's `content`.

    `expand` replaces `${...}` in a scalar; it is given the scalar's text and `where:line`, and what it finds missing is
    added to the findings.
    """
    composer = _Composer(where, expand)
    try:
        tree = composer.compose(_decoded(content, where))
    except _StopError as stopped:
        return Loaded(None, (*composer.findings, stopped.found))
    return Loaded(tree, tuple(composer.findings))


Expand = Callable[[str, str], tuple[str, list[Finding]]]


def _decoded(content: bytes, where: str) -> str:
    if len(content) > MOST_BYTES:
        raise _StopError(finding("HIE102", f"{where}:1", f"the file is larger than {MOST_BYTES >> 20} MB"))
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise _StopError(finding("HIE103", f"{where}:1", "the file is UTF-16"))
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        what = f"byte {content[error.start]:#04x} is not UTF-8"
        raise _StopError(finding("HIE103", f"{where}:{line}", what)) from error
    bad = _FORBIDDEN.search(text)
    if bad is not None:
        line = text.count("\n", 0, bad.start()) + 1
        raise _StopError(finding("HIE103", f"{where}:{line}", f"U+{ord(bad.group()):04X} is a control character"))
    return text


class _Composer:
    """Builds the tree from YAML events; an alias shares the node that it names."""

    def __init__(self, where: str, expand: Expand | None) -> None:
        self.findings: list[Finding] = []
        self._where = where
        self._expand = expand
        self._anchors: dict[str, tuple[Node, int]] = {}
        self._count = 0

    def compose(self, text: str) -> Entries:
        """The tree of the one document in `text`; raises `_StopError`."""
        try:
            return self._document(yaml.parse(text, Loader=_LOADER))
        except yaml.YAMLError as error:
            raise _StopError(self._syntax(error, text)) from error
        except (ValueError, OverflowError) as error:  # an escape such as "\UFFFFFFFF", which the reader does not check
            raise _StopError(self._at("HIE104", 1, "a text holds an escape that is no character")) from error

    def _document(self, events: Iterator[yaml.Event]) -> Entries:
        tree: Node | None = None
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent) and tree is not None:
                raise self._stop("HIE107", event, "a second document begins here")
            if isinstance(event, yaml.NodeEvent):
                tree = self._node(event, events, 0)
        if tree is None or (isinstance(tree, Text) and tree.is_empty):
            raise _StopError(self._at("HIE108", 1, "the file is empty"))
        if not isinstance(tree, Entries):
            raise _StopError(self._at("HIE108", tree.line, "the file is not a mapping of keys and values"))
        return tree

    def _node(self, event: yaml.Event, events: Iterator[yaml.Event], depth: int) -> Node:
        before = self._count
        self._add(1, event)
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in self._anchors:
                raise self._stop("HIE109", event, f"*{event.anchor} has no &{event.anchor} above it")
            node, weight = self._anchors[event.anchor]
            self._add(weight, event)
            return node
        if depth >= MOST_DEPTH:
            raise self._stop("HIE110", event, f"more than {MOST_DEPTH} lists and mappings inside one another")
        if getattr(event, "tag", None) not in (None, "!"):
            raise self._stop("HIE111", event, "a YAML tag has no meaning here")
        node = self._inside(event, events, depth)
        anchor: str | None = getattr(event, "anchor", None)
        if anchor is not None:
            self._anchors[anchor] = (node, self._count - before)
        return node

    def _inside(self, event: yaml.Event, events: Iterator[yaml.Event], depth: int) -> Node:
        line = _line(event)
        if isinstance(event, yaml.ScalarEvent):
            return self._text(event, line)
        if isinstance(event, yaml.SequenceStartEvent):
            items: list[Node] = []
            for inner in events:
                if isinstance(inner, yaml.SequenceEndEvent):
                    break
                items.append(self._node(inner, events, depth + 1))
            return Items(tuple(items), line)
        entries: dict[str, tuple[Text, Node]] = {}
        for inner in events:
            if isinstance(inner, yaml.MappingEndEvent):
                break
            if not isinstance(inner, yaml.ScalarEvent):
                raise self._stop("HIE112", inner, "a key is a plain text")
            key = Text(inner.value, _line(inner), inner.value, bool(inner.style))
            self._add(1, inner)
            if key.text == "<<" and not key.quoted:
                raise self._stop("HIE111", inner, "a merge key (<<) has no meaning here")
            value = self._node(next(events), events, depth + 1)
            if key.text in entries:
                first = entries[key.text][0].line
                self.findings.append(self._at("HIE106", key.line, f"{key.text!r} is already on line {first}"))
            else:
                entries[key.text] = (key, value)
        return Entries(tuple(entries.values()), line)

    def _text(self, event: yaml.ScalarEvent, line: int) -> Text:
        written = event.value
        text = written
        if self._expand is not None and "${" in written:
            text, found = self._expand(written, f"{self._where}:{line}")
            self.findings.extend(found)
        return Text(text, line, written, bool(event.style))

    def _add(self, weight: int, event: yaml.Event) -> None:
        self._count += weight
        if self._count > MOST_NODES:
            raise self._stop("HIE110", event, f"the file comes to more than {MOST_NODES:,} values")

    def _at(self, code: str, line: int, what: str) -> Finding:
        return finding(code, f"{self._where}:{line}", what)

    def _stop(self, code: str, event: yaml.Event, what: str) -> _StopError:
        return _StopError(self._at(code, _line(event), what))

    def _syntax(self, error: yaml.YAMLError, text: str) -> Finding:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        problem = str(getattr(error, "problem", None) or "the text is not YAML")
        line = mark.line + 1 if mark is not None else 1
        lines = text.splitlines()
        line = max(1, min(line, len(lines)))
        if lines and "\t" in lines[line - 1][: len(lines[line - 1]) - len(lines[line - 1].lstrip())]:
            return self._at("HIE105", line, "the line is indented with a tab")
        return self._at("HIE104", line, problem)


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark is not None else 1
