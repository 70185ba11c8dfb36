"""The narrative of a document as XHTML: every element, nothing that a browser would act on."""

from __future__ import annotations

import base64
import binascii
import re
from html import escape

from lxml import etree

from schemas.ccda.namespaces import V3
from schemas.ccda.targets import Targets, plain_text

_V3 = f"{{{V3}}}"
_SAME_WORDS = (
    "table thead tbody tfoot tr td th colgroup col sub sup b i strong em div p span ul ol li h1 h2 h3 h4 h5 h6 pre hr"
)
_SAME = frozenset(_SAME_WORDS.split())
"""What XHTML calls the same; the latter half has no place in CDA, but documents write it."""
_BLOCKS = frozenset(("table", "list", "paragraph", "div", "p", "ul", "ol", "caption"))
_EMPTY = frozenset(("col", "hr"))
_KEPT = ("colspan", "rowspan", "align", "valign", "width", "border", "cellpadding", "cellspacing", "scope", "span")
_STYLES = {
    "bold": "font-weight: bold",
    "italics": "font-style: italic",
    "emphasis": "font-style: italic",
    "underline": "text-decoration: underline",
    "strikethrough": "text-decoration: line-through",
    "lrule": "border-left: 1px solid",
    "rrule": "border-right: 1px solid",
    "toprule": "border-top: 1px solid",
    "botrule": "border-bottom: 1px solid",
    "arabic": "list-style-type: decimal",
    "littleroman": "list-style-type: lower-roman",
    "bigroman": "list-style-type: upper-roman",
    "littlealpha": "list-style-type: lower-alpha",
    "bigalpha": "list-style-type: upper-alpha",
    "disc": "list-style-type: disc",
    "circle": "list-style-type: circle",
    "square": "list-style-type: square",
}
"""The style codes of CDA R2 (4.3.5.11), in lower case."""
_LINKS = ("http://", "https://", "mailto:", "tel:", "#")
_IMAGES = frozenset(("image/gif", "image/jpeg", "image/png"))
_WORD = re.compile(r"[\w.\-:]+\Z")


class Writer:
    """Writes elements of the narrative as XHTML, each ID once."""

    def __init__(self, targets: Targets) -> None:
        self._targets = targets
        self._ids: set[str] = set()

    def inside(self, element: etree._Element) -> str:
        """The content of `element`."""
        parts = [escape(element.text or "", quote=False)]
        for child in element:
            if isinstance(child.tag, str):
                parts.append(self.whole(child))
            parts.append(escape(child.tail or "", quote=False))
        return "".join(parts)

    def whole(self, element: etree._Element) -> str:
        """`element` itself."""
        name = str(element.tag).rpartition("}")[2]
        if name == "br":
            return "<br/>"
        if name in _SAME:
            return self._tagged(name, element)
        match name:
            case "content":
                return self._tagged("span", element)
            case "paragraph":
                return self._tagged("div" if _has_block(element) else "p", element)
            case "list":
                return self._tagged("ol" if element.get("listType") == "ordered" else "ul", element)
            case "item":
                return self._tagged("li", element)
            case "caption":
                return self._caption(element)
            case "linkHtml" | "a":
                href = (element.get("href") or "").strip()
                safe = href.lower().startswith(_LINKS)
                return self._tagged("a" if safe else "span", element, f' href="{escape(href)}"' if safe else "")
            case "footnote":
                return self._tagged("span", element, style="footnote")
            case "footnoteRef":
                href = escape(f"#{element.get('IDREF') or ''}")
                return f'<a class="footnoteRef" href="{href}">{self.inside(element) or "*"}</a>'
            case "renderMultiMedia":
                return self._media(element)
        return self._tagged("span", element)

    def _tagged(self, name: str, element: etree._Element, more: str = "", style: str = "") -> str:
        attributes = self._attributes(element, style) + more
        if name in _EMPTY:
            return f"<{name}{attributes}/>"
        return f"<{name}{attributes}>{self.inside(element)}</{name}>"

    def _attributes(self, element: etree._Element, style: str) -> str:
        written = ""
        own = (element.get("ID") or "").strip()
        if own and own not in self._ids and " " not in own:
            self._ids.add(own)
            written = f' id="{escape(own)}"'
        words = [each for each in (style, *(element.get("styleCode") or "").split()) if _WORD.match(each)]
        if words:
            written += f' class="{" ".join(words)}"'
            styles = [_STYLES[each.lower()] for each in words if each.lower() in _STYLES]
            if styles:
                written += f' style="{"; ".join(dict.fromkeys(styles))}"'
        for name in _KEPT:
            value = element.get(name)
            if value is not None:
                written += f' {name}="{escape(value)}"'
        return written

    def _caption(self, element: etree._Element) -> str:
        parent = element.getparent()
        above = str(parent.tag).rpartition("}")[2] if parent is not None else ""
        if above == "table":
            return self._tagged("caption", element)
        if above == "list":
            return f"<li{self._attributes(element, 'caption')}>{self.inside(element)}</li>"
        return self._tagged("span", element, style="caption")

    def _media(self, element: etree._Element) -> str:
        names = (element.get("referencedObject") or "").split()
        caption = element.find(f"{_V3}caption")
        alternative = plain_text(caption) if caption is not None else ""
        shown = [self._image(name, alternative) for name in names]
        attributes = self._attributes(element, "renderMultiMedia")
        return f"<span{attributes}>{''.join(shown)}{self.inside(element)}</span>"

    def _image(self, name: str, alternative: str) -> str:
        found = self._targets.find(name, None)
        value = found.find(f"{_V3}value") if found is not None else None
        if value is not None and value.get("representation") == "B64" and value.get("mediaType") in _IMAGES:
            data = "".join((value.text or "").split())
            try:
                base64.b64decode(data, validate=True)
            except binascii.Error:
                data = ""
            if data:
                return f'<img src="data:{value.get("mediaType")};base64,{data}" alt="{escape(alternative or name)}"/>'
        return f'<span class="referencedObject">[{escape(name)}]</span>'


def _has_block(element: etree._Element) -> bool:
    return any(isinstance(each.tag, str) and each.tag.rpartition("}")[2] in _BLOCKS for each in element)
