"""A bundle as it is searched: its texts, its codings, its authors, and what an entry of the document became."""

from __future__ import annotations

import base64
import html
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property
from typing import Any

from lxml import etree

from schemas.fhir import dumps

V3 = "{urn:hl7-org:v3}"
_MARKUP = re.compile(r"<[^>]*>")
_BLANK = re.compile(r"\s+")


def squeezed(text: str) -> str:
    """`text` without any white space."""
    return _BLANK.sub("", text)


class Bundle:
    """What is looked for in a bundle, found once."""

    def __init__(self, bundle: Any) -> None:
        self.resources = [each["resource"] for each in bundle.get("entry", [])]
        self._names = {
            each.get("fullUrl", ""): f"{each['resource']['resourceType']}/{each['resource'].get('id', '')}"
            for each in bundle.get("entry", [])
        }
        self._by_value: dict[str, list[tuple[str, Any]]] = defaultdict(list)
        for resource in self.resources:
            for identifier in _listed(resource.get("identifier")):
                self._by_value[str(identifier.get("value", ""))].append((str(identifier.get("system", "")), resource))

    @cached_property
    def sections(self) -> list[str]:
        """The text of each section of the Composition, without white space."""
        found: list[str] = []
        for resource in self.resources:
            if resource["resourceType"] == "Composition":
                found += [_shown(each) for each in _sections(resource)]
        return found

    @cached_property
    def texts(self) -> list[str]:
        """The narrative of each other resource, and every text in it, without white space."""
        return [*(_shown(each) for each in self._others()), *self.strings]

    @cached_property
    def strings(self) -> list[str]:
        """Every text that another resource says beside its narrative, attachments opened, without white space."""
        return [squeezed(each) for resource in self._others() for each in _strings(resource)]

    @cached_property
    def codings(self) -> set[str]:
        """The codes of all codings that have a system."""
        return {str(each["code"]) for each in self._codings(self.resources)}

    @cached_property
    def diagnosed(self) -> set[str]:
        """The codes of the conditions that encounters refer to, and of the reasons that they have."""
        wanted = {
            self._name(each["condition"]["reference"])
            for resource in self.resources
            if resource["resourceType"] == "Encounter"
            for each in resource.get("diagnosis", [])
        }
        encounters = [each for each in self.resources if each["resourceType"] == "Encounter"]
        wanted |= {self._name(one["reference"]) for each in encounters for one in each.get("reasonReference", [])}
        chosen = [each for each in self.resources if f"{each['resourceType']}/{each.get('id', '')}" in wanted]
        return {str(each["code"]) for each in self._codings([*chosen, *encounters])}

    @cached_property
    def _authorships(self) -> list[tuple[str, str]]:
        """Of each Provenance: when, and its agents' own JSON."""
        by_name = {f"{each['resourceType']}/{each.get('id', '')}": each for each in self.resources}
        found = []
        for resource in self.resources:
            if resource["resourceType"] != "Provenance":
                continue
            said = []
            for agent in resource.get("agent", []):
                for key in ("who", "onBehalfOf"):
                    name = self._name(agent.get(key, {}).get("reference", ""))
                    who = by_name.get(name, {})
                    said.append(Bundle.dumped(who))
                    for inner in ("practitioner", "organization"):
                        one = by_name.get(self._name(who.get(inner, {}).get("reference", "")), {})
                        said.append(Bundle.dumped(one))
            found.append((Bundle.dumped({**resource, "agent": None}), "\n".join(said)))
        return found

    def has_author(self, key: str, day: str) -> bool:
        """Whether a Provenance names an author whom `key` (an identifier, a family name) tells, at `day`."""
        wanted = dumps(key).decode()[1:-1]
        return any(f'"{day}' in when and wanted in who for when, who in self._authorships)

    def linked(self, element: etree._Element, types: tuple[str, ...]) -> list[Any]:
        """The resources of `types` that have an identifier of `element`, or else of the act that it is within."""
        link = element.getparent()
        outer = link.getparent() if link is not None and link.tag == f"{V3}entryRelationship" else None
        for each in (element, outer):
            if each is None:
                continue
            found = [one for key in each.iterchildren(f"{V3}id") for one in self._identified(key, types)]
            if found:
                return found
        return []

    def of(self, element: etree._Element, types: tuple[str, ...]) -> list[Any]:
        """`linked`; where no identifier links them, all of these types."""
        return self.linked(element, types) or [each for each in self.resources if each["resourceType"] in types]

    @staticmethod
    def dumped(resource: Any) -> str:
        """A resource as JSON without its narrative, with decimals as they were written."""
        return dumps({key: value for key, value in resource.items() if key != "text"}).decode()

    def _identified(self, key: etree._Element, types: tuple[str, ...]) -> Iterator[Any]:
        root, extension = key.get("root", "").strip(), key.get("extension", "").strip()
        if key.get("nullFlavor") or not (root or extension):
            return
        values = [extension] if extension else [root, f"urn:oid:{root}", f"urn:uuid:{root.lower()}"]
        for value in values:
            for system, resource in self._by_value.get(value, ()):
                is_same = not extension or not system.startswith("urn:") or system.lower().endswith(root.lower())
                if is_same and resource["resourceType"] in types:
                    yield resource

    def _others(self) -> Iterator[Any]:
        return (each for each in self.resources if each["resourceType"] != "Composition")

    def _name(self, reference: str) -> str:
        return self._names.get(reference, reference)

    @staticmethod
    def _codings(resources: list[Any]) -> Iterator[Any]:
        waiting: list[Any] = list(resources)
        while waiting:
            node = waiting.pop()
            if isinstance(node, list):
                waiting += node
            elif isinstance(node, dict):
                waiting += node.values()
                if "system" in node and "code" in node:
                    yield node


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _sections(node: Any) -> Iterator[Any]:
    for each in node.get("section", []):
        yield each
        yield from _sections(each)


def _shown(resource: Any) -> str:
    """The text of a narrative, without markup and white space."""
    return squeezed(html.unescape(_MARKUP.sub("", resource.get("text", {}).get("div", ""))))


def _strings(node: Any, name: str = "") -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if not (key == "text" and isinstance(value, dict) and "div" in value):
                yield from _strings(value, key)
    elif isinstance(node, list):
        for each in node:
            yield from _strings(each, name)
    elif isinstance(node, str):
        if name == "data":
            yield _opened(node)
        elif name not in ("system", "reference", "id", "resourceType", "fullUrl"):
            yield node


def _opened(data: str) -> str:
    """The text that is in an attachment, as far as it is text."""
    text = base64.b64decode(data).decode("utf-8", "replace")
    return html.unescape(_MARKUP.sub("", text)) if text.lstrip().startswith("<") else text
