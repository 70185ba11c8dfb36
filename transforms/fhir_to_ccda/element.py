"""Elements of a clinical document: made in any order, put into the schema's at the end."""

from __future__ import annotations

import re
from collections.abc import Iterable

from lxml import etree

from schemas.ccda.namespaces import SDTC, V3, XSI, XSI_TYPE
from schemas.ccda.order import places

Element = etree._Element
Content = Element | Iterable[Element] | None

NAMESPACES = {None: V3, "sdtc": SDTC, "xsi": XSI}

_V3, _SDTC = f"{{{V3}}}", f"{{{SDTC}}}"
_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 has no character for (2.2)."""


def make(name: str, *content: Content, text: str = "", kind: str = "", **attributes: str) -> Element:
    """An element of the namespace `urn:hl7-org:v3` with that content; `sdtc:name` is one of HL7's extensions.

    `kind` is its `xsi:type`. Attributes whose value is "" are left out, and so are contents that are None.
    """
    tag = f"{_SDTC}{name[5:]}" if name.startswith("sdtc:") else f"{_V3}{name}"
    made = etree.Element(tag, nsmap=NAMESPACES)
    if kind:
        made.set(XSI_TYPE, kind)
    for key, value in attributes.items():
        if value:
            made.set(key, clean(value))
    if text:
        made.text = clean(text)
    for each in content:
        if isinstance(each, etree._Element):
            made.append(each)
        elif each is not None:
            made.extend(list(each))
    return made


def templates(*identified: tuple[str, str]) -> list[Element]:
    """The templateIds of a template: its root alone, and with the extension of its version where it has one.

    R2.1 wants both wherever R1.1 had the template (CONF 1198-32936).
    """
    made = []
    for root, extension in identified:
        made.append(make("templateId", root=root))
        if extension:
            made.append(make("templateId", root=root, extension=extension))
    return made


def null(name: str, flavor: str = "UNK", **attributes: str) -> Element:
    """An element that only says why there is nothing in it."""
    return make(name, nullFlavor=flavor, **attributes)


def clean(text: str) -> str:
    """`text` with a replacement character for what XML cannot say."""
    return _ILLEGAL.sub("\ufffd", text)


def arrange(root: Element) -> None:
    """Put the children of every element into the schema's order, those of one name in the order they were made in."""
    for element in root.iter(etree.Element):
        order = places(local(element)) if len(element) > 1 and str(element.tag).startswith("{") else {}
        if order:
            last = len(order)
            element[:] = sorted(element, key=lambda child: order.get(local(child), last))


def local(element: Element) -> str:
    """The name of an element without its namespace."""
    return str(element.tag).rpartition("}")[2]
