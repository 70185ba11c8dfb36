"""A profile: what the partners of a feed have agreed on beyond the standard."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path as File
from typing import TYPE_CHECKING, Annotated

import yaml
from pydantic import BeforeValidator, InstanceOf, ValidationInfo, WithJsonSchema

from schemas.finding import Finding
from schemas.hl7v2.error import Hl7Error
from schemas.hl7v2.path import ALL, Path
from schemas.hl7v2.structure import lines_of
from schemas.hl7v2.validate_codes import finding

if TYPE_CHECKING:
    from schemas.hl7v2 import Er7, Segment

_USAGES = ("R", "O", "X")
_KEYS = ("usage", "max", "length", "values")
_MOST_BYTES = 1 << 20


class ProfileError(ValueError):
    """The profile as written has no meaning; the text says what to write instead."""


@dataclass(frozen=True, slots=True)
class Constraint:
    """One place and what the profile says about it: `usage` is `R` required, `O` optional or `X` not used."""

    path: Path
    usage: str = "O"
    most: int | None = None
    length: int | None = None
    values: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Profile:
    """Constraints on places. One on a field holds in each segment of that name and each repetition."""

    name: str
    constraints: tuple[Constraint, ...]

    @classmethod
    def read(cls, written: object) -> Profile:
        """The profile that a YAML file holds, every scalar of it a text; raises `ProfileError`.

        `profile: NAME` and `places:` with `PATH: {usage: R|O|X, max: N, length: N, values: [A, B]}`.
        """
        if not isinstance(written, Mapping) or set(written) - {"profile", "places"} or "places" not in written:
            raise ProfileError("a profile has the keys profile (its name) and places")
        places = written["places"]
        if not isinstance(places, Mapping):
            raise ProfileError("places are paths with what holds there, for example PID-3.1: {usage: R}")
        return cls(
            str(written.get("profile", "")), tuple(_constraint(str(path), rule) for path, rule in places.items())
        )

    def findings(self, er7: Er7) -> Iterator[Finding]:
        """Where `er7` does not keep to the profile, place by place; the texts quote no value."""
        lines = lines_of(er7)
        for constraint in self.constraints:
            path = constraint.path
            segments = [each for each in zip(er7.segments, lines, strict=True) if each[0].name == path.segment]
            if not path.field:
                yield from self._segments(constraint, len(segments))
                continue
            for occurrence, (segment, line) in enumerate(segments, 1):
                where = Path(path.segment, occurrence, path.field, None, path.component, path.subcomponent)
                for code, what in _broken(constraint, segment):
                    yield finding(code, str(where), f"{what}{self._by()}, line {line}")

    def _segments(self, constraint: Constraint, count: int) -> Iterator[Finding]:
        name = constraint.path.segment
        if constraint.usage == "R" and not count:
            yield finding("V2-501", name, f"segment {name} is required{self._by()}")
        if constraint.usage == "X" and count:
            yield finding("V2-502", name, f"segment {name} is not used{self._by()}")
        if constraint.most is not None and count > constraint.most:
            yield finding("V2-503", name, f"segment {name} stands at most {constraint.most} times{self._by()}")

    def _by(self) -> str:
        return f" by profile {self.name}" if self.name else " by the profile"


def _constraint(written: str, rule: object) -> Constraint:
    try:
        path = Path.parse(written)
    except Hl7Error as error:
        raise ProfileError(str(error)) from None
    if path.occurrence not in (1, ALL) or path.repetition not in (None, ALL):
        raise ProfileError(f"{written}: a profile speaks of every segment and repetition; leave the index out")
    if not isinstance(rule, Mapping) or set(rule) - set(_KEYS):
        raise ProfileError(f"{written}: what holds at a place is written with {', '.join(_KEYS)}")
    usage, values = rule.get("usage", "O"), rule.get("values", [])
    if usage not in _USAGES:
        raise ProfileError(f"{written}: usage is R (required), O (optional) or X (not used)")
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise ProfileError(f"{written}: values is a list of texts")
    if not path.field and (values or "length" in rule):
        raise ProfileError(f"{written}: values and length belong to a field, not to a segment")
    return Constraint(path, usage, _count(written, rule, "max"), _count(written, rule, "length"), frozenset(values))


def _count(written: str, rule: Mapping[str, object], key: str) -> int | None:
    if key not in rule:
        return None
    value = str(rule[key])
    if not value.isdecimal() or int(value) == 0:
        raise ProfileError(f"{written}: {key} is a whole number from 1")
    return int(value)


def _broken(constraint: Constraint, segment: Segment) -> Iterator[tuple[str, str]]:
    path = constraint.path
    texts = segment.read_all(Path("", 1, path.field, ALL, path.component, path.subcomponent))
    if constraint.usage == "R" and not texts:
        yield "V2-501", "the place is required"
    if constraint.usage == "X" and texts:
        yield "V2-502", "the place is not used"
    if constraint.most is not None and len(texts) > constraint.most:
        yield "V2-503", f"the place has at most {constraint.most} repetitions"
    if constraint.values and any(text not in constraint.values for text in texts):
        yield "V2-504", "the value is none of those agreed on"
    if constraint.length is not None and any(len(text) > constraint.length for text in texts):
        yield "V2-505", f"the value has at most {constraint.length} characters"


@lru_cache(maxsize=32)
def _profile(path: File, name: str, _changed: int) -> Profile:
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
        if len(content) > _MOST_BYTES:
            raise ProfileError(f"{name}: a profile has at most {_MOST_BYTES >> 20} MB")
        return Profile.read(yaml.load(content, yaml.BaseLoader))  # noqa: S506 - it makes nothing but texts
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise ProfileError(f"{name}:{mark.line + 1 if mark else 1}: this is not YAML") from None
    except (OSError, RecursionError) as error:
        raise ProfileError(f"{name}: {getattr(error, 'strerror', None) or 'it nests too deep'}") from None


def _load(written: object, info: ValidationInfo) -> object:
    if isinstance(written, Profile):
        return written
    if not isinstance(written, str):
        raise ProfileError("write the name of a YAML file, for example profiles/adt.yaml")
    site = (info.context or {}).get("site")
    path = File(written) if site is None else File(site) / written
    try:
        changed = path.stat().st_mtime_ns
    except (OSError, ValueError) as error:
        raise ProfileError(f"{written}: {getattr(error, 'strerror', None) or 'no such file'}") from None
    return _profile(path, written, changed)


ProfileFile = Annotated[
    InstanceOf[Profile],
    BeforeValidator(_load),
    WithJsonSchema({"type": "string", "format": "path", "examples": ["profiles/adt.yaml"]}),
]
"""The name of a YAML file of the site that holds a profile, read when the channel is bound."""
