"""The XHTML of FHIR's narrative to the narrative of a section: all that it says, in what the schema has for it."""

from __future__ import annotations

import re

from lxml import etree

from schemas.ccda.namespaces import V3
from schemas.xml import XmlError, parse_xml
from transforms.fhir_to_ccda.element import Element, clean, local, make

_KEPT = ("colspan", "rowspan", "align", "valign", "width", "border", "cellpadding", "cellspacing", "span")
_ON = {"table": ("width", "border", "cellpadding", "cellspacing"), "col": ("align", "valign", "width", "span")}
_CELL = ("colspan", "rowspan", "align", "valign")
_NAME = re.compile(r"[A-Za-z_][\w.\-]*\Z", re.ASCII)
_STYLES = {"b": "Bold", "strong": "Bold", "th": "Bold", "i": "Italics", "em": "Emphasis", "u": "Underline"}
_HEADINGS = frozenset(("h1", "h2", "h3", "h4", "h5", "h6"))
_PARAGRAPHS = frozenset(("p", "div", "pre", "blockquote", "address", "hr", "dl", "dt", "dd", *_HEADINGS))
_BLOCKS = frozenset((*_PARAGRAPHS, "ul", "ol", "table"))
_TELLING = 20
"""How long a text is that means what it means within another one, too."""
_WORDS = frozenset(("footnote", "caption", "renderMultiMedia", "referencedObject", "footnoteRef"))
"""What the way to FHIR writes as the class of an element that XHTML has not."""


class Narrative:
    """The narrative of one section; `ids` are the IDs in it, by the id that the XHTML has, `said` the text of each."""

    def __init__(self, taken: set[str]) -> None:
        self.ids: dict[str, str] = {}
        self.said: dict[str, str] = {}
        self._taken = taken

    def read(self, div: str) -> Element | None:
        """The text of a section that is the XHTML `div`; None where that is none, or says nothing."""
        root = _parsed(div)
        if root is None:
            return None
        made = make("text")
        self._fill(made, root, inline=False)
        return made if len(made) or (made.text or "").strip() else None

    def id_for(self, div: str) -> str:
        """The ID in this narrative of what the XHTML `div` shows, "" where it shows nothing of it."""
        root = _parsed(div)
        if root is None:
            return ""
        for each in root.iter(etree.Element):
            found = self.ids.get(each.get("id") or "")
            if found:
                return found
        rows = [each for each in root.iter(etree.Element) if local(each).lower() == "tbody"]
        return next((found for each in (*rows, root) if (found := self.id_of_text("".join(_texts(each))))), "")

    def id_of_text(self, text: str) -> str:
        """The ID of the element that says `text`, or least beside it; "" where none does."""
        wanted = _squeezed(text)
        found = self.said.get(wanted, "")
        if found or len(wanted) < _TELLING:
            return found
        around = [said for said in self.said if wanted in said]
        return self.said[min(around, key=len)] if around else ""

    def _fill(self, into: Element, element: Element, *, inline: bool) -> None:
        """Put the content of `element` into `into`, in which blocks may stand unless it is `inline`."""
        _add_text(into, element.text)
        for child in element:
            if isinstance(child.tag, str):
                self._put(into, child, inline=inline)
            _add_text(into, child.tail)

    def _put(self, into: Element, child: Element, *, inline: bool) -> None:
        name = local(child).lower()
        match name:
            case "br":
                into.append(make("br"))
            case "table":
                self._table(into, child, inline=inline)
            case "ul" | "ol" if not inline:
                self._list(into, child, name)
            case "a":
                self._link(into, child)
            case "img":
                into.append(make("content", text=f"[{child.get('alt') or 'image'}]"))
            case "sub" | "sup":
                made = make(name)
                self._fill(made, child, inline=True)
                into.append(made)
            case "span" if "footnote" in (child.get("class") or "").split():
                made = make("footnote", **self._attributes(child))
                self._fill(made, child, inline=True)
                into.append(made)
            case _ if name in _PARAGRAPHS and not inline:
                self._paragraph(into, child, name)
            case _ if name in _BLOCKS:
                if len(into) or (into.text or "").strip():
                    into.append(make("br"))
                self._span(into, child, name)
            case _:
                self._span(into, child, name)

    def _paragraph(self, into: Element, child: Element, name: str) -> None:
        if any(isinstance(each.tag, str) and local(each).lower() in _BLOCKS for each in child.iterdescendants()):
            made = make("holder")
            self._fill(made, child, inline=False)
            parts = _content(made)
            id = self._own_id(child)
            if id and parts:
                parts[0].set("ID", parts[0].get("ID") or id)
            into.extend(parts)
            return
        made = make("paragraph", **self._attributes(child))
        target = made
        if name in _HEADINGS:
            target = make("content", styleCode="Bold")
            made.append(target)
        self._fill(target, child, inline=True)
        if made.text or len(made):
            into.append(made)

    def _span(self, into: Element, child: Element, name: str) -> None:
        attributes = self._attributes(child)
        if name in _STYLES and "styleCode" not in attributes:
            attributes["styleCode"] = _STYLES[name]
        made = make("content", **attributes)
        self._fill(made, child, inline=True)
        into.append(made)

    def _list(self, into: Element, child: Element, name: str) -> None:
        made = make("list", listType="ordered" if name == "ol" else "unordered", **self._attributes(child))
        made.text = _blank(child.text)
        for each in child:
            if not isinstance(each.tag, str):
                continue
            if "caption" in (each.get("class") or "").split() and not len(made):
                item = make("caption", **self._attributes(each))
                self._fill(item, each, inline=True)
            else:
                item = make("item", **self._attributes(each))
                self._fill(item, each, inline=False)
            item.tail = _blank(each.tail)
            made.append(item)
        if len(made):
            into.append(made)

    def _link(self, into: Element, child: Element) -> None:
        href = child.get("href") or ""
        if "footnoteRef" in (child.get("class") or "").split() and self.ids.get(href[1:]):
            into.append(make("footnoteRef", IDREF=self.ids[href[1:]]))
            return
        if href.startswith("#"):
            href = f"#{self.ids.get(href[1:], href[1:])}"
        made = make("linkHtml", href=href, **self._attributes(child))
        self._text_only(made, child)
        into.append(made)

    def _text_only(self, into: Element, child: Element) -> None:
        _add_text(into, "".join(_texts(child)))

    def _table(self, into: Element, child: Element, *, inline: bool) -> None:
        rows = [each for each in child.iter(etree.Element) if local(each).lower() == "tr"]
        if inline or _within_cell(into) or not any(len(each) for each in rows):
            for row in rows:
                self._span(into, row, "span")
                into.append(make("br"))
            return
        made = make("table", **self._attributes(child, *_ON["table"]))
        made.text = _blank(child.text)
        loose: list[Element] = []
        for each in child:
            name = local(each).lower() if isinstance(each.tag, str) else ""
            match name:
                case "caption":
                    caption = make("caption", **self._attributes(each))
                    self._fill(caption, each, inline=True)
                    made.insert(0, caption)
                case "thead" | "tbody" | "tfoot":
                    group = make(name, **self._attributes(each))
                    group.text = _blank(each.text)
                    self._rows(group, [row for row in each if isinstance(row.tag, str)])
                    if len(group):
                        group.tail = _blank(each.tail)
                        made.append(group)
                case "tr":
                    loose.append(each)
        if loose:
            body = make("tbody")
            self._rows(body, loose)
            made.append(body)
        _complete(made)
        into.append(made)

    def _rows(self, group: Element, rows: list[Element]) -> None:
        for row in rows:
            if local(row).lower() != "tr":
                continue
            line = make("tr", **self._attributes(row))
            line.text = _blank(row.text)
            for cell in row:
                name = local(cell).lower() if isinstance(cell.tag, str) else ""
                if name in ("td", "th"):
                    made = make(name, **self._attributes(cell, *_CELL))
                    self._fill(made, cell, inline=name == "th")
                    made.tail = _blank(cell.tail)
                    line.append(made)
            if len(line):
                line.tail = _blank(row.tail)
                group.append(line)

    def _attributes(self, element: Element, *names: str) -> dict[str, str]:
        found = {name: element.get(name) or "" for name in names if element.get(name)}
        words = [each for each in (element.get("class") or "").split() if each not in _WORDS]
        if words and local(element).lower() not in ("sub", "sup"):
            found["styleCode"] = " ".join(words)
        id = self._own_id(element)
        if id:
            found["ID"] = id
        return found

    def _own_id(self, element: Element) -> str:
        written = element.get("id") or ""
        if not written or written in self.ids:
            return ""
        id = written if _NAME.match(written) else "n-" + re.sub(r"[^\w.\-]", "-", written, flags=re.ASCII)
        number = 2
        while id in self._taken:
            id, number = f"{id.rpartition('--')[0] or id}--{number}", number + 1
        self._taken.add(id)
        self.ids[written] = id
        self.said.setdefault(_squeezed("".join(_texts(element))), id)
        return id


