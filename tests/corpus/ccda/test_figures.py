"""The figures of documents hold on the samples that ship, without the corpus."""

from __future__ import annotations

import pytest

from tests.corpus.ccda.__main__ import measured
from tests.corpus.ccda.inputs import samples
from tests.corpus.figures import Figure

FIGURES = measured(samples(), {"converted", "valid", "references", "said", "back"}, 1)


def test_there_are_samples() -> None:
    assert len(samples()) >= 2


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.what)
def test_every_figure_keeps_its_bound(figure: Figure) -> None:
    assert figure.holds, figure.listed[:10]
