"""Result messages that nobody here wrote: the samples, and the open corpus at `HIE_CORPUS`, where it is."""

from __future__ import annotations

import io
import logging
from collections import Counter
from collections.abc import Iterator

import pytest
from pypdf import PdfReader

from schemas.hl7v2 import Hl7Error
from schemas.message import Message
from schemas.tables import Table
from tests.corpus.inputs import corpus, samples
from tests.transforms.labs.lab import registry
from tests.transforms.labs.test_elr import STATE
from tests.transforms.written import message
from transforms.labs.embedded import embedded_pdfs
from transforms.labs.find_recipient import find_recipient
from transforms.labs.orders import orders
from transforms.labs.result_to_pdf import result_to_pdf
from transforms.labs.result_to_text import result_to_text
from transforms.labs.split_orders import split_orders
from transforms.labs.tell_result import tell_result
from transforms.labs.to_elr import to_elr

pytestmark = pytest.mark.timeout(600)

_EVERY = 8  # of the corpus is drawn as a PDF, for that is slow to read again


def results() -> Iterator[Message]:
    """Every result message with an order."""
    for one in (*samples(), *corpus()):
        try:
            sent = message(one.body)
            if sent.get("MSH-9.1") == "ORU" and orders(sent.er7):
                yield sent
        except Hl7Error:
            continue


def parts(sent: Message) -> Iterator[Message]:
    made = split_orders(sent)
    assert not isinstance(made, Message)
    yield from made  # type: ignore[misc]


def words(sent: Message) -> set[str]:
    """The words of its results, units, ranges and notes that a report must have."""
    found: set[str] = set()
    for order in orders(sent.er7):
        for obx in order.named("OBX"):
            plain = obx.text(2) in ("NM", "ST", "TX", "FT", "")
            texts = (
                [value.whole() for value in obx[5]] if plain else [value[2] for value in obx[5] if obx.text(2) == "CWE"]
            )
            found |= {word for text in (*texts, obx.text(7)) for word in text.split()}
        found |= {word for nte in order.named("NTE") for value in nte[3] for word in value.whole().split()}
    return {word for word in found if len(word) <= 12 and word.isascii() and word.isprintable()}


def test_no_result_is_lost_and_none_raises(capsys: pytest.CaptureFixture[str]) -> None:
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    counts: Counter[str] = Counter()
    for sent in results():
        counts["messages"] += 1
        for part in parts(sent):
            counts["orders"] += 1
            made = list(find_recipient(part, registry=registry()))  # type: ignore[arg-type]
            assert made
            for one in made:
                tell_result(one, registry=registry())  # type: ignore[arg-type]
            text = result_to_text(part)
            assert isinstance(text, Message)
            written = "".join(text.body.decode().split())
            assert [word for word in words(part) if word not in written] == []
            if counts["orders"] % _EVERY == 0 and not list(embedded_pdfs(orders(part.er7))):
                (drawn,) = result_to_pdf(part)  # type: ignore[misc]
                read = "".join("".join(page.extract_text().split()) for page in PdfReader(io.BytesIO(drawn.body)).pages)
                assert [word for word in words(part) if word not in read] == []
                counts["PDFs"] += 1
            codes = part.er7.get("OBR-4.1")
            listed = Table("list", ("code",), ((codes,),), (2,))
            report = to_elr(part, registry=registry(), reportable_codes=listed, **STATE)  # type: ignore[arg-type]
            if isinstance(report, Message):
                counts["reports"] += 1
                assert report.get("MSH-21.1") == "PHLabReport-NoAck"
                assert len(report.er7.named("OBX")) == len(part.er7.named("OBX"))
    with capsys.disabled():
        print(f"\nresults: {', '.join(f'{count} {what}' for what, count in counts.items())}")
    assert counts["messages"] >= 4