def plain(div: str) -> str:
    """What the XHTML `div` says, as text."""
    root = _parsed(div) if div else None
    return _squeezed(" ".join(_texts(root))) if root is not None else ""


def _parsed(div: str) -> Element | None:
    try:
        return parse_xml(clean(div).encode())
    except XmlError:
        return None


def _content(holder: Element) -> list[Element]:
    """What is in `holder` as elements; text that stands for itself becomes paragraphs."""
    made: list[Element] = []
    for text, child in ((holder.text, None), *((each.tail, each) for each in list(holder))):
        if child is not None:
            child.tail = None
            if local(child) in ("content", "linkHtml", "sub", "sup", "br", "footnote", "footnoteRef"):
                if not made or made[-1].get("styleCode") != "loose":
                    made.append(make("paragraph", styleCode="loose"))
                made[-1].append(child)
            else:
                made.append(child)
        if text and text.strip():
            if not made or made[-1].get("styleCode") != "loose":
                made.append(make("paragraph", styleCode="loose"))
            _add_text(made[-1], text)
    for each in made:
        if each.get("styleCode") == "loose":
            del each.attrib["styleCode"]
    return made


def _complete(table: Element) -> None:
    """Give a table the body that the schema demands, and put head, foot and body into its order."""
    if not any(local(each) == "tbody" for each in table):
        head = next((each for each in table if local(each) in ("thead", "tfoot")), None)
        if head is not None:
            head.tag = f"{{{V3}}}tbody"
        else:
            table.append(make("tbody", make("tr", make("td"))))
    order = {"caption": 0, "thead": 1, "tfoot": 2, "tbody": 3}
    table[:] = sorted(table, key=lambda each: order.get(local(each), 4))


def _blank(text: str | None) -> str | None:
    """Space between the parts of a table or list, in which nothing is said."""
    return text if text and not text.strip() else None


def _within_cell(element: Element) -> bool:
    return local(element) in ("td", "th")


def _add_text(into: Element, text: str | None) -> None:
    if not text:
        return
    if len(into):
        into[-1].tail = (into[-1].tail or "") + text
    else:
        into.text = (into.text or "") + text


def _texts(element: Element) -> list[str]:
    return [str(each) for each in element.itertext()]


def _squeezed(text: str) -> str:
    return " ".join(text.split())
