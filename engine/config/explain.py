"""`hie try`: the way a message would take through a channel, each step and what it changed, each route and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from channels.ends import ReceiptCode
from engine.channel import Channel, Route
from engine.config.sample import receipt_of
from engine.plan import Failure, Plan, PlanError, RouteDecision, plan, run_step, why_nothing
from schemas.condition import Clause
from schemas.difference import Difference
from schemas.error import BodyError
from schemas.fhir import compare as fhir
from schemas.fhir.error import FhirError
from schemas.fhir.read import indented
from schemas.finding import Finding
from schemas.hl7v2.compare import differences
from schemas.message import FHIR, HL7V2, Message
from transforms.step import Step

MOST_CHANGES = 200
"""How many changes of one step are shown; the rest is counted."""


@dataclass(frozen=True, slots=True)
class Output:
    """One message that a step gave: what it changed, path by path, what it noticed, and a body of another format."""

    changes: tuple[Difference, ...] = ()
    findings: tuple[Finding, ...] = ()
    body: str = ""


@dataclass(frozen=True, slots=True)
class Passage:
    """One step at work on all messages that came to it; `filtered` says why it gave none, `failed` why it stopped."""

    step: str
    entered: int
    outputs: tuple[Output, ...] = ()
    filtered: str = ""
    failed: Failure | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """One child: its id, where it would go, the lines it stands in, and its body."""

    id: str
    outbound: str
    format: str
    size: int
    order_keys: tuple[str, ...]
    body: str


@dataclass(frozen=True, slots=True)
class Way:
    """What one route does with the message, and why."""

    route: str
    taken: bool
    why: str
    passages: tuple[Passage, ...] = ()
    deliveries: tuple[Delivery, ...] = ()


@dataclass(frozen=True, slots=True)
class Explanation:
    """The way one message would take through one channel. It shows the message: it is for the engineer's own eyes."""

    channel: str
    format: str
    size: int
    receipt: str
    passages: tuple[Passage, ...] = ()
    ways: tuple[Way, ...] = ()
    filtered: str = ""
    failed: Failure | None = None

    def to_json(self) -> dict[str, Any]:
        """The explanation for `--json`."""
        shown: dict[str, Any] = _json(asdict(self))
        return shown

    def lines(self) -> Iterator[str]:
        """The explanation as text, line by line."""
        yield f"{self.channel}: {self.format}, {self.size} bytes, {self.receipt}"
        for passage in self.passages:
            yield from _passage_lines(passage, "  ")
        for way in self.ways:
            yield f"  {'->' if way.taken else 'x '} {way.route}: {way.why}"
            for passage in way.passages:
                yield from _passage_lines(passage, "       ")
            last = [*self.passages, *way.passages][-1:]
            seen = {output.body for passage in last for output in passage.outputs}
            for delivery in way.deliveries:
                yield from _delivery_lines(delivery, delivery.body in seen)
        if self.failed is not None:
            yield f"  failed: {self.failed}"
        elif self.filtered:
            yield f"  filtered: {self.filtered}"


def explain(message: Message, channel: Channel) -> Explanation:
    """The way `message` would take through `channel`, by the same plan that the engine follows."""
    receipt = receipt_of(channel, message)
    told = receipt.code.value if not receipt.reason else f"{receipt.code.value}: {receipt.reason}"
    if receipt.code is not ReceiptCode.ACCEPTED:
        return Explanation(channel.name, message.format, len(message.body), told)
    made = plan(message, channel)
    passages, shared = _through(channel.steps, [message])
    ways = [_way(route, shared, made) for route in channel.routes] if shared else []
    return Explanation(
        channel.name, message.format, len(message.body), told, tuple(passages), tuple(ways), made.filtered, made.failed
    )


def _way(route: Route, shared: list[Message], made: Plan) -> Way:
    decisions: Mapping[str, RouteDecision] = {each.route: each for each in made.routes}
    decision = decisions.get(route.name)
    passages: list[Passage] = []
    try:
        entering = [message for message in shared if route.when.holds(message)]
    except Exception:  # the plan has this failure, and says where it came from
        entering = []
    if entering:
        passages, _ = _through(route.steps, entering, route.name)
    deliveries = tuple(
        _delivery(each.route, each.message, each.order_keys) for each in made.children if each.route is route
    )
    if decision is None:
        return Way(route.name, False, "the message failed", tuple(passages))
    why = decision.why
    if isinstance(decision.because, Clause):
        why += f" (found {_found(decision.because, shared)})"
    return Way(route.name, decision.taken, why, tuple(passages), deliveries)


