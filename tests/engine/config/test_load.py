"""The loader: every scalar is text, every node has its line, and no bytes make it raise, hang or grow."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.config.bind import bind
from engine.config.expand import Expander
from engine.config.load import MOST_NODES, Loaded, load
from engine.config.rules import lint
from engine.config.settings import bind_settings
from engine.config.tree import Entries, Items, Node, Text, locate, plain, texts, written
from engine.registry.files import registry_of
from tests.engine.config.fakes import ALL_STEPS, ENDS

NOWHERE = Path("/nonexistent")
SETTINGS, _ = bind_settings(None, "hie.yaml", NOWHERE, {})


def tree_of(text: str, env: dict[str, str] | None = None, site: Path = NOWHERE) -> Entries:
    loaded = load(text.encode(), "x.yaml", Expander(env or {}, site))
    assert loaded.findings == (), [str(each) for each in loaded.findings]
    assert loaded.tree is not None
    return loaded.tree


@pytest.mark.parametrize(
    "scalar", ["NO", "01", "0123", "1e3", "2024-01-01", "null", "~", "12:30:45", "0x1F", "true", "1_0"]
)
def test_no_scalar_is_guessed(scalar: str) -> None:
    assert plain(tree_of(f"a: {scalar}\nb: [{scalar}]")) == {"a": scalar, "b": [scalar]}


def test_every_node_has_its_line() -> None:
    tree = tree_of("# comment\na: 1\nb:\n  - x\n  - {c: y,\n     d: z}\n")
    assert [text.line for text in texts(tree)] == [2, 4, 5, 6]
    assert locate(tree, ("b", 1, "d")).line == 6
    assert locate(tree, ("b", 7, "unknown")).line == 4


def test_an_alias_repeats_its_anchor_and_points_to_its_line() -> None:
    tree = tree_of("a: &tls {key: k}\nb: *tls\n")
    assert plain(tree) == {"a": {"key": "k"}, "b": {"key": "k"}}
    assert locate(tree, ("b", "key")).line == 1


def test_a_byte_order_mark_and_windows_line_ends_are_read() -> None:
    assert plain(tree_of("\ufeffa: 1\r\nb: 2\r\n")) == {"a": "1", "b": "2"}


def test_the_first_of_two_keys_stays_so_that_the_rest_can_be_checked() -> None:
    loaded = load(b"a: 1\nb: 2\na: 3\n", "x.yaml")
    assert loaded.tree is not None
    assert plain(loaded.tree) == {"a": "1", "b": "2"}
    assert [each.code for each in loaded.findings] == ["HIE106"]


BOMBS = [
    "a: &a [x,x,x,x,x,x,x,x,x]\n"
    + "".join(f"{c}: &{c} [{','.join([f'*{p}'] * 9)}]\n" for p, c in zip("abcdefgh", "bcdefghi", strict=True)),
    "a: &a [*a]",
    "a: " + "[" * 100_000,
    "a: " + "{b: " * 100_000,
    "- " * 100_000,
    "? " * 100_000,
    "a: [" + "x," * 400_000 + "]",
    "a: '" + "\n" * 900_000,
    "&a " * 100_000,
    "{" * 500_000,
    'a: "' + "\\x41" * 200_000 + '"',
    "a: |\n" + " x\n" * 300_000,
    "a:" + " " * 900_000 + "b",
    "\n".join(f"k{n}: ${{X}}" for n in range(20_000)),
]


@pytest.mark.parametrize("bomb", BOMBS, ids=range(len(BOMBS)))
def test_what_is_meant_to_exhaust_the_reader_does_not(bomb: str) -> None:
    begin = time.process_time()
    loaded = load(bomb.encode()[: 1 << 20], "x.yaml", Expander({"X": "y" * 100}, NOWHERE))
    assert time.process_time() - begin < 5
    assert loaded.tree is None or sum(1 for _ in texts(loaded.tree)) <= MOST_NODES


def nodes(node: Node) -> int:
    match node:
        case Text():
            return 1
        case Items():
            return 1 + sum(map(nodes, node.items))
        case Entries():
            return 1 + sum(1 + nodes(value) for _, value in node.entries)


def sound(loaded: Loaded) -> None:
    """What holds of every result: a tree or a reason, bounded, printable, and fit to be bound."""
    assert loaded.tree is not None or loaded.findings
    for each in loaded.findings:
        assert each.where.startswith("x.yaml:")
        assert int(each.where.rpartition(":")[2]) >= 1
        assert str(each)
    if loaded.tree is not None:
        assert nodes(loaded.tree) <= MOST_NODES
        written(loaded.tree)
        file = bind(loaded.tree, "x.yaml", ends=ENDS, steps=ALL_STEPS, site=NOWHERE, registry=registry_of(NOWHERE))
        lint([file], SETTINGS, None, NOWHERE)
        assert all(int(each.where.rpartition(":")[2]) >= 1 for each in file.findings)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300))
@example(b"\xef\xbb\xbf")
@example(b"a: \xed\xa0\x80")
@example(b'a: "\\UFFFFFFFF"')
@example(b"%YAML 1.1\n%TAG ! tag:x,2000:\n--- !a b")
def test_any_bytes_are_a_tree_or_findings(content: bytes) -> None:
    sound(load(content, "x.yaml", Expander({}, NOWHERE)))


WORDS = st.sampled_from(
    """channel inbound outbound steps routes route when retry in_order parallel repeats enabled wire folder keep set
    drop split map_codes look_up validate listen connect tls MSH-9.1 PID-3[2].4.1 OBX[*]-3 subscriber.id message.id
    {PID-3} ${X} ${ $${ {} [] - : ' " | > & * ! # 0 none true 5m 127.0.0.1:1 not like exists""".split()  # noqa: SIM905
)
LINES = st.lists(
    st.tuples(st.integers(0, 6), st.lists(WORDS, min_size=1, max_size=5), st.sampled_from(["", ":", ": "])), max_size=12
)


@settings(max_examples=300, deadline=None)
@given(LINES)
def test_any_lines_of_the_languages_own_words_are_a_tree_or_findings(lines: list[tuple[int, list[str], str]]) -> None:
    text = "\n".join(" " * indent + " ".join(words) + end for indent, words, end in lines)
    sound(load(text.encode(), "x.yaml", Expander({"X": "1"}, NOWHERE)))


VALUES = st.recursive(
    st.text(max_size=8) | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS | st.text(max_size=8), inner, max_size=5),
    max_leaves=20,
)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(WORDS, VALUES, min_size=1, max_size=8))
def test_any_tree_is_bound_or_found(value: dict[str, object]) -> None:
    sound(load(yaml.safe_dump(value, allow_unicode=True).encode(), "x.yaml"))


