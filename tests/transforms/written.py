"""Steps as an engineer writes them: YAML in, messages out."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from engine.config.load import load
from engine.config.options import signature_of
from engine.registry.files import registry_of
from schemas.message import Message
from transforms import STEPS, Step

ROOT = "019a" + "0" * 28


class UnboundError(Exception):
    """The options as written are refused."""


def message(body: bytes | str, format: str = "hl7v2", **attributes: str) -> Message:
    """A message as an end hands it over; line feeds of a text become segment ends."""
    raw = body if isinstance(body, bytes) else body.replace("\n", "\r").encode()
    names = {name.replace("_", ".", 1): text for name, text in attributes.items()}
    return Message(ROOT, "adt", format, raw, datetime(2024, 3, 1, 9, 30, tzinfo=UTC), attributes=names)


def bind(written: str, site: Path = Path("/nowhere")) -> Step:
    """The step of one line of YAML (`keep: {MSH-9.1: ADT}`); raises `UnboundError` with what is wrong."""
    line = written if ":" in written else f"{written}: {{}}"
    tree = load(line.encode(), "channels/test.yaml").tree
    assert tree is not None
    ((name, node),) = tree.entries
    function = STEPS[name.text]
    signature = signature_of(function)
    given, problems = signature.convert(node, site)
    if problems:
        raise UnboundError("; ".join(problem.what for problem in problems))
    if signature.takes_value:
        return Step(name.text, function, tuple(given.values()), None, written)
    registry = {"registry": registry_of(site)} if signature.takes_registry else {}
    return Step(name.text, function, (), {**given, **registry}, written)


def run(written: str, *messages: Message, site: Path = Path("/nowhere")) -> list[Message]:
    """What the step of one line of YAML makes of `messages`."""
    step = bind(written, site)
    return [made for one in messages for made in step(one)]


def text(made: Message) -> str:
    """The body with a line feed after each segment."""
    return made.body.decode().replace("\r", "\n")
