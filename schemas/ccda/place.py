"""Where an element stands in its document, as XPath writes it."""

from __future__ import annotations

from lxml import etree


def place_of(element: etree._Element) -> str:
    """The XPath of `element`, its names without prefix: `/ClinicalDocument/component/structuredBody/component[2]`."""
    steps: list[str] = []
    here: etree._Element | None = element
    while here is not None:
        tag = str(here.tag)
        name = tag.rpartition("}")[2]
        number = 1 + len(list(here.itersiblings(tag, preceding=True)))
        steps.append(name if number == 1 else f"{name}[{number}]")
        here = here.getparent()
    return "/" + "/".join(reversed(steps))
