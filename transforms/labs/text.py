"""A laboratory report as plain text."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from transforms.labs.report import Report, Row

WIDTH = 78
_UNPRINTED = dict.fromkeys((*range(0x20), *range(0x7F, 0xA0)), " ")
"""Control characters, which would steer a terminal or a mail program."""


def text_of(report: Report) -> str:
    """`report` in lines of at most `WIDTH` characters, words longer than that aside."""
    return "\n".join(line.rstrip() for line in _lines(report)) + "\n"


def _lines(report: Report) -> Iterator[str]:
    yield report.title.upper()
    if report.banner:
        yield from ("", *_wrapped(f"*** {report.banner} ***"))
    yield ""
    for label, text in report.facts:
        yield from _wrapped(f"{label}: {text}")
    for note in report.notes:
        yield from _wrapped(f"Note: {note}")
    for section in report.sections:
        yield from ("", "-" * WIDTH, *_wrapped(section.title))
        for label, text in section.facts:
            yield from _wrapped(f"{label}: {text}")
        yield ""
        for row in section.rows:
            yield from _row(row)
        for note in section.notes:
            yield from _wrapped(f"Note: {note}")


def _row(row: Row) -> Iterator[str]:
    is_long = len(row.value) > 1
    value = "" if is_long else "".join(row.value)
    told = " ".join(filter(None, (value, row.unit, row.range and f"[{row.range}]")))
    marks = ", ".join(filter(None, (row.flag, row.status)))
    yield from _wrapped(f"{row.test}: {told}".rstrip() + (f"  ({marks})" if marks else ""))
    for line in (*(row.value if is_long else ()), *row.more):
        yield from _wrapped(line, "    ")


def _wrapped(text: str, indent: str = "") -> list[str]:
    """`text` in lines; what goes on is indented."""
    return textwrap.wrap(
        text.translate(_UNPRINTED),
        WIDTH,
        initial_indent=indent,
        subsequent_indent=indent + "  ",
        break_long_words=False,
    ) or [indent]
