"""A laboratory report as a PDF: laid out in lines, broken into pages, and drawn."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from reportlab.pdfgen.canvas import Canvas

from transforms.labs.fonts import Fonts
from transforms.labs.report import Report, Row, Section

WIDTH, HEIGHT, MARGIN = 612.0, 792.0, 40.0
"""US letter, in points."""
_TOP, _BOTTOM = 84.0, 48.0
_SIZE, _LEADING = 8.5, 11.0
_COLUMNS = (("Test", 150.0), ("Result", 104.0), ("Unit", 60.0), ("Range", 66.0), ("Flag", 76.0), ("Status", 76.0))
_GAP = 5.0
_LABEL = 110.0
_CALM = ("Normal", "Susceptible", "Negative", "Not detected", "Non-reactive")
_RED = (0.7, 0.0, 0.0)
_MOST_PAGES = 200
_MOST_LINES = _MOST_PAGES * int(HEIGHT / _LEADING)


class Piece(NamedTuple):
    """A text at `x` of its line."""

    x: float
    text: str
    bold: bool = False
    size: float = _SIZE
    red: bool = False


class Line(NamedTuple):
    """What stands side by side; `rule` draws a line above. `again` is the heading to repeat where a page begins."""

    pieces: tuple[Piece, ...] = ()
    height: float = _LEADING
    rule: bool = False
    again: Line | None = None


class TooLongError(Exception):
    """The report has more pages than anybody reads."""


def pdf_of(report: Report, fonts: Fonts) -> bytes:
    """`report` as a PDF, the same bytes for the same report; raises `TooLongError` beyond 200 pages."""
    pages = list(_pages(_lines(report, fonts)))
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=(WIDTH, HEIGHT), invariant=1, pageCompression=1)
    canvas.setTitle(report.title)
    canvas.setCreator("hie")
    for number, page in enumerate(pages, start=1):
        for piece, y in _frame(report, number, len(pages), fonts):
            _draw(canvas, piece, y, fonts)
        y = HEIGHT - _TOP
        for line in page:
            if line.rule:
                canvas.setLineWidth(0.5)
                canvas.line(MARGIN, y - 1, WIDTH - MARGIN, y - 1)
            y -= line.height
            for piece in line.pieces:
                _draw(canvas, piece, y + 2, fonts)
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def _frame(report: Report, number: int, count: int, fonts: Fonts) -> Iterator[tuple[Piece, float]]:
    """What stands on every page: what it is, whose it is, the banner, the number of the page."""
    yield Piece(MARGIN, report.title, True, 13), HEIGHT - 44
    patient = "   ".join(text for label, text in report.facts if label in ("Patient", "Born", "Patient number"))
    if number > 1 and patient:
        yield Piece(MARGIN + 160, _fitting(patient, WIDTH - 2 * MARGIN - 160, fonts)), HEIGHT - 44
    if report.banner:
        yield Piece(MARGIN, report.banner, True, 11, red=True), HEIGHT - 62
    yield Piece(WIDTH - MARGIN - 60, f"Page {number} of {count}"), 28


def _draw(canvas: Canvas, piece: Piece, y: float, fonts: Fonts) -> None:
    canvas.setFillColorRGB(*(_RED if piece.red else (0, 0, 0)))
    x = piece.x
    for run in fonts.runs(piece.text, bold=piece.bold):
        canvas.setFont(run.font, piece.size)
        canvas.drawString(x, y, run.text)
        x += canvas.stringWidth(run.text, run.font, piece.size)


def _pages(lines: Iterator[Line]) -> Iterator[list[Line]]:
    room = HEIGHT - _TOP - _BOTTOM
    page: list[Line] = []
    used, count = 0.0, 0
    for line in lines:
        if used + line.height > room and page:
            count += 1
            if count >= _MOST_PAGES:
                raise TooLongError
            yield page
            page = [] if line.again is None else [line.again]
            used = sum(each.height for each in page)
        page.append(line)
        used += line.height
    yield page


def _lines(report: Report, fonts: Fonts) -> Iterator[Line]:
    yield from _facts(report.facts, fonts)
    yield from _notes(report.notes, fonts)
    for section in report.sections:
        yield from _section(section, fonts)


def _section(section: Section, fonts: Fonts) -> Iterator[Line]:
    yield Line(height=8)
    for number, text in enumerate(wrapped(section.title, WIDTH - 2 * MARGIN, fonts, bold=True, size=11)):
        yield Line((Piece(MARGIN, text, True, 11),), 16, rule=number == 0)
    yield from _facts(section.facts, fonts)
    if section.rows:
        yield Line(height=4)
        heading = Line(tuple(Piece(x, label, True) for label, x, _ in _columns()), 13)
        yield heading
        for row in section.rows:
            yield from (line._replace(again=heading) for line in _row(row, fonts))
    yield from _notes(section.notes, fonts)


def _row(row: Row, fonts: Fonts) -> Iterator[Line]:
    """A row of the table; a result that is wider than its column stands below, over the whole width."""
    room = _COLUMNS[1][1] - _GAP
    below = len(row.value) > 1 or any(len(wrapped(each, room, fonts, bold=True)) > 1 for each in row.value)
    cells = (row.test, "" if below else "".join(row.value), row.unit, row.range, row.flag, row.status)
    held = [
        wrapped(cell, width - _GAP, fonts, bold=_is_bold(number, row))
        for number, (cell, (_, _, width)) in enumerate(zip(cells, _columns(), strict=True))
    ]
    for at in range(max(map(len, held))):
        pieces = [
            Piece(x, texts[at], _is_bold(number, row), red=number == 5 and row.status.isupper())
            for number, (texts, (_, x, _)) in enumerate(zip(held, _columns(), strict=True))
            if at < len(texts) and texts[at]
        ]
        yield Line(tuple(pieces), _LEADING + (3 if at == 0 else 0), rule=at == 0)
    for text in (*(row.value if below else ()), *row.more):
        for part in wrapped(text, WIDTH - 2 * MARGIN - 12, fonts):
            yield Line((Piece(MARGIN + 12, part),))


def _is_bold(column: int, row: Row) -> bool:
    """A result that is flagged stands out, with its flag; so does a status that must not be overlooked."""
    flagged = bool(row.flag) and row.flag not in _CALM
    return (column in (1, 4) and flagged) or (column == 5 and row.status.isupper())


def _columns() -> Iterator[tuple[str, float, float]]:
    x = MARGIN
    for label, width in _COLUMNS:
        yield label, x, width
        x += width


def _facts(facts: Sequence[tuple[str, str]], fonts: Fonts) -> Iterator[Line]:
    for label, text in facts:
        for number, part in enumerate(wrapped(text, WIDTH - 2 * MARGIN - _LABEL, fonts)):
            pieces = (Piece(MARGIN, label, True),) if number == 0 else ()
            yield Line((*pieces, Piece(MARGIN + _LABEL, part)))


def _notes(notes: Sequence[str], fonts: Fonts) -> Iterator[Line]:
    if notes:
        yield Line((Piece(MARGIN, "Notes", True),), 14)
    for note in notes:
        for part in wrapped(note, WIDTH - 2 * MARGIN - 12, fonts):
            yield Line((Piece(MARGIN + 12, part),))


def wrapped(text: str, width: float, fonts: Fonts, *, bold: bool = False, size: float = _SIZE) -> list[str]:
    """`text` in lines that are at most `width` points wide; a word that is wider is broken. Raises `TooLongError` as
    soon as there are more than a report can have."""
    lines: list[str] = []
    line, used = "", 0.0
    space = fonts.width(" ", size, bold=bold)
    for word in _words(text):
        if len(lines) > _MOST_LINES:
            raise TooLongError
        rest, wide = word, fonts.width(word, size, bold=bold)
        if line and used + space + wide <= width:
            line, used = f"{line} {rest}", used + space + wide
            continue
        if line:
            lines.append(line)
        while wide > width and len(rest) > 1:
            fits = len(_fitting(rest, width, fonts, bold=bold, size=size)) or 1
            lines.append(rest[:fits])
            rest = rest[fits:]
            wide = fonts.width(rest, size, bold=bold)
        line, used = rest, wide
    return [*lines, line] if line or not lines else lines


def _words(text: str) -> Iterator[str]:
    """The words of `text`; one of a hundred characters or more in pieces, so that none costs long to measure."""
    for word in text.split():
        for at in range(0, len(word), 100):
            yield word[at : at + 100]


def _fitting(text: str, width: float, fonts: Fonts, *, bold: bool = False, size: float = _SIZE) -> str:
    """As much of the beginning of `text` as is at most `width` points wide."""
    low, high = 0, min(len(text), 200)
    while low < high:
        middle = (low + high + 1) // 2
        if fonts.width(text[:middle], size, bold=bold) <= width:
            low = middle
        else:
            high = middle - 1
    return text[:low]
