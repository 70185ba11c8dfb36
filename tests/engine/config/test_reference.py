"""The manual cannot rot: generated pages are up to date, and what the language page shows is checked like any site."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from engine.config.language import CHANNEL_KEYS, ROUTE_KEYS
from engine.config.numbers import RULES
from engine.config.reference import COMMAND, ends_page, main, pages, steps_page, write
from engine.config.site import load_site
from tests.engine.config.fakes import ALL_STEPS, ENDS, write_site

DOCS = Path(__file__).parents[3] / "docs"
LANGUAGE = (DOCS / "channels.md").read_text()


@pytest.mark.parametrize("name", pages())
def test_a_generated_page_is_up_to_date(name: str) -> None:
    path = DOCS / name
    current = path.read_text() if path.exists() else ""
    assert current == pages()[name], f"docs/{name} is out of date; run: {COMMAND}"


def test_every_option_has_its_line_in_the_manual() -> None:
    undocumented = re.findall(r"^\| (`\w+`) \|.*\|  \|$", "\n".join(pages().values()), re.MULTILINE)
    assert undocumented == []


def test_the_pages_say_what_options_take() -> None:
    page = ends_page(ENDS)
    assert "| `idle` | duration | `5m` | How long a partner may be silent. |" in page
    assert "| `mode` | `original`, `enhanced` | `original` | How to answer. |" in page
    assert "| `tls` | [Tls](#tls) |  | TLS. |" in page
    assert "| `certificate` | file or folder | required | The certificate. |" in page
    assert "| `password` | secret |  |  |" in steps_page(ALL_STEPS)


def test_pages_are_written_and_named_when_they_change(tmp_path: Path) -> None:
    said: list[str] = []
    assert main([str(tmp_path)], said.append) == 0
    assert len(said) == len(pages())
    assert main([str(tmp_path)], said.append) == 0
    assert len(said) == len(pages())
    assert write(tmp_path, {"findings.md": "new"}) == [tmp_path / "findings.md"]
    assert main([], said.append) == 2


def test_every_number_and_every_key_is_documented() -> None:
    findings = (DOCS / "findings.md").read_text()
    assert [code for code in RULES if f"### {code}: " not in findings] == []
    assert [key for key in {*CHANNEL_KEYS, *ROUTE_KEYS} if f"| `{key}` |" not in LANGUAGE] == []


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", LANGUAGE, re.MULTILINE | re.DOTALL)


def test_what_the_language_page_shows_is_sound(tmp_path: Path) -> None:
    channel, steps, settings = blocks("yaml")
    (extension,) = blocks("python")
    (tmp_path / "secret").write_text("swordfish\n")
    own = "steps: [night_shift: {desk: ward, hours: 23}, keep: {night.desk: ward}]\n"
    files = {
        "hie.yaml": re.sub(r"/run/secrets/\w+", "secret", settings),
        "channels/adt.yaml": channel,
        "channels/more.yaml": f"channel: more\ninbound: {{file: {{folder: in}}}}\n{steps}"
        "routes: [{route: a, outbound: {file: {folder: out}}}]\n",
        "channels/own.yaml": f"channel: own\ninbound: {{file: {{folder: own}}}}\n{own}"
        "routes: [{route: a, outbound: {file: {folder: out}}}]\n",
        "extensions/own.py": extension,
    }
    site = load_site(write_site(tmp_path, files), {})
    assert [str(each) for each in site.findings] == []
    assert [channel.name for channel in site.channels] == ["adt-feed", "more", "own"]
