"""Each sentence of the guarantee names its tests, and these are there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
NAMED = re.compile(r"^  `(tests/[\w/]+\.py)::(test_\w+)`$", re.MULTILINE)


def sentences() -> list[str]:
    """The items of the page's lists, each with the tests below it."""
    text = (ROOT / "docs" / "guarantee.md").read_text()
    return re.findall(r"^- .*(?:\n  .*)*", text, re.MULTILINE)


def test_each_sentence_names_a_test() -> None:
    assert len(sentences()) > 20
    assert [sentence for sentence in sentences() if not NAMED.search(sentence)] == []


def test_each_test_that_is_named_is_there() -> None:
    for file, name in NAMED.findall("\n".join(sentences())):
        assert re.search(rf"^(async )?def {name}\(", (ROOT / file).read_text(), re.MULTILINE), f"{file}::{name}"
