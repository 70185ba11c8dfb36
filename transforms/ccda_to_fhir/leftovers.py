"""What no template has read: kept with the resource that the element belongs to, and told by XPath."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from lxml import etree

from schemas.ccda.namespaces import SDTC, V3, XSI
from schemas.fhir import Resource
from schemas.finding import Severity
from transforms.ccda_to_fhir.extensions import kept_element
from transforms.ccda_to_fhir.node import Node
from transforms.ccda_to_fhir.run import Run
from transforms.elements import add_extension

MOST_TOLD = 1000
"""How many elements are told of that no template reads; the account tells of all."""
KEPT = "CCDA-101"
NOT_CARRIED = "CCDA-104"

_XSI = f"{{{XSI}}}"
_SDTC = f"{{{SDTC}}}"
_DECLARATIONS = (f' xmlns="{V3}"', f' xmlns:sdtc="{SDTC}"', f' xmlns:xsi="{XSI}"')
LEFT_OUT_ELEMENTS = {
    "templateId": "which template the element keeps, which decides how it is read",
    "realmCode": "the realm of the document, which its profile says",
    "typeId": "that the document is a CDA document",
}
"""The elements that no resource needs, and why."""
LEFT_OUT_ATTRIBUTES = {
    **dict.fromkeys(
        (
            "classCode",
            "moodCode",
            "typeCode",
            "determinerCode",
            "contextConductionInd",
            "contextControlCode",
            "inversionInd",
            "independentInd",
            "sdtc:category",
        ),
        "the structure of the document, which the kind of the resource says",
    ),
    **dict.fromkeys(("codeSystemName", "valueSet", "valueSetVersion"), "a name for what an identifier says"),
    "ID": "what references within the document lead to",
    "nullFlavor": "why something is not there that is not there",
    "partType": "the kind of a part",
    "operator": "how times are combined",
    "unsorted": "how a list is laid out",
    "mediaType": "how a text is written",
    "displayable": "how an identifier is shown",
    "language": "the language of a text",
}
"""The attributes that no resource needs, and why."""


class Leftover(NamedTuple):
    """What was not read: the element, the attribute's name (`text()` for its text, "" for all of it), its text."""

    node: Node
    name: str
    text: str

    @property
    def where(self) -> str:
        """The XPath of what was not read."""
        if not self.name:
            return self.node.where
        return f"{self.node.where}/{self.name if self.name == 'text()' else f'@{self.name}'}"


def leftovers(node: Node) -> Iterator[Leftover]:
    """What was not read of `node` and of what is in it, without what is left out for a reason."""
    if node.is_whole or node.name in LEFT_OUT_ELEMENTS or node.name == "#":
        return
    if not node.is_touched:
        if says_something(node.element):
            yield Leftover(node, "", _xml_of(node.element))
        return
    for name, value in attributes_of(node):
        if value and not node.was_read(name) and _short(name) not in LEFT_OUT_ATTRIBUTES:
            yield Leftover(node, _short(name), value)
    own = (node.element.text or "").strip()
    if own and not node.was_read("text()"):
        yield Leftover(node, "text()", own)
    for child in node.children():
        yield from leftovers(child)


def _xml_of(element: etree._Element) -> str:
    """The XML of an element without the declarations of the namespaces that every document declares."""
    xml = etree.tostring(element, encoding="unicode", with_tail=False)
    start, mark, rest = xml.partition(">")
    for declaration in _DECLARATIONS:
        start = start.replace(declaration, "")
    return f"{start}{mark}{rest}"


def attributes_of(node: Node) -> list[tuple[str, str]]:
    """The attributes of `node` by name, without those of XML Schema."""
    return [
        (str(name), str(value).strip()) for name, value in node.element.attrib.items() if not str(name).startswith(_XSI)
    ]


def says_something(element: etree._Element) -> bool:
    """Whether an element holds anything but structure: a text, or an attribute that is not left out."""
    for each in element.iter():
        if not isinstance(each.tag, str) or each.tag.rpartition("}")[2] in LEFT_OUT_ELEMENTS:
            continue
        if (each.text or "").strip():
            return True
        if any(
            _short(str(name)) not in LEFT_OUT_ATTRIBUTES and not str(name).startswith(_XSI) and value
            for name, value in each.attrib.items()
        ):
            return True
    return False


def sweep(run: Run) -> None:
    """Keep what is left of the document with the resources that its elements became, and report it by XPath."""
    keep = run.options.unmapped == "keep"
    code, weight = (KEPT, Severity.INFORMATION) if keep else (NOT_CARRIED, Severity.WARNING)
    what = "no template reads this; it is kept as an extension" if keep else "no template reads this: it is not carried"
    hint = "" if keep else "write unmapped: keep"
    count = 0
    for count, left in enumerate(leftovers(run.root), start=1):
        if keep:
            add_extension(_owner(left.node, run), kept_element(left.where, left.text))
        if count <= MOST_TOLD:
            run.tell(code, left.where, what, hint, weight)
    if count > MOST_TOLD:
        run.tell(
            code, "/ClinicalDocument", f"{count - MOST_TOLD} further elements that no template reads", hint, weight
        )


def _owner(node: Node, run: Run) -> Resource:
    """The resource that `node` belongs to: of what it is in, the innermost that became one."""
    here: Node | None = node
    while here is not None:
        if here.target is not None and run.find(here.target["id"]) is here.target:
            return here.target
        here = here.parent
    return run.composition


def _short(name: str) -> str:
    return f"sdtc:{name[len(_SDTC) :]}" if name.startswith(_SDTC) else name
