"""The validation of C-CDA: the structure of CDA, the rules of the templates that a document says it keeps, references.

Rules are those of C-CDA R2.1: a template asks what its version asks, and what a document of another version keeps under
the same root is held to the rules that name no version.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from lxml import etree

from schemas.ccda.document import Document
from schemas.ccda.namespaces import V3
from schemas.ccda.place import place_of
from schemas.ccda.rules import Group, groups, twins
from schemas.ccda.structure import schema
from schemas.finding import Finding, Severity

STRUCTURE = "CCDA-301"
VALUE = "CCDA-302"
RULE = "CCDA-303"
TWIN = "CCDA-304"
REFERENCE = "CCDA-305"
DUPLICATE = "CCDA-306"
NO_TEMPLATE = "CCDA-307"
MANY = "CCDA-399"
MOST_FINDINGS = 1000
"""How many findings are told; CCDA-399 says that there are more."""

_TEMPLATE_ID = f"{{{V3}}}templateId"
_REFERENCE = f"{{{V3}}}reference"
_NAMES = re.compile(r"\{[^{}]*\}")
_EXPECTED = re.compile(r"Expected is (?:one of )?\(? ?([^)]*?) ?\)?\.")
_ATTRIBUTE = re.compile(r"Element '[^']*'(?:, attribute '([^']*)'|: The attribute '([^']*)' is )")
_PREFIXED = re.compile(r"[\w.-]+:([\w.-]+)")
_STRUCTURAL = {
    "SCHEMAV_ELEMENT_CONTENT": "",
    "SCHEMAV_CVC_ELT_1": "the element is not known here",
    "SCHEMAV_CVC_COMPLEX_TYPE_2_1": "the element has to be empty",
    "SCHEMAV_CVC_COMPLEX_TYPE_2_2": "the element may hold text only",
    "SCHEMAV_CVC_COMPLEX_TYPE_2_3": "text is not allowed between the elements here",
    "SCHEMAV_CVC_COMPLEX_TYPE_3_2_1": "has no place on this element",
    "SCHEMAV_CVC_COMPLEX_TYPE_3_2_2": "has no place on this element",
    "SCHEMAV_CVC_COMPLEX_TYPE_4": "is missing",
    "SCHEMAV_CVC_ELT_4_2": "xsi:type names no datatype of CDA",
    "SCHEMAV_CVC_ELT_4_3": "xsi:type is none that may stand here",
    "SCHEMAV_CVC_TYPE_2": "xsi:type is missing: the datatype has to be told here",
    "SCHEMAV_CVC_AU": "does not have the value that is fixed for it",
}


def validate(document: Document) -> list[Finding]:
    """What is wrong in `document`, in the order of its lines; nothing is raised.

    Each finding (CCDA-301 to CCDA-399) has the XPath and the line, of a rule the template and the guide's number, and
    never a value.
    """
    found: list[tuple[int, Finding]] = []
    for each in _all(document):
        if len(found) == MOST_FINDINGS:
            what = f"more than {MOST_FINDINGS} findings; the others are not told"
            last = Finding(MANY, "/ClinicalDocument", what, "correct these first", Severity.WARNING)
            return [finding for _, finding in sorted(found, key=lambda pair: pair[0])] + [last]
        found.append(each)
    return [finding for _, finding in sorted(found, key=lambda pair: pair[0])]


def _all(document: Document) -> Iterator[tuple[int, Finding]]:
    if not document.had_namespace:
        hint = f'write xmlns="{V3}"'
        yield 0, Finding(STRUCTURE, "/ClinicalDocument", "the elements have no namespace", hint)
    yield from _structure(document.root)
    kept = _kept(document.root)
    if not any(template in groups() for template in _of_root(document)):
        what = "the document keeps no document template of C-CDA R2.1; its header and sections are held to no rule"
        yield 0, Finding(NO_TEMPLATE, "/ClinicalDocument", what, severity=Severity.INFORMATION)
    for template, elements in kept.items():
        for group in groups().get(template, ()):
            yield from _broken(group, elements)
    yield from _twins(document, kept)
    yield from _references(document.root)


def _structure(root: etree._Element) -> Iterator[tuple[int, Finding]]:
    checker = schema()
    if checker.validate(root):
        return
    for error in checker.error_log:
        where = _readable_path(error.path, root)
        yield error.line, _structural(error.type_name, error.message, f"{where} (line {error.line})")


def _structural(kind: str, message: str, where: str) -> Finding:
    """The finding of an error of libxml2's, whose message is read for names only: it quotes values."""
    attribute = _ATTRIBUTE.match(message)
    name = f"@{_NAMES.sub('', attribute[1] or attribute[2])} " if attribute is not None else ""
    if kind == "SCHEMAV_ELEMENT_CONTENT":
        expected = _EXPECTED.search(message)
        names = _NAMES.sub("", expected[1]) if expected is not None else ""
        if "Missing child" in message:
            return Finding(STRUCTURE, where, "an element within this one is missing", _one_of(names))
        return Finding(STRUCTURE, where, "the element may not stand here", _one_of(names))
    if kind in _STRUCTURAL:
        return Finding(STRUCTURE, where, f"{name}{_STRUCTURAL[kind]}".strip())
    return Finding(VALUE, where, f"{name or 'the text '}is no value of its datatype")


