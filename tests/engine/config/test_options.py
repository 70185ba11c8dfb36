"""The signature is the schema: what options, types and docstrings come to."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import BaseModel, SecretStr

from engine.config.load import load
from engine.config.options import SignatureError, read_docstring, show, signature_of
from engine.config.tree import Node
from schemas.condition import When
from schemas.message import Message
from schemas.values import Address, Duration, Size
from tests.engine.config.fakes import WireIn, WireOut, stamp
from transforms import STEPS

SITE = Path("/site")


def node(text: str) -> Node | None:
    tree = load(f"options: {text}".encode(), "x.yaml").tree
    return None if tree is None else tree.get("options")


def converted(function: Callable[..., Any], text: str) -> dict[str, Any]:
    arguments, problems = signature_of(function).convert(node(text), SITE)
    assert problems == []
    return arguments


@pytest.mark.parametrize(
    ("written", "name", "value"),
    [
        ("limit: 2MB", "limit", 2 << 20),
        ("idle: 90s", "idle", timedelta(seconds=90)),
        ("idle: none", "idle", None),
        ("senders: STANNE", "senders", ["STANNE"]),
        ("senders: [A, B]", "senders", ["A", "B"]),
        ("senders: []", "senders", []),
        ("strict: no", "strict", False),
        ("strict: TRUE", "strict", True),
        ("parallel: 3", "parallel", 3),
        ("mode: enhanced", "mode", "enhanced"),
        ("from: x", "from_", "x"),
        ("from: none", "from_", "none"),
        ("tls: none", "tls", None),
        ("token: abc", "token", SecretStr("abc")),
    ],
)
def test_the_options_type_says_what_a_text_means(written: str, name: str, value: object) -> None:
    arguments = converted(WireIn, f"{{listen: '[::1]:2575', {written}}}")
    assert arguments == {"listen": Address("::1", 2575), name: value}


def test_a_nested_model_takes_lists_files_and_secrets() -> None:
    arguments = converted(WireIn, "{listen: 'a:1', tls: {certificate: tls/a.pem, names: one, key_password: x}}")
    tls = arguments["tls"]
    assert tls.certificate == SITE / "tls/a.pem"
    assert tls.names == ["one"]
    assert "x" not in repr(tls.key_password)


def test_a_mapping_of_templates_is_kept_as_written() -> None:
    arguments = converted(WireOut, "{connect: 'a:1', headers: {X-Patient: '{PID-3.1}', Accept: '*'}}")
    assert arguments["headers"] == {"X-Patient": "{PID-3.1}", "Accept": "*"}


def test_every_mistake_is_reported_at_once() -> None:
    text = "{listen: nowhere, limit: huge, idle: 5, mode: fast, tls: {key: x, kye: y}, frm: z}"
    arguments, problems = signature_of(WireIn).convert(node(text), SITE)
    assert arguments == {}
    assert sorted(problem.what.partition(":")[0] for problem in problems) == [
        "idle", "limit", "listen", "mode", "there is no option 'frm'", "there is no option 'kye'",
        "tls.certificate is missing",
    ]  # fmt: skip


def test_what_was_filled_in_is_not_shown_in_a_problem() -> None:
    def picky(message: Message, *, code: Literal["a"]) -> Message:
        return message

    class Own(BaseModel):
        name: str

        def model_post_init(self, context: object) -> None:
            raise ValueError(f"{self.name} is not welcome")

    def loud(message: Message, *, own: Own) -> Message:
        return message

    from engine.config.expand import Expander

    tree = load(b"a: {own: {name: '${X}'}}", "x.yaml", Expander({"X": "swordfish"}, SITE)).tree
    assert tree is not None
    loud.__annotations__["own"] = Own
    _, problems = signature_of(loud).convert(tree.get("a"), SITE)
    assert "${X} is not welcome" in problems[0].what
    assert "swordfish" not in repr(problems)


def test_a_step_may_take_its_whole_value() -> None:
    (condition,) = converted(STEPS["keep"], "{MSH-9.1: ADT, MSH-9.2: [A01, A02]}").values()
    assert str(condition) == "MSH-9.1: ADT, MSH-9.2: [A01, A02]"


def test_names_without_options_use_the_defaults() -> None:
    assert signature_of(stamp).convert(None, SITE) == ({}, [])


def starred(message: Message, *names: str) -> Message:
    return message


def two_values(message: Message, one: str, two: str, /) -> Message:
    return message


def both(message: Message, one: str, /, *, two: str = "") -> Message:
    return message


def nothing() -> None:
    return None


def unknown_type(message: Message, *, one: Missing = None) -> Message:  # type: ignore[name-defined]  # noqa: F821
    return message


@pytest.mark.parametrize("function", [starred, two_values, both, nothing, unknown_type])
def test_a_signature_that_cannot_be_checked_is_refused(function: Callable[..., Any]) -> None:
    with pytest.raises(SignatureError):
        signature_of(function)


def test_options_without_types_take_anything() -> None:
    def own(message, *, code, names=()):  # type: ignore[no-untyped-def]
        return message

    assert converted(own, "{code: [a, {b: c}], names: x}") == {"code": ["a", {"b": "c"}], "names": "x"}


def test_the_docstring_is_the_manual() -> None:
    signature = signature_of(WireIn)
    assert signature.summary == "Listens to a wire."
    assert signature.details == "Adds `wire.peer`."
    token = signature.option("token")
    assert token is not None
    assert token.help == "What a partner must show."


def test_a_docstring_is_read_to_its_end() -> None:
    text = "One\nsentence.\n\nMore.\n\nYet more.\n\n"
    text += "Args:\n    a: First\n        and on.\n    b (int): Second: yes.\n\nReturns:\n    c: no"
    assert read_docstring(text) == ("One sentence.", "More.\n\nYet more.", {"a": "First and on.", "b": "Second: yes."})


@pytest.mark.parametrize(
    ("default", "annotation", "shown"),
    [
        (16 << 20, Size, "16MB"),
        (1000, Size, "1000"),
        (1024, int, "1024"),
        (timedelta(milliseconds=250), Duration, "250ms"),
        (timedelta(minutes=90), Duration, "90m"),
        (timedelta(hours=24), Duration, "24h"),
        (timedelta(days=30), Duration, "30d"),
        (True, bool, "true"),
        (None, str, ""),
        ((), str, ""),
        (("*.tmp", "*.part"), str, "[*.tmp, *.part]"),
        ("auto", str, "auto"),
    ],
)
def test_a_default_is_shown_as_it_would_be_written(default: object, annotation: object, shown: str) -> None:
    assert show(default, annotation) == shown


def test_a_condition_among_options() -> None:
    def own(message: Message, *, when: When, names: list[str] | None = None) -> Message:
        return message

    arguments = converted(own, "{when: {PID-3.1: x}, names: y}")
    assert str(arguments["when"]) == "PID-3.1: x"
    assert arguments["names"] == ["y"]
