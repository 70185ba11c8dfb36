"""The manual is whole: each page can be found, each link leads somewhere, and its lists agree with the code."""

import re
from pathlib import Path

import pytest

from engine.cli import COMMANDS

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
TEXTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "samples" / "README.md", *PAGES]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def without_code(text: str) -> str:
    return re.sub(r"^```.*?^```$|`[^`\n]*`", "", text, flags=re.MULTILINE | re.DOTALL)


def links(page: Path) -> list[str]:
    return [target for target in LINK.findall(without_code(page.read_text())) if "://" not in target]


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", TEXTS, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    for target in links(page):
        path, _, anchor = target.partition("#")
        found = (page.parent / path) if path else page
        assert found.exists(), f"{target} is not there"
        if anchor and found.suffix == ".md":
            assert anchor in anchors(found), f"{target}: no such heading"


def test_index_has_every_page() -> None:
    index = DOCS / "README.md"
    listed = {(DOCS / target.partition("#")[0]).resolve() for target in links(index)}
    assert [page.relative_to(DOCS).as_posix() for page in PAGES if page.resolve() not in listed and page != index] == []


def test_pages_that_the_code_refers_to_are_there() -> None:
    named = set()
    for folder in ("engine", "channels", "transforms", "schemas", "config"):
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in (".py", ".yaml"):
                named |= set(re.findall(r"\bdocs/[\w/-]+\.md\b", path.read_text()))
    assert named
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


def test_metrics_in_the_manual_are_those_that_are_served() -> None:
    code = (ROOT / "engine" / "metrics.py").read_text()
    served = {
        name + ("_total" if kind == "Counter" else "")
        for kind, name in re.findall(r'(Counter|Gauge)MetricFamily\(\s*"(\w+)"', code)
    }
    table = re.findall(r"^\| `(hie_\w+)` \|", (DOCS / "operations.md").read_text(), re.MULTILINE)
    assert sorted(table) == sorted(served)


def test_changelog_names_every_command() -> None:
    text = (ROOT / "CHANGELOG.md").read_text()
    assert [name for name in COMMANDS if not re.search(rf"`(hie )?{name}`", text)] == []
