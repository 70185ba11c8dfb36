"""A section under way: its narrative, its entries, and which row tells of which."""

from __future__ import annotations

from lxml import etree

from schemas.ccda.namespaces import V3
from transforms.fhir_node import EMPTY, Node
from transforms.fhir_to_ccda.datatypes.codes import LOINC, coded
from transforms.fhir_to_ccda.element import Element, local, make, templates
from transforms.fhir_to_ccda.kinds import Kind
from transforms.fhir_to_ccda.narrative import Row, paragraphs, table
from transforms.fhir_to_ccda.run import Run
from transforms.fhir_to_ccda.xhtml import Narrative

ENTRIES = frozenset(
    (
        "act",
        "encounter",
        "observation",
        "observationMedia",
        "organizer",
        "procedure",
        "supply",
        "substanceAdministration",
    )
)


class Section:
    """One section; `given` is the Narrative of FHIR that came with it, empty where it is to be written."""

    def __init__(self, kind: Kind, run: Run, given: Node = EMPTY, title: str = "", code: Element | None = None) -> None:
        self.kind = kind
        self.run = run
        self.title = title or kind.title
        self.entries: list[Element] = []
        self.inner: list[Element] = []
        self.head: list[Element] = []
        """What stands before the entries: author, confidentialityCode."""
        self.rows: list[Row] = []
        self._code = code
        self._told: list[str] = []
        self._narrative = Narrative(run.taken)
        self._given: list[Element] = []
        if given.peek("status") != "empty":
            self._given = self._narrative.read(given.text("div"))
        given.skip("div", "status")
        self._prefix = run.prefix(kind.key)

    @property
    def is_given(self) -> bool:
        """Whether its narrative came with it."""
        return bool(self._given)

    def row(self, resource: Node = EMPTY) -> Row:
        """A new row for an entry; where the narrative came with the section, its place there by the resource's text."""
        if self._given:
            id = self._narrative.id_for(resource.one("text").peek("div"))
            return GivenRow(id, self)
        row = Row(f"{self._prefix}{len(self.rows) + 1}")
        self.rows.append(row)
        return row

    def add(self, entry: Element | None, row: Row | None = None) -> None:
        """Put an entry into the section; a row that tells of nothing written is taken back."""
        if entry is not None:
            self.entries.append(entry)
        elif row is not None and row in self.rows:
            self.rows.remove(row)

    def tell(self, *texts: str) -> None:
        """Put paragraphs into the narrative."""
        self._told += [text for text in texts if text.strip()]

    def place_of(self, heading: str, text: str) -> str:
        """The ID of the element of the given narrative that says `text`; a paragraph that says it is added."""
        found = self._narrative.id_of_text(text)
        if not found:
            found = f"{self._prefix}note{len(self._given)}"
            self._given.append(make("paragraph", text=f"{heading}: {text}" if heading else text, ID=found))
            self._narrative.said[" ".join(text.split())] = found
        return found

    def element(self, *, templated: bool = True, needed: bool = False) -> Element:
        """The section. Without `templated` it does not say that it keeps the template of its kind.

        Where an entry that it must have is not there, one that the document needs says that it has no information, any
        other keeps the template with entries optional alone.
        """
        nothing = bool(self.kind.entries) and not self._has_required()
        made = make("section", nullFlavor="NI" if nothing and templated and needed else "")
        kept = self.kind.templates[:1] if nothing and not needed else self.kind.templates
        made.extend(templates(*kept) if templated else [])
        if self._code is not None:
            made.append(self._code)
        else:
            code = coded("code", self.kind.code, LOINC, self.kind.title)
            if self.kind.translation:
                code.append(coded("translation", self.kind.translation, LOINC))
            made.append(code)
        made.append(make("title", text=self.title))
        made.append(self._text())
        made.extend(self.head)
        made.extend([make("entry", each, typeCode=_entry_type(each)) for each in self.entries])
        made.extend([make("component", each) for each in self.inner])
        _drop_dangling(made)
        return made

    def _has_required(self) -> bool:
        roots = {each.get("root") for entry in self.entries for each in entry.iterchildren(f"{{{V3}}}templateId")}
        return bool(roots & set(self.kind.entries))

    def _text(self) -> Element:
        text = make("text", *self._given)
        text.extend(paragraphs(*self._told))
        rows = [row for row in self.rows if row.cells]
        if rows:
            text.append(table(rows))
        if not len(text):
            text.append(make("paragraph", text=self.kind.nothing))
        return text


class GivenRow(Row):
    """A row of a narrative that came with the section: what it would tell is told there already."""

    __slots__ = ("_section",)

    def __init__(self, id: str, section: Section) -> None:
        super().__init__(id)
        self._section = section

    def tell(self, heading: str, *texts: str) -> None:
        """Nothing: the narrative says it."""

    def anchor(self, heading: str, text: str) -> str:
        """The ID of the text in the narrative that came, behind which it is added where it is not there."""
        return self._section.place_of(heading, text)


def _entry_type(entry: Element) -> str:
    return "DRIV" if local(entry) in ENTRIES else ""


def _drop_dangling(section: Element) -> None:
    """Take out the references of entries to a row that is not there: an entry whose row tells nothing."""
    ids = {each.get("ID") for each in section.iter(etree.Element) if each.get("ID")}
    for reference in list(section.iter("{urn:hl7-org:v3}reference")):
        value = reference.get("value") or ""
        parent = reference.getparent()
        if parent is None or not value.startswith("#") or value[1:] in ids:
            continue
        holder = parent.getparent()
        parent.remove(reference)
        if holder is not None and not len(parent) and not (parent.text or "").strip():
            holder.remove(parent)
