"""The step `result_to_pdf`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, InstanceOf, ValidationInfo, WithJsonSchema

from schemas.finding import Finding, Severity
from schemas.message import BINARY, Message
from transforms.labs.embedded import embedded_pdfs
from transforms.labs.report import report_of
from transforms.labs.result_to_text import results_in
from transforms.step import StepError, sets, step

UNREADABLE = "LAB-301"
UNDRAWN = "LAB-302"

_MOST = 100


def _load(written: object, info: ValidationInfo) -> str:
    """The name by which the font in a file of the site is drawn with."""
    from transforms.labs.fonts import register  # noqa: PLC0415 - ReportLab takes a tenth of a second

    site = (info.context or {}).get("site")
    path = Path(str(written)) if site is None else Path(site) / str(written)
    return register(path.resolve())


_FILE = WithJsonSchema({"type": "string", "format": "path", "examples": ["fonts/NotoSansHebrew-Regular.ttf"]})
FontFile = Annotated[InstanceOf[str], BeforeValidator(_load), _FILE]
"""The name of a TrueType file of the site, read when the channel is bound."""


@step
@sets("result.report")
def result_to_pdf(message: Message, *, fonts: list[FontFile] | None = None) -> Iterator[Message]:
    """Turn a result message into a PDF: the laboratory's own report where it brings one (OBX-2 ED), else one that is
    written here, with every result, unit, range, flag, status and note.

    `result.report` is `own` or `written`. Each report that the message brings is a message, of a hundred at most.
    What has no font is drawn as a mark and reported (LAB-302).

    Args:
        fonts: TrueType files of the site for characters that DejaVu Sans has not: `[fonts/NotoSansHebrew-Regular.ttf]`.
    """
    from transforms.labs.fonts import Fonts  # noqa: PLC0415 - see above
    from transforms.labs.pdf import TooLongError, pdf_of  # noqa: PLC0415

    found = results_in(message)
    documents = list(embedded_pdfs(found))
    own = [each for each in documents if each.data]
    if len(own) > _MOST:
        raise StepError(f"the message brings {len(own):,} documents, more than {_MOST}", "put split_orders before")
    for number, each in enumerate(own, start=1):
        facts = {"result.report": "own"}
        yield message.derive(f"result_to_pdf/{number}", body=each.data, format=BINARY, attributes=facts)
    if own:
        return
    findings = [
        Finding(
            UNREADABLE, each.where, "the document cannot be read, a report is written instead", "", Severity.WARNING
        )
        for each in documents
    ]
    drawing = Fonts(fonts or ())
    try:
        body = pdf_of(report_of(found), drawing)
    except TooLongError:
        raise StepError("the report has more than 200 pages", "send it in another form") from None
    for scripts, what in ((drawing.undrawn, "no font has"), (drawing.disordered, "letters are drawn one by one of")):
        if scripts:
            told = f"{what} {', '.join(sorted(scripts))}"
            findings.append(Finding(UNDRAWN, "PDF", told, "name a font, or send another form", Severity.WARNING))
    yield message.derive(
        "result_to_pdf", body=body, format=BINARY, attributes={"result.report": "written"}, findings=findings
    )
