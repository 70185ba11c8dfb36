"""The narrative of a document as XHTML: whole for its section, and row by row for its entries."""

from __future__ import annotations

import re
from html import escape

from lxml import etree

from schemas.ccda.namespaces import V3
from schemas.ccda.targets import plain_text
from schemas.ccda.xhtml import Writer
from schemas.fhir import Element
from transforms.ccda_to_fhir.node import Node
from transforms.ccda_to_fhir.run import LOST_REFERENCE, REPEATED_TOO_MUCH, Run

XHTML = "http://www.w3.org/1999/xhtml"
_V3 = f"{{{V3}}}"


def section_narrative(text: Node | None, run: Run) -> Element:
    """The Narrative of a section's text: all of it; one that says so where there is none."""
    if text is not None:
        text.mark()
        inner = Writer(run.targets).inside(text.element)
        if _says_something(inner):
            return _narrative("generated", inner)
    return _narrative("empty", "<p>This section has no text.</p>")


def entry_narrative(text: Node | None, run: Run) -> Element | None:
    """The Narrative of an entry's text: what its reference leads to, with the headings of the table, or its own."""
    if text is None or text.null:
        return None
    target = referred(text, run)
    if target is None:
        own = text.text
        return _narrative("generated", f"<p>{escape(own)}</p>") if own else None
    inner = _row(target, run) or Writer(run.targets).inside(target)
    if target.tag == f"{_V3}list":
        inner = Writer(run.targets).whole(target)
    run.repeatable -= len(inner)
    return _narrative("generated", inner) if _says_something(inner) else None


def joined(one: Element | None, other: Element | None) -> Element | None:
    """The Narrative that says what both say, where one resource is made of two entries."""
    if one is None or other is None or one["div"] == other["div"]:
        return one or other
    head, _, _ = one["div"].rpartition("</div>")
    _, _, tail = other["div"].partition(">")
    return {**one, "div": f"{head}{tail}"}


def referred(text: Node, run: Run) -> etree._Element | None:
    """The element of the narrative that the reference in `text` (type ED) leads to; None, with a finding, without."""
    reference = text.get("reference")
    if reference is None:
        return None
    value = reference.attr("value")
    if not value or not (value.startswith("#") or "/" not in value):
        return None
    found = run.targets.find(value, run.section.element if run.section is not None else None)
    if found is None and value != "#":
        run.tell(LOST_REFERENCE, reference.where, "no element of the narrative has this ID")
    if found is not None and run.repeatable < 0:
        what = "the entries of the document repeat more of its narrative than is taken; it stands in the section alone"
        run.tell(REPEATED_TOO_MUCH, "/ClinicalDocument", what)
        return None
    return found


def text_of(text: Node | None, run: Run) -> str:
    """The plain text of an ED: its own, or what its reference leads to."""
    if text is None:
        return ""
    target = referred(text, run)
    if target is not None:
        text.mark()
        found = plain_text(target)
        run.repeatable -= len(found)
        return found
    return text.text


def _narrative(status: str, inner: str) -> Element:
    return {"status": status, "div": f'<div xmlns="{XHTML}">{inner}</div>'}


def _says_something(inner: str) -> bool:
    return "<img " in inner or bool(re.sub(r"<[^>]*>", "", inner).strip())


def _row(target: etree._Element, run: Run) -> str:
    """The row or cell of a table that `target` is or is alone in, below its headings; "" where it is in none."""
    cell = _cell_of(target)
    row = target if target.tag == f"{_V3}tr" else cell.getparent() if cell is not None else None
    if row is None or row.tag != f"{_V3}tr":
        return ""
    table = next(row.iterancestors(f"{_V3}table"), None)
    heads = table.findall(f"{_V3}thead/{_V3}tr") if table is not None else []
    if row in heads:
        heads = []
    writer = Writer(run.targets)
    if cell is None:
        head = "".join(writer.whole(each) for each in heads)
        body = writer.whole(row)
    else:
        place = list(row).index(cell)
        same = [each[place] for each in heads if len(each) == len(row)]
        head = "".join(f"<tr>{writer.whole(each)}</tr>" for each in same)
        body = f"<tr><td>{writer.inside(cell) if target is cell else writer.whole(target)}</td></tr>"
    return f"<table>{f'<thead>{head}</thead>' if head else ''}<tbody>{body}</tbody></table>"


def _cell_of(target: etree._Element) -> etree._Element | None:
    if target.tag in (f"{_V3}td", f"{_V3}th"):
        return target
    if target.tag != f"{_V3}content":
        return None
    return next(target.iterancestors(f"{_V3}td"), None)
