"""The structure of CDA R2 with HL7's extensions (SDTC), as a schema that libxml2 holds documents to.

`elements.json` says of each class its children in order with how often each may stand there, its attributes and the
datatypes of both; the schema is written of it when the first document is held to it.

In `content`, `(a b)` is a sequence and `[a|b]` a choice, each `name:Type` with `?`, `*`, `+` or `{0,1}`; `=name` is an
element that stands at the top, `#namespace/strictness` any element. In `attributes`, `!` is required, `-` prohibited,
`=value` fixed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

from lxml import etree

from schemas.ccda.namespaces import SDTC, V3

_ITEM = re.compile(r"[\s|]*([(\[]|[)\]](?:[?*+]|\{\d+,\w+\})?|[^\s()|\[\]]+)")
_TIMES = {"": "", "?": ' minOccurs="0"', "*": ' minOccurs="0" maxOccurs="unbounded"', "+": ' maxOccurs="unbounded"'}
_COUNTED = re.compile(r"(.*?)([?*+]|\{(\d+),(\w+)\})?\Z")
_HEAD = (
    f'<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns="{V3}" xmlns:sdtc="{SDTC}" '
    'elementFormDefault="qualified" targetNamespace="{own}">'
    '<xs:import namespace="{other}" schemaLocation="memory:{other}"/>{body}</xs:schema>'
)


@cache
def schema() -> etree.XMLSchema:
    """The schema, made once (a tenth of a second)."""
    table = json.loads(Path(__file__).with_name("elements.json").read_text("utf-8"))
    texts = {
        V3: _HEAD.format(own=V3, other=SDTC, body="".join(_declared(table, is_sdtc=False))),
        SDTC: _HEAD.format(own=SDTC, other=V3, body="".join(_declared(table, is_sdtc=True))),
    }
    parser = etree.XMLParser(no_network=True)
    parser.resolvers.add(_Memory(texts))
    root = etree.fromstring(texts[V3].encode(), parser, base_url=f"memory:{V3}")
    return etree.XMLSchema(root.getroottree())


class _Memory(etree.Resolver):
    """The two halves of the schema, by the names under which they import each other."""

    def __init__(self, texts: dict[str, str]) -> None:
        super().__init__()
        self._texts = texts

    def resolve(self, system_url: str | None, public_id: str | None, context: Any) -> Any:
        """The text of a half."""
        del public_id
        text = self._texts.get((system_url or "").removeprefix("memory:"))
        return None if text is None else self.resolve_string(text, context, base_url=system_url)


def _declared(table: dict[str, Any], *, is_sdtc: bool) -> Iterator[str]:
    def own(name: str) -> str | None:
        return name.removeprefix("sdtc:") if name.startswith("sdtc:") == is_sdtc else None

    for name, kind in table["elements"].items():
        if own(name):
            yield f'<xs:element name="{own(name)}" type="{kind}"/>'
    for name, kind in table["attributes"].items():
        if own(name):
            yield f'<xs:attribute name="{own(name)}" type="{kind}"/>'
    for name, simple in table["simple"].items():
        if own(name):
            yield _simple(str(own(name)), simple)
    for name, kind in table["types"].items():
        if own(name):
            yield _complex(str(own(name)), kind)


def _simple(name: str, told: dict[str, Any]) -> str:
    if "list" in told:
        inner = f'<xs:list itemType="{told["list"]}"/>'
    elif "union" in told:
        inner = f'<xs:union memberTypes="{" ".join(told["union"])}"/>'
    else:
        facets = [
            f"<xs:{facet} value={quoteattr(value)}/>"
            for facet, given in told.items()
            if facet != "base"
            for value in (given if isinstance(given, list) else [given])
        ]
        inner = f'<xs:restriction base="{told["base"]}">{"".join(facets)}</xs:restriction>'
    return f'<xs:simpleType name="{name}">{inner}</xs:simpleType>'


def _complex(name: str, told: dict[str, Any]) -> str:
    inner = _content(told.get("content", "")) + "".join(map(_attribute, told.get("attributes", "").split()))
    for derived in ("extension", "restriction"):
        if derived in told:
            inner = (
                f'<xs:complexContent><xs:{derived} base="{told[derived]}">{inner}</xs:{derived}></xs:complexContent>'
            )
    flags = "".join(f' {flag}="true"' for flag in ("mixed", "abstract") if told.get(flag))
    return f'<xs:complexType name="{name}"{flags}>{inner}</xs:complexType>'


def _content(text: str) -> str:
    """A content model as XML Schema; the occurrence of a group stands behind it and so is put in at its end."""
    done: list[str] = []
    opened: list[int] = []
    for found in _ITEM.finditer(text):
        item = found[1]
        if item in "([":
            opened.append(len(done))
            done.append("sequence" if item == "(" else "choice")
        elif item[0] in ")]":
            start = opened.pop()
            kind = done[start]
            done[start:] = [f"<xs:{kind}{_times(item[1:])}>{''.join(done[start + 1 :])}</xs:{kind}>"]
        else:
            done.append(_particle(item))
    return "".join(done)


def _particle(item: str) -> str:
    found = _COUNTED.match(item)
    name, times = (found[1], _times(found[2] or "")) if found is not None else (item, "")
    if name.startswith("="):
        return f'<xs:element ref="{name[1:]}"{times}/>'
    if name.startswith("#"):
        namespace, _, process = name[1:].partition("/")
        return f'<xs:any namespace="##{namespace}" processContents="{process}"{times}/>'
    name, _, kind = name.partition(":")
    return f'<xs:element name="{name}" type="{kind}"{times}/>'


def _times(mark: str) -> str:
    if mark.startswith("{"):
        low, _, high = mark[1:-1].partition(",")
        return f' minOccurs="{low}" maxOccurs="{high}"'
    return _TIMES[mark]


def _attribute(item: str) -> str:
    item, _, fixed = (item, "", "") if item.startswith("=") else item.partition("=")
    use = {"!": ' use="required"', "-": ' use="prohibited"'}.get(item[-1], "")
    item = item[:-1] if use else item
    if item.startswith("="):
        return f'<xs:attribute ref="{item[1:]}"{use}/>'
    name, _, kind = item.partition(":")
    value = f" fixed={quoteattr(fixed)}" if fixed else ""
    return f'<xs:attribute name="{name}" type="{kind}"{use}{value}/>'
