"""The fonts of a report: for each character the first that has it."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

from reportlab import rl_config
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFError, TTFont

_DEJAVU = Path("/usr/share/fonts/truetype/dejavu")
"""Where Debian's fonts-dejavu-core puts them; without it the Latin fonts that come with ReportLab are used."""
_TO_LEFT = ("R", "AL")
_SHAPED = (
    *("DEVANAGARI", "BENGALI", "GURMUKHI", "GUJARATI", "ORIYA", "TAMIL", "TELUGU", "KANNADA", "MALAYALAM"),
    *("SINHALA", "THAI", "LAO", "TIBETAN", "MYANMAR", "KHMER", "MONGOLIAN"),
)
"""Scripts that are more than one letter after the other."""


class Run(NamedTuple):
    """A piece of text in one font."""

    font: str
    text: str


class Fonts:
    """The fonts of one report, those of the site after those that are there anyway.

    `undrawn` names the scripts of what no font has, `disordered` those that are drawn letter by letter from left to
    right, though they are written otherwise.
    """

    def __init__(self, more: Sequence[str] = ()) -> None:
        plain, bold = _basic()
        self._plain = (plain, *more)
        self._bold = (bold, plain, *more)
        self._known: dict[bool, dict[str, tuple[str, str]]] = {False: {}, True: {}}
        self.undrawn: set[str] = set()
        self.disordered: set[str] = set()

    def runs(self, text: str, *, bold: bool = False) -> list[Run]:
        """`text` in pieces, each in the first font that has its characters."""
        known = self._known[bold]
        drawn = (known.get(each) or self._find(each, bold=bold) for each in text)
        return [Run(font, "".join(each for _, each in found)) for font, found in groupby(drawn, itemgetter(0))]

    def width(self, text: str, size: float, *, bold: bool = False) -> float:
        """How wide `text` is, in points."""
        return sum(pdfmetrics.stringWidth(run.text, run.font, size) for run in self.runs(text, bold=bold))

    def _find(self, character: str, *, bold: bool) -> tuple[str, str]:
        """The font for `character`, and what is drawn for it."""
        fonts = self._bold if bold else self._plain
        drawn = " " if unicodedata.category(character) == "Cc" else character
        script = _script(character)
        font = next((each for each in fonts if ord(drawn) in _glyphs(each)), None)
        if font is None:
            self.undrawn.add(script)
            font, drawn = fonts[0], "?"
        elif unicodedata.bidirectional(character) in _TO_LEFT or script in _SHAPED:
            self.disordered.add(script)
        self._known[bold][character] = font, drawn
        return font, drawn


def _script(character: str) -> str:
    """The script of a character by the first word of its name in Unicode: `CYRILLIC`."""
    return unicodedata.name(character, "PRIVATE").split()[0]


@lru_cache(maxsize=1)
def _basic() -> tuple[str, str]:
    """The names of the plain and the bold font."""
    files = [_DEJAVU / "DejaVuSans.ttf", _DEJAVU / "DejaVuSans-Bold.ttf"]
    if not all(each.exists() for each in files):
        ours = Path(rl_config.__file__).parent / "fonts"
        files = [ours / "Vera.ttf", ours / "VeraBd.ttf"]
    plain, bold = (register(each) for each in files)
    return plain, bold


@lru_cache(maxsize=64)
def register(file: Path) -> str:
    """The name by which the TrueType font in `file` is known from now on; raises `ValueError`."""
    name = f"hie-{file.stem}-{crc32(bytes(file)):08x}"
    try:
        pdfmetrics.registerFont(TTFont(name, str(file)))
    except (TTFError, OSError) as error:
        raise ValueError(
            f"{file.name} is no TrueType font that can be put into a PDF: {type(error).__name__}"
        ) from None
    return name


@lru_cache(maxsize=64)
def _glyphs(font: str) -> Any:
    found: Any = pdfmetrics.getFont(font)
    return found.face.charToGlyph
