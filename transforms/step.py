"""What a step is: a plain function under `@step`, and that function bound to the options of one line of YAML."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from schemas.message import Message

Result = Message | Iterable[Message] | None
StepFunction = Callable[..., Result]
F = TypeVar("F", bound=StepFunction)


class Nothing(list[Message]):
    """No message, and why: a step that filters gives it, and the journal and `hie try` show it. `why` is without a
    patient's data."""

    def __init__(self, why: str) -> None:
        super().__init__()
        self.why = why


class StepError(Exception):
    """A step cannot do its work on this message: the message stops here, loudly. Neither text quotes patient data."""

    def __init__(self, reason: str, hint: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.hint = hint


STEPS: dict[str, StepFunction] = {}
"""Every step by its YAML name."""


def step(function: F) -> F:
    """Make `function` a step of that name (a trailing underscore is dropped: `set_` is `set`).

    Its first parameter is the message. Its keyword-only parameters are its YAML options. A step whose YAML value is
    itself the option (`keep: {MSH-9.1: ADT}`) takes it as a second, positional-only parameter. A keyword-only parameter
    `registry` is no option: it is handed the site's `transforms.registry.Registry`.
    """
    STEPS[function.__name__.rstrip("_")] = function
    return function


def sets(*attributes: str) -> Callable[[F], F]:
    """Say which attributes a step sets under names of its own, so that `hie check` knows: `@sets("subscriber.id")`.

    Attributes that the step's options name, and those that begin with the step's own name, need not be said.
    """

    def mark(function: F) -> F:
        function.__dict__["sets"] = attributes
        return function

    return mark


@dataclass(frozen=True, slots=True)
class Step:
    """A step function bound to the options of one line of YAML: a message in, messages out."""

    name: str
    function: StepFunction
    arguments: tuple[Any, ...] = ()
    options: Mapping[str, Any] | None = None
    written: str = ""
    """The line as the engineer wrote it, for explanations."""

    def __call__(self, message: Message) -> list[Message]:
        """What the step makes of `message`, in order, nothing when it was filtered (`Nothing` where the step says why);
        raises what the step raises."""
        result = self.function(message, *self.arguments, **(self.options or {}))
        if result is None:
            return []
        if isinstance(result, Message):
            return [result]
        return result if isinstance(result, Nothing) else list(result)