def _through(
    steps: tuple[Step, ...], messages: list[Message], route: str | None = None
) -> tuple[list[Passage], list[Message]]:
    """Each step at work in turn, up to the one that filters or fails, and the messages that passed all of them."""
    passages: list[Passage] = []
    for step in steps:
        name = step.written or step.name
        outputs: list[Output] = []
        made: list[list[Message]] = []
        try:
            for message in messages:
                made.append(run_step(step, message, route))
                outputs += (_output(message, each) for each in made[-1])
        except PlanError as stopped:
            return [*passages, Passage(name, len(messages), tuple(outputs), failed=stopped.failure)], []
        if not any(made):
            return [*passages, Passage(name, len(messages), filtered=why_nothing(step, messages, made))], []
        passages.append(Passage(name, len(messages), tuple(outputs)))
        messages = [each for some in made for each in some]
    return passages, messages


def _output(before: Message, after: Message) -> Output:
    return Output(
        (*_body_changes(before, after), *_attribute_changes(before, after)),
        after.findings[len(before.findings) :],
        _shown_body(after) if after.format != before.format else "",
    )


def _body_changes(before: Message, after: Message) -> list[Difference]:
    if after.body == before.body and after.format == before.format:
        return []
    try:
        if before.format == after.format == HL7V2:
            return differences(before.body, after.body, before.attributes.get("body.charset"))
        if before.format == after.format == FHIR:
            return fhir.differences(before.body, after.body)
    except BodyError:  # what a step made is no longer what its format says: the sizes tell as much as can be told
        pass
    return [
        Difference("message.format", before.format, after.format),
        Difference("message.size", str(len(before.body)), str(len(after.body))),
    ]


def _attribute_changes(before: Message, after: Message) -> Iterator[Difference]:
    for name in sorted({*before.attributes, *after.attributes}):
        old, new = before.attributes.get(name, ""), after.attributes.get(name, "")
        if old != new:
            yield Difference(name, old, new)


def _delivery(route: Route, child: Message, keys: tuple[str, ...]) -> Delivery:
    return Delivery(child.id, _outbound(route, child), child.format, len(child.body), keys, _shown_body(child))


def _shown_body(message: Message) -> str:
    """The body as a person reads it: a line for each segment of HL7 v2, and for each value of FHIR."""
    if message.format == FHIR:
        try:
            return indented(message.body)
        except FhirError:  # as it is, then
            pass
    body = message.body.decode("utf-8", "backslashreplace")
    return body.replace("\r\n", "\n").replace("\r", "\n") if message.format == HL7V2 else body


def _outbound(route: Route, child: Message) -> str:
    """The end, and those of its options that are filled from the message."""
    filled = [
        f"{name} {child.fill(value)}"
        for name, value in route.outbound.options.items()
        if isinstance(value, str) and "{" in value
    ]
    return " ".join((route.outbound.end.name, *filled))


def _found(clause: Clause, messages: list[Message]) -> str:
    texts = dict.fromkeys(text for message in messages for text in clause.texts(message) if text)
    return ", ".join(texts) or "nothing"


def _passage_lines(passage: Passage, indent: str) -> Iterator[str]:
    count = (
        "" if passage.entered == len(passage.outputs) == 1 else f"  [{passage.entered} in, {len(passage.outputs)} out]"
    )
    yield f"{indent}{passage.step}{count}"
    for number, output in enumerate(passage.outputs, start=1):
        inner = f"{indent}    " if len(passage.outputs) == 1 else f"{indent}    {number}: "
        for change in output.changes[:MOST_CHANGES]:
            yield f"{inner}{change.path}: {_text(change.before)} -> {_text(change.after)}"
        if len(output.changes) > MOST_CHANGES:
            yield f"{inner}and {len(output.changes) - MOST_CHANGES} more changes"
        for finding in output.findings:
            yield f"{inner}{finding.severity}: {finding}"
        for line in output.body.rstrip("\n").split("\n") if output.body else ():
            yield f"{indent}    | {line}"
    if passage.filtered:
        yield f"{indent}    filtered: {passage.filtered.removeprefix(f'{passage.step}: ')}"
    if passage.failed is not None:
        yield f"{indent}    failed: {passage.failed.reason}" + (
            f" ({passage.failed.hint})" if passage.failed.hint else ""
        )


def _delivery_lines(delivery: Delivery, is_seen: bool) -> Iterator[str]:
    keys = (
        f", in order by {', '.join(key or 'the whole route' for key in delivery.order_keys)}"
        if delivery.order_keys
        else ""
    )
    yield f"       => {delivery.outbound}: {delivery.format}, {delivery.size} bytes{keys}"
    if is_seen:
        yield "          the body that the last step made"
        return
    for line in delivery.body.rstrip("\n").split("\n"):
        yield f"          {line}"


def _text(text: str) -> str:
    return repr(text) if text else "nothing"


def _json(value: Any) -> Any:
    """`value` with each change as a mapping; `asdict` keeps named tuples as they are."""
    if isinstance(value, Difference):
        return value._asdict()
    if isinstance(value, dict):
        return {key: _json(each) for key, each in value.items()}
    return [_json(each) for each in value] if isinstance(value, list | tuple) else value
