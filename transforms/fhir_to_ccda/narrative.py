"""The narrative of a section: a table with a row for each entry, and ids that the entries refer to."""

from __future__ import annotations

from dataclasses import dataclass, field

from transforms.fhir_to_ccda.element import Element, make


@dataclass(slots=True)
class Row:
    """What a reader is told of one entry: texts under headings, each of which may be referred to by its id."""

    id: str
    cells: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    """The texts of a cell and the id of each, "" where nothing refers to it."""
    own: str = ""
    """What an entry says of itself that is in no narrative."""

    def tell(self, heading: str, *texts: str) -> None:
        """Put texts into a cell; one that is there already is not said twice."""
        for text in texts:
            cell = self.cells.setdefault(heading, []) if text else []
            if text and text not in [said for _, said in cell]:
                cell.append(("", text))

    def anchor(self, heading: str, text: str) -> str:
        """Put a text into a cell and return the id by which an entry refers to it."""
        cell = self.cells.setdefault(heading, [])
        number = sum(len(each) for each in self.cells.values()) + 1
        id = f"{self.id}-{number}"
        cell.append((id, text))
        return id

    def mention(self, heading: str, text: str) -> str:
        """As `anchor`, for a text that need not be said again where the narrative came with the section."""
        return self.anchor(heading, text)


def reference(tag: str, id: str) -> Element:
    """An element (`text`, `originalText`) whose text stands in the narrative under that id."""
    return make(tag, make("reference", value=f"#{id}"))


def table(rows: list[Row]) -> Element:
    """The rows as a table, with the headings in the order in which they first occur."""
    headings = list(dict.fromkeys(heading for row in rows for heading in row.cells))
    head = make("thead", make("tr", *(make("th", text=each) for each in headings)))
    body = make("tbody")
    for row in rows:
        line = make("tr", ID=row.id)
        line.extend([_cell(row.cells.get(heading, [])) for heading in headings])
        body.append(line)
    return make("table", head, body, border="1", width="100%")


def _cell(texts: list[tuple[str, str]]) -> Element:
    made = make("td")
    if len(texts) == 1 and not texts[0][0]:
        made.text = make("x", text=texts[0][1]).text
        return made
    for number, (id, text) in enumerate(texts):
        if number:
            made.append(make("br"))
        made.append(make("content", text=text, ID=id))
    return made


def paragraphs(*texts: str) -> list[Element]:
    """Texts as paragraphs, a line of each that has several by itself."""
    return [make("paragraph", text=line.strip()) for text in texts for line in text.splitlines() if line.strip()]
