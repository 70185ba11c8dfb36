"""The tree of a YAML file: texts, lists and mappings that know the line on which they were written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

Plain = str | list["Plain"] | dict[str, "Plain"]
"""What a tree comes to without its lines."""

WRITTEN_LENGTH = 160
"""How many characters of a node an explanation shows."""


@dataclass(frozen=True, slots=True)
class Text:
    """A scalar. `text` is what it means, `written` what the engineer wrote: `${NAME}` and not what it stands for.

    The representation shows `written`, since `text` may be a secret.
    """

    text: str
    line: int
    written: str = ""
    quoted: bool = False

    def __repr__(self) -> str:
        return f"Text({self.written!r}, line={self.line})"

    @property
    def is_expanded(self) -> bool:
        """Whether something outside the file has a part in `text`."""
        return self.text != self.written

    @property
    def is_empty(self) -> bool:
        """Whether nothing at all is written: `key:` and not `key: ""`."""
        return not self.written and not self.quoted


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    items: tuple[Node, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Entries:
    """A mapping; its keys are unique."""

    entries: tuple[tuple[Text, Node], ...]
    line: int

    def get(self, name: str) -> Node | None:
        """The value of the key `name`."""
        return next((value for key, value in self.entries if key.text == name), None)

    def key(self, name: str) -> Text | None:
        """The key `name` itself, for its line."""
        return next((key for key, _ in self.entries if key.text == name), None)

    def names(self) -> list[str]:
        """The keys, in the order of the file."""
        return [key.text for key, _ in self.entries]


Node = Text | Items | Entries


def plain(node: Node) -> Plain:
    """`node` as texts, lists and dicts."""
    match node:
        case Text():
            return node.text
        case Items():
            return [plain(item) for item in node.items]
        case Entries():
            return {key.text: plain(value) for key, value in node.entries}


def texts(node: Node) -> Iterator[Text]:
    """Every scalar in `node` that is a value, in the order of the file."""
    match node:
        case Text():
            yield node
        case Items():
            for item in node.items:
                yield from texts(item)
        case Entries():
            for _, value in node.entries:
                yield from texts(value)


def locate(node: Node, place: tuple[str | int, ...]) -> Node:
    """The node at `place`, or the nearest above it that exists; parts that are no key or index are passed over."""
    for part in place:
        if isinstance(node, Entries) and isinstance(part, str):
            node = node.get(part) or node
        elif isinstance(node, Items) and isinstance(part, int) and part < len(node.items):
            node = node.items[part]
    return node


def written(node: Node) -> str:
    """`node` on one line as written, cut when it is long; never shows what a `${...}` stands for."""
    text = _flow(node, outer=True)
    return text if len(text) <= WRITTEN_LENGTH else text[: WRITTEN_LENGTH - 3] + "..."


def _flow(node: Node, outer: bool = False) -> str:
    match node:
        case Text():
            text = " ".join(node.written.split())
            return f'"{text}"' if node.quoted and (not text or set(text) & set(",:{}[]#")) else text
        case Items():
            return "[" + ", ".join(map(_flow, node.items)) + "]"
        case Entries():
            inside = ", ".join(f"{key.written}: {_flow(value)}" for key, value in node.entries)
            return inside if outer and len(node.entries) == 1 else "{" + inside + "}"
