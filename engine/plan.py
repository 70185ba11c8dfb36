"""What becomes of one message in one channel: the pure heart of the route stage, of `hie test` and of `hie try`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from engine.channel import Channel, Route
from schemas.ccda.path import is_ccda_path
from schemas.condition import Clause, Condition
from schemas.error import BodyError
from schemas.fhir.path import is_fhir_path
from schemas.hl7v2.merge import order_keys
from schemas.ids import derived_id
from schemas.message import CCDA, FHIR, HL7V2, Message, is_attribute
from transforms.notify.digest import DIGEST
from transforms.registry import RegistryError
from transforms.step import Nothing, Step, StepError

NO_ROUTE = "no route takes it"
_GATHERED = "put tell_once in the channel's steps"


class Planned(NamedTuple):
    """One child to deliver: `order_keys` are the lines it stands in on its route, none where the route has no order.

    What is told in a digest waits as `waits`, before the route's own steps: what they make of it alone is `message`.
    """

    route: Route
    message: Message
    order_keys: tuple[str, ...] = ()
    waits: Message | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """The step that could not do its work, why, and what to do next; `route` is None for a shared step.

    No text quotes patient data: an unexpected exception shows as its type and place, never its own text.
    """

    step: str
    reason: str
    hint: str = ""
    route: str | None = None

    def __str__(self) -> str:
        where = self.step if self.route is None else f"{self.route}: {self.step}"
        return f"{where}: {self.reason}" + (f" ({self.hint})" if self.hint else "")


class RouteDecision(NamedTuple):
    """What one route made of a message, and why."""

    route: str
    children: int
    because: Condition | Clause | str
    """The condition that holds, the first clause that does not, or what filtered it."""

    @property
    def taken(self) -> bool:
        """Whether at least one child goes this way."""
        return self.children > 0

    @property
    def why(self) -> str:
        """The reason as text for the operator; built when asked, since every message makes a decision per route."""
        match self.because:
            case Clause() as clause:
                return f"not met: {clause}"
            case Condition() as condition:
                return f"when {condition}" if condition.clauses else "always"
            case text:
                return text


class Plan(NamedTuple):
    """What becomes of one message: its children; or why there are none, in `filtered` or `failed`."""

    children: tuple[Planned, ...] = ()
    filtered: str = ""
    failed: Failure | None = None
    routes: tuple[RouteDecision, ...] = ()


class PlanError(Exception):
    """A step or a condition raised; carries the `Failure`."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(str(failure))
        self.failure = failure


def plan(message: Message, channel: Channel) -> Plan:
    """What becomes of `message` in `channel`. Pure but for the registry that steps may ask: where that gives the same
    answers, the same message and channel give the same children, id for id.

    The shared steps run in sequence, and what each gives goes through the rest. Every route whose `when` holds then
    runs its own steps on what is left. A step that raises fails the whole message: nothing is half routed. Raises
    `RegistryError` where a step asks the registry and that does not answer now.
    """
    try:
        shared, reasons = run_steps(channel.steps, message)
        if not shared:
            return Plan(filtered=reasons)
        children: list[Planned] = []
        decisions: list[RouteDecision] = []
        for route in channel.routes:
            made, because = _along(route, shared, message)
            children.extend(made)
            decisions.append(RouteDecision(route.name, len(made), because))
    except PlanError as stopped:
        return Plan(failed=stopped.failure)
    return Plan(tuple(children), "" if children else NO_ROUTE, None, tuple(decisions))


def run_steps(steps: tuple[Step, ...], message: Message, route: str | None = None) -> tuple[list[Message], str]:
    """What `steps` make of `message` in sequence, and, where that is nothing, why; raises `PlanError`."""
    messages = [message]
    for step in steps:
        made = [run_step(step, one, route) for one in messages]
        given = [each for some in made for each in some]
        if not given:
            return given, why_nothing(step, messages, made)
        messages = given
    return messages, ""


def run_step(step: Step, message: Message, route: str | None = None) -> list[Message]:
    """What one step makes of one message; raises `PlanError`."""
    try:
        given = step(message)
    except RegistryError:
        raise
    except Exception as error:
        raise PlanError(_failure(error, step.written or step.name, route, step)) from error
    for one in given:
        if not isinstance(one, Message):
            reason = f"gave a {type(one).__name__} where a message is due"
            raise PlanError(Failure(step.written or step.name, reason, "return message.derive(...)", route))
    return given


