"""The one notation of `when`, `keep`, `drop` and `expect`: paths, and the values they must have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Annotated

from pydantic import BeforeValidator, InstanceOf, WithJsonSchema

from schemas.ccda.path import is_ccda_path
from schemas.fhir.path import is_fhir_path
from schemas.message import Message

Values = str | list[str]
_TESTS = ("not", "like", "exists")


class ConditionError(ValueError):
    """The condition as written has no meaning; the text says what to write instead."""


@dataclass(frozen=True, slots=True)
class Clause:
    """One line of a condition: the text at `path` is one of `values`; `kind` says how they are compared."""

    path: str
    kind: str
    values: tuple[str, ...]

    def holds(self, message: Message) -> bool:
        """Whether `message` meets this clause; where the path means many, whether any of the texts there does."""
        if self.kind == "is" and not self.is_many:
            return message.get(self.path) in self.values
        found = self.texts(message)
        match self.kind:
            case "is":
                return any(text in self.values for text in found)
            case "not":
                return not any(text in self.values for text in found)
            case "like":
                return any(fnmatchcase(text, pattern) for text in found for pattern in self.values)
            case _:
                return any(found) == (self.values[0] == "true")

    @property
    def is_many(self) -> bool:
        """Whether the path means every text there: with `[*]`, and in FHIR and clinical documents always."""
        return "[*]" in self.path or is_fhir_path(self.path) or is_ccda_path(self.path)

    def texts(self, message: Message) -> list[str]:
        """The texts that this clause looks at; `""` stands for an element that is absent."""
        if "[*]" in self.path:
            return message.get_all(self.path)
        return (self.is_many and message.get_all(self.path)) or [message.get(self.path)]

    def __str__(self) -> str:
        values = self.values[0] if len(self.values) == 1 else f"[{', '.join(self.values)}]"
        return f"{self.path}: {values}" if self.kind == "is" else f"{self.path}: {{{self.kind}: {values}}}"


@dataclass(frozen=True, slots=True)
class Condition:
    """Clauses that must all hold; the empty condition holds always."""

    clauses: tuple[Clause, ...] = ()

    @classmethod
    def read(cls, written: Mapping[str, object]) -> Condition:
        """The condition that an engineer wrote; raises `ConditionError`.

        `PATH: value`, `PATH: [one, of, these]`, `PATH: {not: ...}`, `PATH: {like: "A0*"}`, `PATH: {exists: true}`.
        """
        clauses: list[Clause] = []
        for path, value in written.items():
            if not isinstance(value, Mapping):
                clauses.append(Clause(path, "is", _texts(path, value)))
                continue
            for kind, operand in value.items():
                if kind not in _TESTS:
                    raise ConditionError(f"{path}: unknown test {kind!r}; write one of {', '.join(_TESTS)}")
                values = _texts(path, operand)
                if kind == "exists" and values not in (("true",), ("false",)):
                    raise ConditionError(f"{path}: exists takes true or false")
                clauses.append(Clause(path, kind, values))
        return cls(tuple(clauses))

    def holds(self, message: Message) -> bool:
        """Whether every clause holds for `message`."""
        return self.first_failing(message) is None

    def first_failing(self, message: Message) -> Clause | None:
        """The first clause that `message` does not meet, to explain a decision."""
        for clause in self.clauses:
            if not clause.holds(message):
                return clause
        return None

    def __str__(self) -> str:
        return ", ".join(map(str, self.clauses)) or "always"


ALWAYS = Condition()
"""The condition that holds for every message."""


def _texts(path: str, value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        return tuple(value)
    raise ConditionError(f"{path}: a value is a text or a list of texts")


def _condition(written: object) -> object:
    if isinstance(written, Condition):
        return written
    if not isinstance(written, Mapping):
        raise ConditionError("a condition is paths and their values: {MSH-9.1: ADT}")
    return Condition.read(written)


_SCALAR: dict[str, object] = {"type": ["string", "number", "boolean"]}
_ONE_OR_MORE: list[object] = [_SCALAR, {"type": "array", "items": _SCALAR, "minItems": 1}]

When = Annotated[
    InstanceOf[Condition],
    BeforeValidator(_condition),
    WithJsonSchema(
        {
            "type": "object",
            "additionalProperties": {
                "anyOf": [
                    *_ONE_OR_MORE,
                    {
                        "type": "object",
                        "properties": {
                            "not": {"anyOf": _ONE_OR_MORE},
                            "like": {"anyOf": _ONE_OR_MORE},
                            "exists": {"enum": ["true", "false", True, False]},
                        },
                        "additionalProperties": False,
                        "minProperties": 1,
                    },
                ]
            },
        }
    ),
]
"""A condition as an option: an engineer writes the mapping, a step or route gets the `Condition`."""
