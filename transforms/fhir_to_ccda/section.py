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
from transforms.fhir_to_ccda.xhtml import Narrative, plain

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
        self.empty = ""
        """The nullFlavor of a section that says why it is empty."""
        self.entries: list[Element] = []
        self.inner: list[Element] = []
        self.head: list[Element] = []
        """What stands before the entries: author, confidentialityCode."""
        self.rows: list[Row] = []
        self._code = code
        self._told: list[str] = []
        self._narrative = Narrative(run.taken)
        self._given: Element | None = None
        if given.peek("status") != "empty":
            self._given = self._narrative.read(given.text("div"))
        given.pass_over("div", "status")
        self._prefix = run.prefix(kind.key)

    @property
    def is_given(self) -> bool:
        """Whether its narrative came with it."""
        return self._given is not None

    def row(self, resource: Node = EMPTY) -> Row:
        """A new row for an entry; where the narrative came with the section, its place there by the resource's text."""
        if self._given is not None:
            div = resource.one("text").peek("div")
            id = self._narrative.id_for(div) if div else ""
            return GivenRow(id, self, plain(div) if div and not id and "<t" not in div else "")
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
        if not found and self._given is not None:
            found = f"{self._prefix}note{len(self._given)}"
            self._given.append(make("paragraph", text=f"{heading}: {text}" if heading else text, ID=found))
            self._narrative.said[" ".join(text.split())] = found
        return found

    def said(self, text: str) -> str:
        """The ID of the element of the given narrative that says `text`, "" where none does."""
        return self._narrative.id_of_text(text)

    def element(self, *, templated: bool = True, needed: bool = False) -> Element:
        """The section. Without `templated` it does not say that it keeps the template of its kind.

        Where an entry that the template asks for is not there, one that the document needs says that it has no
        information, and has what entries it has in a section of no template within it; any other keeps the template
        with entries optional, or none.
        """
        kept = self.kind.templates if templated else ()
        within = self._misfits() if kept else []
        if within and not needed:
            kept, within = (), []
        nothing = bool(kept and self.kind.entries) and not self._has_required()
        if nothing and needed:
            within = self.entries
        elif nothing and (len(kept) > 1 or self.entries):
            kept, nothing = kept[:1] if len(kept) > 1 else (), False
        made = make("section", *templates(*kept), nullFlavor=self._flavor(nothing))
        made.append(self._made_code())
        made.append(make("title", text=self.title))
        made.append(self._text())
        made.extend(self.head)
        misfits = {id(each) for each in within}
        fitting = [each for each in self.entries if id(each) not in misfits]
        made.extend([make("entry", each, typeCode=_entry_type(each)) for each in fitting])
        if within:
            text = make("text", make("paragraph", text="The entries of the section around this one."))
            inner = make("section", make("title", text=self.title), text)
            inner.extend([make("entry", each, typeCode=_entry_type(each)) for each in within])
            made.append(make("component", inner))
        made.extend([make("component", each) for each in self.inner])
        _drop_dangling(made)
        return made

    def _flavor(self, nothing: bool) -> str:
        if nothing:
            return self.empty or "NI"
        return self.empty if not self.entries and not self.inner else ""

    def _made_code(self) -> Element:
        if self._code is not None:
            return self._code
        code = coded("code", self.kind.code, LOINC, self.kind.title)
        if self.kind.translation:
            code.append(coded("translation", self.kind.translation, LOINC))
        return code

    def _misfits(self) -> list[Element]:
        """The entries that the section may not have, of a kind that has one template of entries alone."""
        return [each for each in self.entries if self.kind.only and self.kind.only not in _roots(each)]

    def _has_required(self) -> bool:
        return any(root in self.kind.entries for entry in self.entries for root in _roots(entry))

    def _text(self) -> Element:
        text = make("text") if self._given is None else self._given
        text.extend(paragraphs(*self._told))
        rows = [row for row in self.rows if row.cells]
        if rows:
            text.append(table(rows))
        if not len(text) and not (text.text or "").strip():
            text.append(make("paragraph", text=self.kind.nothing))
        return text


class GivenRow(Row):
    """A row of a narrative that came with the section: what it would tell is told there already."""

    __slots__ = ("_section",)

    def __init__(self, id: str, section: Section, own: str) -> None:
        super().__init__(id, own=own)
        self._section = section

    def tell(self, heading: str, *texts: str) -> None:
        """Nothing: the narrative says it."""

    def anchor(self, heading: str, text: str) -> str:
        """The ID of the text in the narrative that came, behind which it is added where it is not there."""
        return self._section.place_of(heading, text)

    def mention(self, heading: str, text: str) -> str:
        """The ID of the text in the narrative that came, or that of the row."""
        return self._section.said(text) or self.id


def _roots(entry: Element) -> list[str]:
    return [each.get("root", "") for each in entry.iterchildren(f"{{{V3}}}templateId")]


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
