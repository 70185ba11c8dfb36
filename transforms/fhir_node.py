"""What is read of FHIR: elements, which remember which of their parts were read."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal


class Node:
    """One element or resource of FHIR; whatever the JSON holds, reading it gives text and nodes, and never fails.

    `path` is its FHIRPath (`Bundle.entry[0].resource.name[1]`). A node of what is not there is false and empty.
    """

    __slots__ = ("_data", "_inner", "_used", "path")

    def __init__(self, data: object, path: str) -> None:
        self._data: dict[str, object] = data if isinstance(data, dict) else {}
        self._used: set[str] = set()
        self._inner: dict[str, list[Node]] = {}
        self.path = path

    def __repr__(self) -> str:
        return f"<Node {self.path}>"

    def __bool__(self) -> bool:
        return bool(self._data)

    @property
    def type(self) -> str:
        """The type of a resource, "" of an element."""
        return self.text("resourceType")

    def has(self, name: str) -> bool:
        """Whether there is such a part; nothing is marked as read."""
        return self._data.get(name) not in (None, "", [], {})

    def text(self, name: str) -> str:
        """The primitive value `name` as text (the first of several), "" when it is absent or no primitive."""
        value = self._data.get(name)
        if isinstance(value, list):
            value = value[0] if value else None
        shown = _shown(value)
        if shown:
            self._used.add(name)
        return shown

    def peek(self, name: str) -> str:
        """The primitive value `name` as text; nothing is marked as read."""
        value = self._data.get(name)
        return _shown(value[0] if isinstance(value, list) and value else value)

    def peeks(self, name: str) -> list[str]:
        """The primitive values of the list `name`, as text; nothing is marked as read."""
        value = self._data.get(name)
        return [shown for shown in map(_shown, value if isinstance(value, list) else [value]) if shown]

    def texts(self, name: str) -> list[str]:
        """The primitive values of the list `name`, as text."""
        self._used.add(name)
        return self.peeks(name)

    def all(self, name: str) -> list[Node]:
        """The elements of the list `name`; one alone counts as a list of it."""
        found = self._inner.get(name)
        if found is None:
            value = self._data.get(name)
            if isinstance(value, dict):
                found = [Node(value, f"{self.path}.{name}")]
            elif isinstance(value, list):
                found = [Node(each, f"{self.path}.{name}[{index}]") for index, each in enumerate(value)]
                found = [node for node in found if node]
            else:
                found = []
            self._inner[name] = found
        return found

    def one(self, name: str) -> Node:
        """The element `name`, the first of several; an empty node when it is absent."""
        found = self.all(name)
        return found[0] if found else Node(None, f"{self.path}.{name}")

    def beside(self, name: str) -> Node:
        """What is said beside the primitive value `name`: its extensions."""
        return self.one(f"_{name}")

    def extensions(self, url: str) -> list[Node]:
        """The extensions with that URL."""
        found = [each for each in self.all("extension") if each.peek("url") == url]
        for each in found:
            each.text("url")
        return found

    def extension(self, url: str) -> Node:
        """The first extension with that URL, or an empty node."""
        found = self.extensions(url)
        return found[0] if found else Node(None, f"{self.path}.extension")

    def choice(self, name: str) -> str:
        """The name that the choice `name` (`value`) has here (`valueQuantity`), "" when it is absent."""
        for each in self._data:
            if each.startswith(name) and each[len(name) : len(name) + 1].isupper() and self.has(each):
                return each
        return ""

    def names(self) -> list[str]:
        """The names of its parts."""
        return list(self._data)

    def skip(self, *names: str) -> None:
        """Mark parts as read, whole, whatever they hold: what they say has been said."""
        for name in names:
            value = self._data.get(name)
            if isinstance(value, dict | list):
                for each in self.all(name):
                    each.skip(*each.names())
            self._used.add(name)

    def pass_over(self, *names: str) -> None:
        """As `skip`, but for extensions, which may say more than the parts do that they belong to."""
        for name in names:
            if name == "extension":
                continue
            value = self._data.get(name)
            if isinstance(value, dict | list):
                for each in self.all(name):
                    each.pass_over(*each.names())
            self._used.add(name)

    def references(self) -> Iterator[Node]:
        """Every element beneath that is a Reference with an address; nothing is marked as read."""
        stack = [self]
        while stack:
            node = stack.pop()
            if isinstance(node._data.get("reference"), str):
                yield node
            for name, value in node._data.items():
                if isinstance(value, dict) or (isinstance(value, list) and any(isinstance(v, dict) for v in value)):
                    stack += node.all(name)

    def leaves(self) -> Iterator[tuple[str, str, bool]]:
        """Each primitive value beneath, in order: its path, its path without indexes, and whether it was read."""
        stack: list[tuple[Node, str, bool]] = [(self, self.path.partition(".")[0], False)]
        while stack:
            node, plain, read = stack.pop()
            if node.peek("url") == _ABSENT:
                continue
            inner: list[tuple[Node, str, bool]] = []
            for name, value in node._data.items():
                whole = read or name in node._used
                if isinstance(value, dict) or (isinstance(value, list) and any(isinstance(v, dict) for v in value)):
                    inner += [(each, f"{plain}.{name}", read) for each in node.all(name)]
                elif value not in (None, "", [], {}):
                    yield f"{node.path}.{name}", f"{plain}.{name}", whole
            stack += reversed(inner)


_ABSENT = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
"""Says why a value is not there, and so is none itself."""

EMPTY = Node(None, "")
"""A node of nothing."""


def _shown(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return format(value, "f") if value.is_finite() and abs(value.adjusted()) < 100 else ""
    if isinstance(value, int):
        return str(value) if abs(value) < 10**100 else ""
    if isinstance(value, float):
        return repr(value)
    return ""
