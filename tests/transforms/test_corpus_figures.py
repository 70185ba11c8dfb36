"""The figures that `make corpus` prints, as far as they are cheap: on the samples, and on the corpus where it is."""

from collections import Counter

import pytest

from tests.corpus import expected, repeat, validity
from tests.corpus.__main__ import conversions
from tests.corpus.counted import references
from tests.corpus.examine import Examined, examine_all
from tests.corpus.facts import Fact, Missing
from tests.corpus.inputs import corpus, samples

pytestmark = pytest.mark.timeout(600)  # a minute of work, on a machine that may have other work


@pytest.fixture(scope="module")
def of_samples() -> list[Examined]:
    profile = ("profile",) if validity.has_definitions() else ()
    return examine_all(samples(), ("structure", "account", *profile))


@pytest.fixture(scope="module")
def of_corpus() -> list[Examined]:
    return examine_all(corpus(), ())


def test_samples_become_valid_resources(of_samples: list[Examined]) -> None:
    assert [each.name for each in of_samples if each.state == "raised"] == []
    assert {str(failure): each.name for each in of_samples for failure in each.failures} == {}


def test_references_of_samples_lead_somewhere(of_samples: list[Examined]) -> None:
    assert {path: each.name for each in of_samples for path in each.dangling} == {}
    assert sum(each.references for each in of_samples) > 50


def test_every_element_of_a_sample_is_accounted_for(of_samples: list[Examined]) -> None:
    assert [each.name for each in of_samples if each.uses["not in the report"]] == []


def test_samples_come_to_the_same_bytes_in_any_process(of_samples: list[Examined]) -> None:
    figure = repeat.figure(of_samples, [repeat.elsewhere("", seed, is_samples=True) for seed in repeat.SEEDS])
    assert figure.listed == ()


def test_corpus_is_converted_without_an_exception_and_without_a_lost_reference(
    of_corpus: list[Examined], capsys: pytest.CaptureFixture[str]
) -> None:
    figures = [*conversions(of_corpus), *references(of_corpus)]
    with capsys.disabled():
        print(f"\ncorpus: {len(of_corpus)} messages to FHIR: {'; '.join(figure.of for figure in figures)}")
    assert [figure.listed for figure in figures if not figure.holds] == []
    assert [each.name for each in of_corpus if not each.repeats] == []


def test_what_other_engines_say_is_said_or_left_out_for_a_stated_reason(capsys: pytest.CaptureFixture[str]) -> None:
    figures = expected.figures() if corpus() else []
    with capsys.disabled():
        for figure in figures:
            print(f"\n{figure.line()}", end="")
    assert [figure.line() for figure in figures if not figure.holds] == []


def test_each_stated_difference_names_its_set_and_its_row() -> None:
    names = {each.name for each in expected.SETS}
    assert [each for each in expected.stated() if each.set not in names or each.count < 1] == []
    assert len(expected.stated()) == len(expected.DIFFERENCES.read_text().splitlines()) - 1


def test_each_stated_difference_is_of_one_element_and_of_known_values() -> None:
    """A wildcard in the value wants something else that has to be said: by their resource, or by our bundle."""
    wide = [each for each in expected.stated() if {"*", "?"} & set(each.path)]
    any_value = [
        each
        for each in expected.stated()
        if "*" in each.value and not each.of and not each.instead and each.value.index("*") < 20
    ]
    assert wide == []
    assert any_value == []


@pytest.mark.parametrize(
    ("of", "instead", "is_explained"),
    [
        ("", "", True),
        ("Patient.name.use=nickname", "", True),
        ("Patient.name.use=maiden", "", False),
        ("!Patient.name.use=maiden", "", True),
        ("", "Patient.name.text={value}", True),
        ("", "Patient.*={value}", True),
        ("", "Patient.name.given={value}", False),
    ],
)
def test_a_stated_difference_looks_at_what_else_is_said(of: str, instead: str, is_explained: bool) -> None:
    use, family = Fact("Patient.name.use", "nickname"), Fact("Patient.name.family", "Va*e")
    missing = Missing(family, 1, Counter([use, family]))
    stated = expected.Stated("s", "Patient.name.family", "*", of, instead, 1, "reason", "row")
    ours = {"Patient.name.text": {"Va*e"}, "Patient.name.given": {"Vale"}}
    assert expected.explains(stated, missing, ours) is is_explained
