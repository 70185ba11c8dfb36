"""The address of elements in a clinical document: a small, exact part of XPath."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache

from lxml import etree

from schemas.ccda.error import CcdaError
from schemas.ccda.namespaces import SDTC, V3, XSI

LONGEST = 500
"""How long a path may be, in characters."""

_NAMESPACES = {"v": V3, "sdtc": SDTC, "xsi": XSI}
_WORD = r"(?:sdtc:)?[A-Za-z][A-Za-z0-9_.-]*"
_NAME = rf"{_WORD}|\*"
_ATTRIBUTE = r"@(?:(?:xsi|sdtc):)?[A-Za-z][A-Za-z0-9_-]*"
_INNER = rf"(?:{_WORD}(?:/{_WORD})*(?:/{_ATTRIBUTE})?|{_ATTRIBUTE})"
_LITERAL = r"(?:'[^']*'|\"[^\"]*\")"
_TEST = rf"\s*{_INNER}(?:\s*=\s*{_LITERAL})?\s*"
_STEP = re.compile(rf"(//?)({_NAME})((?:\[\s*[1-9]\d{{0,5}}\s*\]|\[{_TEST}(?:\sand\s{_TEST})*\])*)")
_LAST = re.compile(rf"/({_ATTRIBUTE})\Z")
_PARTS = re.compile(rf"({_LITERAL})")
_PLAIN = re.compile(r"(?<![\w@:.-])(?!and\b)([A-Za-z][A-Za-z0-9_.-]*)(?![\w:.-])")

_LIKELY_MISTAKES = (
    (re.compile(r".*\[0\]"), "XPath counts from 1: id[1] is the first"),
    (re.compile(r".*\[\*\]"), "without an index a path means every one: recordTarget/patientRole/id/@extension"),
    (re.compile(r".*(?:v3|cda|hl7|n1):"), "names have no prefix, but those of HL7's extensions: sdtc:raceCode"),
    (re.compile(r".*\("), "functions are not known; a test is [path='text'], [path] or [1]"),
    (re.compile(r".*@[^/\]]*/"), "an attribute is the last part of a path"),
)


@dataclass(frozen=True, slots=True)
class CcdaPath:
    """Steps from the document down, with XPath's own counting from 1.

    `/ClinicalDocument/code/@code`, `/ClinicalDocument/recordTarget/patientRole/id[1]/@extension`,
    `//section[code/@code='48765-2']/title`, `//sdtc:deceasedInd/@value`. Names are CDA's, without a prefix.
    """

    text: str
    _find: etree.XPath = field(repr=False, compare=False)

    @staticmethod
    @lru_cache(maxsize=1024)
    def parse(text: str) -> CcdaPath:
        """The path that `text` writes; raises `CcdaError`."""
        steps: list[str] = []
        position = 0
        while len(text) <= LONGEST and position < len(text):
            last = _LAST.match(text, position) if steps else None
            found = None if last is not None else _STEP.match(text, position)
            if last is not None:
                steps.append(last[0])
                position = last.end()
            elif found is not None:
                steps.append(f"{found[1]}{_prefixed(found[2] + found[3])}")
                position = found.end()
            else:
                raise _no_path(text)
        if not steps or not (text.startswith("//") or steps[0] == "/v:ClinicalDocument"):
            raise _no_path(text)
        return CcdaPath(text, etree.XPath("".join(steps), namespaces=_NAMESPACES))

    def select(self, root: etree._Element) -> list[str]:
        """Every text at this path in the document `root`, in its order; of an element, all that is in it.

        Each run of white space is one space.
        """
        found = self._find(root)
        return [_text_of(each) for each in found] if isinstance(found, list) else []

    def __str__(self) -> str:
        return self.text


def is_ccda_path(text: str) -> bool:
    """Whether `text` is written as a path into a clinical document is: it begins with a slash."""
    return text.startswith("/")


def _text_of(found: object) -> str:
    text = "".join(str(each) for each in found.itertext()) if isinstance(found, etree._Element) else str(found)
    return " ".join(text.split())


def _prefixed(step: str) -> str:
    """A step with a prefix on each name that has none and is not within quotes."""
    parts = _PARTS.split(step)
    return "".join(each if each[:1] in ("'", '"') else _PLAIN.sub(r"v:\1", each) for each in parts)


def _no_path(text: str) -> CcdaError:
    hint = next((hint for pattern, hint in _LIKELY_MISTAKES if pattern.match(text)), "")
    hint = hint or "for example /ClinicalDocument/code/@code, or //section[code/@code='48765-2']/title"
    return CcdaError(f"{text[:60]!r} is not a path into a clinical document", hint=hint)
