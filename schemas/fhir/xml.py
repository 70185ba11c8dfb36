"""FHIR's XML form (R4, 2.6.2) to a resource and back, without loss and without trust in the sender."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from lxml import etree

from schemas.fhir.elements import ANY_RESOURCE, PRIMITIVES, ElementType, element_names, element_type
from schemas.fhir.error import FhirError
from schemas.fhir.read import MOST_BYTES, MOST_DEPTH, decimal
from schemas.fhir.resource import Element, Resource
from schemas.fhir.types import RESOURCES
from schemas.xml import new_parser

NAMESPACE = "http://hl7.org/fhir"
XHTML = "http://www.w3.org/1999/xhtml"

_FHIR = f"{{{NAMESPACE}}}"
_DIV = f"{{{XHTML}}}div"
_INTEGERS = ("integer", "positiveInt", "unsignedInt")
_WHOLE = re.compile(r"-?\d{1,18}\Z", re.ASCII)
_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?\Z", re.ASCII)
_OF_RESOURCES = ("id", "meta", "implicitRules", "language", "text", "contained", "extension", "modifierExtension")
_OF_ELEMENTS = ("extension", "modifierExtension")


def from_xml(body: bytes) -> Resource:
    """The resource that `body` says; raises `FhirError` with the place where it says none.

    No document type, no entity beyond XML's own five, nothing fetched; at most `MOST_BYTES` and `MOST_DEPTH`.
    """
    if len(body) > MOST_BYTES:
        raise FhirError(f"the body is larger than {MOST_BYTES >> 20} MB")
    try:
        root = etree.fromstring(body, new_parser())  # with comments: a narrative keeps its own
    except etree.XMLSyntaxError as error:
        raise FhirError(f"the body is no XML: line {error.lineno}") from None
    except ValueError:
        raise FhirError("the body is no XML") from None
    if root.getroottree().docinfo.doctype:
        raise FhirError("the body declares a document type", hint="FHIR's XML has none")
    return _resource(root, MOST_DEPTH)


def to_xml(resource: Resource) -> bytes:
    """The XML of `resource`, in UTF-8; raises `FhirError` where an element is none of R4's or a text none of XML's."""
    try:
        root = _resource_node(resource)
    except FhirError:
        raise
    except ValueError:
        raise FhirError("a text holds a character that XML cannot write", hint="ask for JSON") from None
    written: bytes = etree.tostring(root, encoding="UTF-8", xml_declaration=True)
    return written


# in


def _resource(node: etree._Element, depth: int) -> Resource:
    name = _name(node)
    if name not in RESOURCES:
        raise FhirError(f"R4 has no such resource, line {node.sourceline}")
    return {"resourceType": name, **_parts(node, name, name, depth)}


def _parts(node: etree._Element, of: str, path: str, depth: int) -> Element:
    """What is within `node`, an element of type `of`, as JSON has it."""
    if depth <= 0:
        raise FhirError(f"the body is nested more than {MOST_DEPTH} deep")
    made: Element = {name: text for name in ("id", "url") if (text := node.get(name)) is not None}
    for child in node.iterchildren(etree.Element):  # comments are kept in a narrative alone
        name = "div" if child.tag == _DIV else _name(child)
        kind = element_type(of, name)
        if kind is None or name == "resourceType":
            raise FhirError(f"{path} has no such element in R4, line {child.sourceline}")
        value, beside = _value(child, kind.type, f"{path}.{name}", depth - 1)
        _hold(made, name, value, beside, kind)
    for name in [each for each in made if each.startswith("_")]:
        if not any(made[name]):
            del made[name]
    return {name: value for name, value in made.items() if not isinstance(value, list) or any(map(_is_there, value))}


def _hold(made: Element, name: str, value: object, beside: Element | None, kind: ElementType) -> None:
    """Put one element into the object it is part of; of a primitive in a list, its place holds both halves together."""
    if kind.is_list:
        made.setdefault(name, []).append(value)
        if kind.is_primitive:
            made.setdefault(f"_{name}", []).append(beside)
        return
    if name in made or f"_{name}" in made:
        raise FhirError(f"{name} stands twice")
    if value is not None:
        made[name] = value
    if beside:
        made[f"_{name}"] = beside


def _value(node: etree._Element, kind: str, path: str, depth: int) -> tuple[Any, Element | None]:
    """The value of an element of type `kind`; of a primitive also its id and extensions."""
    if kind == ANY_RESOURCE:
        inner = list(node.iterchildren(etree.Element))
        if len(inner) != 1:
            raise FhirError(f"{path} holds one resource, line {node.sourceline}")
        return _resource(inner[0], depth), None
    if kind == "xhtml":
        return etree.tostring(node, encoding="unicode", with_tail=False), None
    if kind not in PRIMITIVES:
        return _parts(node, kind, path, depth), None
    text = node.get("value")
    beside = _parts(node, "Element", path, depth)
    return (None if text is None else _plain(text, kind, path, node.sourceline)), beside or None


def _plain(text: str, kind: str, path: str, line: int | None) -> object:
    if kind == "boolean":
        if text not in ("true", "false"):
            raise FhirError(f"{path} is true or false, line {line}")
        return text == "true"
    if kind in _INTEGERS:
        if _WHOLE.match(text) is None:
            raise FhirError(f"{path} is a whole number, line {line}")
        return int(text)
    if kind == "decimal":
        if _NUMBER.match(text) is None:
            raise FhirError(f"{path} is a number, line {line}")
        return decimal(text)
    return text


def _name(node: etree._Element) -> str:
    tag = node.tag
    if not isinstance(tag, str) or not tag.startswith(_FHIR):
        raise FhirError(f"this is no element of FHIR, line {node.sourceline}", hint=f"its namespace is {NAMESPACE}")
    return tag[len(_FHIR) :]


def _is_there(value: object) -> bool:
    return value is not None


# out


def _resource_node(resource: Resource) -> etree._Element:
    name = resource.get("resourceType")
    if not isinstance(name, str) or name not in RESOURCES:
        raise FhirError("R4 has no such resource")
    node = etree.Element(f"{_FHIR}{name}", nsmap={None: NAMESPACE})
    _fill(node, resource, name, name, _OF_RESOURCES)
    return node


def _fill(node: etree._Element, element: Element, of: str, path: str, first: Iterable[str]) -> None:
    """Put what `element`, of type `of`, holds into `node`, in the order of R4."""
    unknown = {name.removeprefix("_") for name in element} - {"resourceType", *element_names(of)}
    if unknown:
        raise FhirError(f"{path} has an element that R4 does not know")
    for name in dict.fromkeys((*first, *element_names(of))):
        if name not in element and f"_{name}" not in element:
            continue
        if name == "resourceType" or (name in ("id", "url") and _is_attribute(of, name)):
            continue
        kind = element_type(of, name)
        if kind is not None:
            for value, beside in _each(element.get(name), element.get(f"_{name}"), kind, f"{path}.{name}"):
                _add(node, name, value, beside, kind.type, f"{path}.{name}")


def _each(value: Any, beside: Any, kind: ElementType, path: str) -> Iterator[tuple[Any, Any]]:
    """The values of an element, each with what stands beside it."""
    if not kind.is_list:
        yield value, beside
        return
    values, extras = value if value is not None else [], beside if beside is not None else []
    if not isinstance(values, list) or not isinstance(extras, list):
        raise FhirError(f"{path} is a list")
    for at in range(max(len(values), len(extras))):
        yield values[at] if at < len(values) else None, extras[at] if at < len(extras) else None


def _add(node: etree._Element, name: str, value: Any, beside: Any, kind: str, path: str) -> None:
    if kind == "xhtml":
        node.append(_div(value, path))
        return
    child = etree.SubElement(node, _FHIR + name)
    if kind == ANY_RESOURCE:
        child.append(_resource_node(_object(value, path)))
    elif kind in PRIMITIVES:
        if value is not None:
            child.set("value", _text(value, path))
        if beside is not None:
            _within(child, _object(beside, path), "Element", path)
    else:
        _within(child, _object(value, path), kind, path)


def _within(child: etree._Element, element: Element, kind: str, path: str) -> None:
    for name in ("id", "url"):
        if name in element and _is_attribute(kind, name):
            child.set(name, _text(element[name], f"{path}.{name}"))
    _fill(child, element, kind, path, _OF_ELEMENTS)


def _is_attribute(of: str, name: str) -> bool:
    """Whether XML writes it as an attribute: the id of an element that is no resource, the url of an extension."""
    return of not in RESOURCES and (name == "id" or of == "Extension")


def _div(text: object, path: str) -> etree._Element:
    try:
        div = etree.fromstring(str(text).encode(), new_parser())
    except etree.XMLSyntaxError:
        raise FhirError(f"{path} is no XHTML") from None
    if div.tag != _DIV or div.getroottree().docinfo.doctype:
        raise FhirError(f"{path} is no div of XHTML")
    return div


def _object(value: object, path: str) -> Element:
    if not isinstance(value, dict):
        raise FhirError(f"{path} is an object")
    return value


def _text(value: object, path: str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, str | int | float):
        return str(value)
    raise FhirError(f"{path} is one value")
