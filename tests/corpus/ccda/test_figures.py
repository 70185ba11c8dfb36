"""The figures of documents hold on the samples that ship, without the corpus."""

from __future__ import annotations

import pytest

from schemas.ccda import Document
from schemas.ccda.validate import validate
from tests.corpus.ccda.__main__ import measured
from tests.corpus.ccda.inputs import samples
from tests.corpus.figures import Figure

FIGURES = measured(samples(), {"converted", "valid", "references", "said", "back"}, 1)


def test_the_samples_have_what_is_measured() -> None:
    counted = {each.what: each.of for each in FIGURES if each.measure == "said"}
    for what in ("negated allergy", "negated problem", "refused immunization", "severity", "period", "route", "dose"):
        assert not counted[what].endswith("of 0"), what
    for what in ("entry text", "originalText", "translations", "authors", "result value", "interpretation"):
        assert not counted[what].endswith("of 0"), what


@pytest.mark.parametrize("name", ["discharge_summary.xml", "transfer_summary.xml"])
def test_these_documents_break_no_rule(name: str) -> None:
    (body,) = (each.body for each in samples() if each.name == name)
    assert validate(Document.parse(body)) == []


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.what)
def test_every_figure_keeps_its_bound(figure: Figure) -> None:
    assert figure.holds, figure.listed[:10]