@settings(max_examples=150, deadline=None)
@given(VALUES, st.sampled_from(["when", "retry", "in_order", "parallel", "steps", "outbound", "route"]))
def test_any_value_in_a_sound_channel_is_bound_or_found(value: object, key: str) -> None:
    route = {"route": "a", "outbound": {"folder": {"folder": "out"}}, key: value}
    steps = [{"keep": {"MSH-9.1": "ADT"}}, {"set": {"a.b": "{PID-3.1}"}}, {key: value}]
    inbound = {"wire": {"listen": "127.0.0.1:1", "from": value}}
    channel = {"channel": "a", "inbound": inbound, "steps": steps if key == "steps" else steps[:2], "routes": [route]}
    sound(load(yaml.safe_dump(channel, allow_unicode=True).encode(), "x.yaml"))


def test_places_are_filled_from_the_environment_and_from_files(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("sword fish\r\n")
    tree = tree_of(
        "a: ${HOST}:${PORT:-2575}\nb: ${EMPTY:-x}\nc: $${HOST}\nd: ${file:secret}\ne: {f: '{PID-3.1}'}\ng: $HOST\n",
        {"HOST": "lab", "EMPTY": ""},
        tmp_path,
    )
    assert plain(tree) == {
        "a": "lab:2575",
        "b": "x",
        "c": "${HOST}",
        "d": "sword fish",
        "e": {"f": "{PID-3.1}"},
        "g": "$HOST",
    }


def test_what_is_filled_in_is_not_filled_again() -> None:
    assert plain(tree_of("a: ${X}", {"X": "${Y} {PID-3.1}"})) == {"a": "${Y} {PID-3.1}"}


def test_no_representation_shows_what_was_filled_in() -> None:
    tree = tree_of("a: ${TOKEN}\nb: [x, '${TOKEN}']", {"TOKEN": "swordfish"})
    assert "swordfish" not in repr(tree)
    assert "swordfish" not in written(tree)
    assert "${TOKEN}" in written(tree)


@pytest.mark.parametrize("name", ["/etc", "large", "binary", "../x\0y", ""])
def test_a_secrets_file_that_cannot_be_read_is_found(name: str, tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(b"x" * 70_000)
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    loaded = load(b'a: "${file:' + name.replace("\0", "\\0").encode() + b'}"', "x.yaml", Expander({}, tmp_path))
    assert [each.code for each in loaded.findings] == ["HIE115"]


def test_a_pipe_for_a_secrets_file_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    loaded = load(b"a: ${file:pipe}", "x.yaml", Expander({}, tmp_path))
    assert [each.code for each in loaded.findings] == ["HIE115"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("keep: {MSH-9.1: ADT, MSH-9.2: [A01, A02]}", "keep: {MSH-9.1: ADT, MSH-9.2: [A01, A02]}"),
        ("keep:\n  MSH-9.1: ADT\n  MSH-9.2:\n  - A01\n", "keep: {MSH-9.1: ADT, MSH-9.2: [A01]}"),
        ("set: {PID-3.1: '{PID-3.2}', PID-4: ''}", 'set: {PID-3.1: "{PID-3.2}", PID-4: ""}'),
        ("set: {PID-3.1: " + "x" * 300 + "}", "set: {PID-3.1: " + "x" * 142 + "..."),
    ],
)
def test_a_node_is_shown_on_one_line_as_it_was_written(text: str, shown: str) -> None:
    assert written(tree_of(text)) == shown