def _one_of(names: str) -> str:
    shown = [each.strip() for each in names.split(",") if each.strip()][:8]
    return f"{' or '.join(shown)} may stand here" if shown else ""


def _readable_path(path: str | None, root: etree._Element) -> str:
    """The place that libxml2 names by numbers (`/*/*[3]`), by names."""
    if not path:
        return "/ClinicalDocument"
    path = path.partition("/@")[0]
    try:
        found = root.getroottree().xpath(_PREFIXED.sub(r"*[local-name()='\1']", path))
    except etree.XPathError:
        return "/ClinicalDocument"
    element = found[0] if isinstance(found, list) and found else None
    return place_of(element) if isinstance(element, etree._Element) else "/ClinicalDocument"


def _kept(root: etree._Element) -> dict[str, list[etree._Element]]:
    """The elements that say that they keep a template, by its root and by root and extension."""
    kept: dict[str, list[etree._Element]] = defaultdict(list)
    for each in root.iter(_TEMPLATE_ID):
        holder = each.getparent()
        if holder is None:
            continue
        name, extension = each.get("root", ""), each.get("extension")
        for template in (name, f"{name}:{extension}") if extension is not None else (name,):
            elements = kept[template]
            if not elements or elements[-1] is not holder:
                elements.append(holder)
    return kept


def _of_root(document: Document) -> list[str]:
    return [f"{root}:{extension}" if extension else root for root, extension in document.template_ids]


def _broken(group: Group, elements: list[etree._Element]) -> Iterator[tuple[int, Finding]]:
    """The rules of the group that these elements break."""
    tag = f"{{{V3}}}{group.element}"
    for element in elements:
        if element.tag != tag:
            continue
        at = group.at(element) if group.at is not None else [element]
        for each in at if isinstance(at, list) else []:
            if not isinstance(each, etree._Element) or group.all_hold(each):
                continue
            for rule in group.rules:
                if not rule.holds(each):
                    where = f"{place_of(each)} (line {each.sourceline})"
                    hint = f"template {group.template}" + (f", CONF:{rule.conf}" if rule.conf else "")
                    yield each.sourceline or 0, Finding(RULE, where, str(rule), hint)


def _twins(document: Document, kept: dict[str, list[etree._Element]]) -> Iterator[tuple[int, Finding]]:
    """Elements of a document of R2.1 that have a template's identifier in the new form only."""
    old, documents = twins()
    if not documents.intersection(_of_root(document)):
        return
    for template, elements in kept.items():
        if template not in old:
            continue
        root = template.partition(":")[0]
        for element in elements:
            forms = [each for each in element.iterchildren(_TEMPLATE_ID) if each.get("root") == root]
            if all(each.get("extension") is not None for each in forms):
                where = f"{place_of(element)} (line {element.sourceline})"
                what = f"templateId {root} is wanted without extension as well"
                yield element.sourceline or 0, Finding(TWIN, where, what, "CONF:1198-32934 to 1198-32946")


def _references(root: etree._Element) -> Iterator[tuple[int, Finding]]:
    """References into the narrative that lead nowhere, and IDs that stand twice."""
    ids: set[str] = set()
    references: list[etree._Element] = []
    for element in root.iter(etree.Element):
        name = element.get("ID")
        if name:
            if name in ids:
                where = f"{place_of(element)} (line {element.sourceline})"
                what = "another element has this ID already"
                yield element.sourceline or 0, Finding(DUPLICATE, where, what, severity=Severity.WARNING)
            ids.add(name)
        elif element.tag == _REFERENCE and element.get("value", "").startswith("#"):
            references.append(element)
    for element in references:
        if element.get("value", "")[1:] not in ids:
            where = f"{place_of(element)} (line {element.sourceline})"
            what = "no element of the narrative has the ID that is referred to"
            yield element.sourceline or 0, Finding(REFERENCE, where, what, severity=Severity.WARNING)