def why_nothing(step: Step, messages: list[Message], made: list[list[Message]]) -> str:
    """Why `step` gave nothing for `messages`: the step as written, and what it says of each of the empty lists that it
    `made`, for a filter the first clause that decided."""
    written = step.written or step.name
    condition = step.arguments[0] if step.arguments else None
    if not isinstance(condition, Condition):
        said = dict.fromkeys(each.why for each in made if isinstance(each, Nothing))
        return f"{written}: {'; '.join(said) or 'gave no message'}"
    clause = condition.first_failing(messages[0])
    return f"{written}: {'holds' if clause is None else f'not met: {clause}'}"


def _along(route: Route, shared: list[Message], root: Message) -> tuple[list[Planned], Condition | Clause | str]:
    """The children that `route` makes of the messages that passed the shared steps, and why these or none."""
    made: list[Planned] = []
    because: Condition | Clause | str = route.when
    for message in shared:
        unmet = first_unmet(route, message) if route.when.clauses else None
        if unmet is not None:
            because = unmet
            continue
        results = [message]
        if route.steps:
            results, filtered = run_steps(route.steps, message, route.name)
            because = filtered or because
        waits = None
        if DIGEST in message.attributes and results:
            waits = _child(root, message, f"{route.name}/{len(made)}")
            results = results[:1]
        elif any(DIGEST in each.attributes for each in results):
            raise PlanError(
                Failure(DIGEST, "a digest gathers what a route's own steps begin with", _GATHERED, route.name)
            )
        for result in results:
            keys = keys_of(route, result, (message, root)) if route.in_order else ()
            made.append(Planned(route, _child(root, result, f"{route.name}/{len(made)}"), keys, waits))
    return made, route.when if made else because


def first_unmet(route: Route, message: Message) -> Clause | None:
    """The first clause of the route's `when` that `message` does not meet; raises `PlanError`."""
    try:
        return route.when.first_failing(message)
    except Exception as error:
        raise PlanError(_failure(error, f"when: {route.when}", route.name)) from error


def keys_of(route: Route, message: Message, before: tuple[Message, ...]) -> tuple[str, ...]:
    """The lines that `message` stands in on `route`; raises `PlanError`.

    A path into a body is read from the last message on the way that is (`before` lists the earlier ones, latest
    first), so that a patient's order survives a transformation into another format.
    """
    path = route.in_order
    if path is None:
        return ()
    if path == "true":
        return ("",)
    try:
        if is_attribute(path):
            return (message.get(path),)
        if is_fhir_path(path):
            return (next((one.get(path) for one in (message, *before) if one.format == FHIR), ""),)
        if is_ccda_path(path):
            return (next((one.get(path) for one in (message, *before) if one.format == CCDA), ""),)
        for one in (message, *before):
            if one.format == HL7V2:
                return order_keys(one.er7, path)
    except Exception as error:
        raise PlanError(_failure(error, f"in_order: {path}", route.name)) from error
    return ("",)


def _child(root: Message, result: Message, label: str) -> Message:
    return Message(
        derived_id(root.id, label),
        root.channel,
        result.format,
        result.body,
        root.received,
        root.id,
        result.attributes,
        result.findings,
    )


def _failure(error: Exception, written: str, route: str | None, step: Step | None = None) -> Failure:
    if isinstance(error, StepError):
        return Failure(written, error.reason, error.hint, route)
    if isinstance(error, BodyError):
        return Failure(written, f"{error.where}: {error.args[0]}" if error.where else error.args[0], error.hint, route)
    return Failure(written, f"{type(error).__name__} at {_place(error, step)}", "see the step's code there", route)


def _place(error: Exception, step: Step | None) -> str:
    """`folder/file:line` where `error` arose: in the step's own file if it passed there, else where it was raised."""
    own = step.function.__code__.co_filename if step is not None and hasattr(step.function, "__code__") else ""
    place, trace = "an unknown place", error.__traceback__
    inside = False
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if file == own or not inside:
            place = f"{'/'.join(Path(file).parts[-2:])}:{trace.tb_lineno}"
            inside = file == own
        trace = trace.tb_next
    return place
