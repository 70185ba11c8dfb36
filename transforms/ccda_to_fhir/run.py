"""One conversion under way: what the document has become so far, and what there is to say about it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

from lxml import etree

from schemas.ccda import Document
from schemas.ccda.targets import Targets
from schemas.fhir import Element, Resource
from schemas.finding import Severity
from transforms.building import Building
from transforms.ccda_to_fhir.node import Node
from transforms.ccda_to_fhir.options import Options
from transforms.ccda_to_fhir.statement import is_denied
from transforms.converting import line_of
from transforms.identity import resource_id

DEFECT = "CCDA-102"
NO_TEMPLATE = "CCDA-103"
TIME_WITHOUT_OFFSET = "CCDA-111"
NOT_A_TIME = "CCDA-112"
NOT_A_NUMBER = "CCDA-113"
UNMAPPED_CODE = "CCDA-121"
LOST_REFERENCE = "CCDA-131"
REPEATED_TOO_MUCH = "CCDA-132"
MOST_REPEATED = 32 * 1024 * 1024
"""How many characters of the narrative the entries of a document may repeat: each may refer to all of it."""

_OFFSET = re.compile(r"[+-]\d{4}\Z", re.ASCII)
_VISIT = {"encompassingEncounter", "encounter"}
_FACTS = ("code", "statusCode", "value", "effectiveTime", "consumable", "participant", "doseQuantity")

P = ParamSpec("P")
T = TypeVar("T")


class Run(Building):
    """The conversion of one document.

    `patient`, `composition`, `encounter` (of the header) and `author` (who answers for what names no other) are known
    once the header is read; `section` is the section that is open.
    """

    patient: Resource
    composition: Resource
    encounter: Resource | None = None
    author: Element | None = None
    section: Node | None = None

    def __init__(self, document: Document, options: Options) -> None:
        super().__init__("urn:uuid:" if options.bundle != "batch" else "")
        self.options = options
        self.root = Node(document.root)
        self.zone = _offset_of(self.root.value("effectiveTime")) or options.time_zone
        """The zone of times without an offset: that of the document's own effectiveTime, else the site's."""
        number = self.root.get("id")
        self.document_key = f"{number.attr('root')}^{number.attr('extension')}" if number is not None else ""
        self.targets = Targets(document.root)
        self.repeatable = MOST_REPEATED
        """How much of the narrative entries may still repeat."""
        self._made: dict[str, Node] = {}
        self._by_number: dict[tuple[str, str], Resource] = {}
        self._later: list[Callable[[], None]] = []

    @property
    def section_code(self) -> str:
        """The LOINC code of the section that is open, "" where it has none."""
        return self.section.value("code", "code") if self.section is not None else ""

    # resources

    def make(self, resource_type: str, node: Node, *owner: str) -> Resource:
        """The resource that `node` is: the same for the same identifier of the patient, else one of its own.

        An Observation is known by its code as well: systems give all that was measured at once one identifier.
        Where another element of that type has the same identifier, it is the same resource if it says the same, and
        another if it does not: documents repeat identifiers that they should not.
        """
        id = resource_id(resource_type, *self._key(resource_type, node, *owner))
        before = self._made.get(id)
        if before is not None and before is not node and not _is_same(before, node):
            id = resource_id(resource_type, self.document_key, node.where)
        resource = self.add_with_id(resource_type, id)
        self._made.setdefault(id, node)
        for number in node.all("id"):
            if number.peek("root"):
                self._by_number.setdefault((number.peek("root"), number.peek("extension")), resource)
        node.target = resource
        return resource

    def known_by(self, node: Node) -> Resource | None:
        """The resource that an entry with one of the identifiers of `node` became, None where there is none yet."""
        for number in node.all("id"):
            found = self._by_number.get((number.peek("root"), number.peek("extension")))
            if found is not None and self.find(found["id"]) is found:
                return found
        return None

    def later(self, do: Callable[[], None]) -> None:
        """Have `do` done once every entry of the document is read: what refers to entries that come later."""
        self._later.append(do)

    def do_later(self) -> None:
        """Do what was put off."""
        for do in self._later:
            self.guard(do, self.root)
        self._later.clear()

    def own_key(self, node: Node) -> tuple[str, ...]:
        """What identifies the thing at `node` where it has no identifier: the document, and the place in it."""
        return (self.document_key, node.where)

    def _key(self, resource_type: str, node: Node, *owner: str) -> tuple[str, ...]:
        code = node.get("code") if resource_type == "Observation" else None
        for number in node.all("id"):
            root, value = number.peek("root"), number.peek("extension")
            if (root or value) and not number.peek("nullFlavor"):
                kind = (code.peek("code"),) if code is not None else ()
                return (*(owner or (self.patient["id"],)), root, value, *kind)
        return self.own_key(node)

    def drop_since(self, length: int) -> None:
        """Take back what was made since the bundle had `length` resources."""
        for resource in self.resources[length:]:
            self._by_id.pop(resource["id"], None)
            self._made.pop(resource["id"], None)
        del self.resources[length:]

    # what there is to say

    def guard(self, do: Callable[P, T], node: Node, *args: P.args, **more: P.kwargs) -> T | None:
        """What `do` gives; where it fails, None, a finding with the line, and nothing of what it made."""
        length = len(self.resources)
        try:
            return do(*args, **more)
        except Exception as error:
            self.drop_since(length)
            what = f"a template failed ({line_of(error)}); the rest is converted"
            hint = "this is a defect of the engine: report it with this line"
            self.tell(DEFECT, node.where, what, hint, Severity.ERROR)
            return None

    @contextmanager
    def within(self, section: Node) -> Iterator[None]:
        """The time in which `section` is open."""
        before, self.section = self.section, section
        try:
            yield
        finally:
            self.section = before

    def report_time(self, node: Node, day: str) -> None:
        """Say that a time could not be carried as it is."""
        if day:
            what = "a time without an offset, and the time zone is not known; the day is kept, and the text beside it"
            self.tell(TIME_WITHOUT_OFFSET, node.where, what, "name the sender's time_zone in the options")
        else:
            self.tell(NOT_A_TIME, node.where, "this is no time that FHIR can say; its text is kept beside")

    def report_code(self, node: Node, codes: str) -> None:
        """Say that a code has no row in the map `codes`."""
        self.tell(UNMAPPED_CODE, node.where, f"the map {codes} has no such code", "", Severity.INFORMATION)


def _is_same(one: Node, other: Node) -> bool:
    """Whether two elements with one identifier are one thing: the header's visit and its entry, or of equal words."""
    return {one.name, other.name} == _VISIT or (one.name == other.name and _facts(one) == _facts(other))


def _facts(node: Node) -> tuple[str, ...]:
    """What an entry says, for whether two with one identifier say the same."""
    own = f"{is_denied(node)}{node.peek('moodCode')}"
    parts = [child.element for child in node.children() if child.name in _FACTS]
    return (own, *(etree.tostring(each, encoding="unicode", with_tail=False) for each in parts))


def _offset_of(text: str) -> str:
    found = _OFFSET.search(text)
    return found.group() if found is not None else ""
