"""What references within the document lead to: elements of the narrative by their ID."""

from __future__ import annotations

from lxml import etree

from schemas.ccda.namespaces import V3

_IDENTIFIED = etree.XPath("//*[@ID]")
_MOST_ALIKE = 100
"""How many elements of one ID are looked at: a document may have many thousands."""
_SECTION = f"{{{V3}}}section"
_TEXT = f"{{{V3}}}text"


class Targets:
    """The elements of a document by their ID; where several have one, the one in the same section comes first."""

    def __init__(self, root: etree._Element) -> None:
        self._by_id: dict[str, list[etree._Element]] = {}
        found = _IDENTIFIED(root)
        for element in found if isinstance(found, list) else ():
            if isinstance(element, etree._Element):
                self._by_id.setdefault((element.get("ID") or "").strip(), []).append(element)

    def find(self, reference: str, section: etree._Element | None) -> etree._Element | None:
        """The element that `reference` (`#a1`, and `a1`, which documents write too) leads to."""
        found = self._by_id.get(reference.strip().removeprefix("#"))
        if not found:
            return None
        if len(found) > 1 and section is not None:
            for each in found[:_MOST_ALIKE]:
                if section in each.iterancestors(_SECTION):
                    return each
        return found[0]


def plain_text(element: etree._Element) -> str:
    """The text of an element of the narrative, each run of white space one space, cells and breaks apart."""
    return " ".join("".join(_texts(element)).split())


def _texts(element: etree._Element) -> list[str]:
    parts = [element.text or ""]
    for child in element:
        if isinstance(child.tag, str):
            name = child.tag.rpartition("}")[2]
            if name in ("br", "td", "th", "tr", "item", "paragraph", "list", "table"):
                parts.append(" ")
            parts += _texts(child)
            if name in ("td", "th", "tr", "item", "paragraph"):
                parts.append(" ")
        parts.append(child.tail or "")
    return parts
