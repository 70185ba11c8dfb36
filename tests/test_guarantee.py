"""The guarantee's page: each of its sentences names tests, and each test it names is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

_NAMED = re.compile(r"^  `(tests/[\w/]+\.py)::(\w+)`$", re.MULTILINE)


def test_each_sentence_of_the_guarantee_names_tests_that_exist(root: Path) -> None:
    page = (root / "docs" / "guarantee.md").read_text()
    sentences = re.split(r"^- ", page, flags=re.MULTILINE)[1:]
    assert len(sentences) > 20
    unheld = [sentence.splitlines()[0] for sentence in sentences if not _NAMED.search(sentence)]
    assert not unheld, f"no test is named under: {unheld}"
    missing = [f"{file}::{name}" for file, name in _NAMED.findall(page) if name not in _tests(root / file)]
    assert not missing, f"the page names tests that are not there: {missing}"
    assert len(_NAMED.findall(page)) == page.count("tests/") - page.count("Tests in\n`tests/e2e/`"), (
        "a name is malformed"
    )


def _tests(file: Path) -> set[str]:
    if not file.exists():
        return set()
    nodes = ast.parse(file.read_text()).body
    return {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
