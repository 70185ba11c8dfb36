"""The document as the templates read it: what was read is remembered, so that what was not can be told."""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree

from schemas.ccda.namespaces import SDTC, V3, XSI_TYPE
from schemas.fhir import Resource

_V3 = f"{{{V3}}}"
_SDTC = f"{{{SDTC}}}"
_TRUE = ("true", "1")
_NONE: tuple[Node, ...] = ()


class Node:
    """An element of the document.

    Children are named as in the standard, those of the SDTC extension with their prefix: `code`, `sdtc:raceCode`. A
    path of names is joined by `/` and leads to the first child of each name. Reading marks as read; `peek` does not.
    """

    __slots__ = (
        "_children",
        "_is_whole",
        "_read",
        "_templates",
        "element",
        "is_entry",
        "name",
        "number",
        "parent",
        "target",
    )

    def __init__(self, element: etree._Element, parent: Node | None = None, name: str = "", number: int = 1) -> None:
        self.element = element
        self.parent = parent
        self.name = name or _name_of(element)
        self.number = number
        """Which of its parent's children of that name it is, from 1."""
        self.target: Resource | None = None
        """The resource that the element went into."""
        self.is_entry = False
        """Whether it was read as an entry, with all that is within it."""
        self._children: dict[str, list[Node]] | None = None
        self._read: set[str] = set()
        self._is_whole = False
        self._templates: tuple[str, ...] | None = None

    def __repr__(self) -> str:
        return f"<Node {self.where}>"

    # attributes

    def attr(self, name: str) -> str:
        """The attribute of that name without spaces at its ends, "" when it is absent."""
        self._read.add(name)
        value = self.element.get(name)
        return value.strip() if value is not None else ""

    def peek(self, name: str) -> str:
        """As `attr`, marking nothing."""
        value = self.element.get(name)
        return value.strip() if value is not None else ""

    def flag(self, name: str) -> bool:
        """Whether the attribute of that name is true."""
        return self.attr(name) in _TRUE

    @property
    def null(self) -> str:
        """The element's nullFlavor, "" where it has none."""
        return self.attr("nullFlavor")

    @property
    def type(self) -> str:
        """The data type that `xsi:type` names, without a prefix: `PQ`, `IVL_TS`."""
        self._read.add(XSI_TYPE)
        return (self.element.get(XSI_TYPE) or "").strip().rpartition(":")[2]

    @property
    def template_ids(self) -> tuple[str, ...]:
        """The roots of the templates that the element says it keeps, in order, each once."""
        if self._templates is None:
            self._templates = tuple(dict.fromkeys(each.attr("root") for each in self.all("templateId")))
        return self._templates

    def keeps(self, *templates: str) -> bool:
        """Whether the element says that it keeps one of these templates, of any extension."""
        return any(each in templates for each in self.template_ids)

    # children

    def all(self, name: str) -> list[Node] | tuple[Node, ...]:
        """The children of that name, in order."""
        return self._kids().get(name, _NONE)

    def get(self, path: str) -> Node | None:
        """The first element at `path`, None when it is absent."""
        here: Node | None = self
        for name in path.split("/"):
            if here is None:
                return None
            found = here._kids().get(name)
            here = found[0] if found else None
        return here

    def each(self, path: str) -> Iterator[Node]:
        """Every element at `path`, whichever of several parents it has."""
        name, _, rest = path.partition("/")
        for found in self.all(name):
            if rest:
                yield from found.each(rest)
            else:
                yield found

    def children(self) -> Iterator[Node]:
        """All children, those of one name together."""
        for found in self._kids().values():
            yield from found

    def value(self, path: str, name: str = "value") -> str:
        """The attribute `name` of the first element at `path`, "" when either is absent."""
        found = self.get(path)
        return found.attr(name) if found is not None else ""

    def string(self, path: str) -> str:
        """The text of the first element at `path`, "" when it is absent."""
        found = self.get(path)
        return found.text if found is not None else ""

    @property
    def text(self) -> str:
        """All text within the element, each run of white space one space; marks it as read as a whole."""
        self.mark()
        return " ".join("".join(self.element.itertext()).split())

    @property
    def own_text(self) -> str:
        """The text of the element that is not within a child, each run of white space one space."""
        self._read.add("text()")
        parts = [self.element.text or "", *((each.tail or "") for each in self.element)]
        return " ".join("".join(parts).split())

    # where, and what is left

    @property
    def where(self) -> str:
        """The XPath of the element, its names without prefix: `/ClinicalDocument/component/structuredBody/...`."""
        steps = []
        here: Node | None = self
        while here is not None:
            steps.append(here.name if here.number == 1 else f"{here.name}[{here.number}]")
            here = here.parent
        return "/" + "/".join(reversed(steps))

    def mark(self) -> None:
        """Mark the element as read, with all that is in it."""
        self._is_whole = True

    def release(self) -> None:
        """Forget which resource the element and what is in it went into."""
        self.target = None
        self.is_entry = False
        for child in self._kids().values() if self._children is not None else ():
            for each in child:
                each.release()

    @property
    def is_whole(self) -> bool:
        """Whether the element was read as a whole."""
        return self._is_whole

    def was_read(self, name: str) -> bool:
        """Whether the attribute of that name, or `text()`, was read."""
        return self._is_whole or name in self._read

    @property
    def is_touched(self) -> bool:
        """Whether anything of the element was read, or looked for in it."""
        return self._is_whole or bool(self._read) or self._children is not None

    def _kids(self) -> dict[str, list[Node]]:
        kids = self._children
        if kids is None:
            kids = self._children = {}
            for element in self.element:
                name = _name_of(element)
                found = kids.get(name)
                if found is None:
                    kids[name] = [Node(element, self, name)]
                else:
                    found.append(Node(element, self, name, len(found) + 1))
        return kids


def _name_of(element: etree._Element) -> str:
    tag = element.tag
    if not isinstance(tag, str):
        return "#"
    if tag.startswith(_V3):
        return tag[len(_V3) :]
    if tag.startswith(_SDTC):
        return f"sdtc:{tag[len(_SDTC) :]}"
    return tag
