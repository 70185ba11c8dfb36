"""The resources of a file of FHIR JSON, one after another, however large the file is."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, TextIO

import orjson

from engine.registry.rows import RosterError
from schemas.fhir.resource import Resource
from schemas.fhir.structure import structure

_PIECE = 1 << 20  # characters
_LONGEST = 16 << 20  # characters of one value
_SPACE = re.compile(r"[ \t\r\n]*")
_MISSING = "FHIR-304"
_DECODER = json.JSONDecoder()


class Found(NamedTuple):
    """A resource, and where it stands (`panels/a.json: Bundle.entry[3].resource`). `url` is the entry's fullUrl."""

    where: str
    resource: Resource
    url: str = ""


Sink = Callable[[str, Any], object]
"""What is told each `Group.member` with its place, instead of having them all in the Group."""


def read_resources(path: Path, name: str, members: Sink = lambda _where, _member: None) -> Iterator[Found]:
    """Each resource of the Bundle in the file at `path`, called `name` in errors, or the one resource that it is.

    Raises `RosterError` with the place and no value.
    """
    try:
        with path.open(encoding="utf-8-sig") as file:
            yield from _Walk(file, name, members).resources()
    except UnicodeDecodeError:
        raise RosterError(f"{name}: not UTF-8") from None
    except OSError as error:
        raise RosterError(f"{name}: {error.strerror}") from None


def only(resource: Resource, elements: tuple[str, ...], where: str) -> Resource:
    """`elements` of `resource`, which must be built as R4 says where they are there; raises `RosterError` else."""
    chosen = {name: resource[name] for name in ("resourceType", *elements) if name in resource}
    wrong = next((each for each in structure(chosen, where) if each.code != _MISSING), None)
    if wrong is not None:
        raise RosterError(f"{wrong.where}: {wrong.what}")
    return chosen


class _Walk:
    """One pass through a file: what is around the resources is walked through, each of them is read whole."""

    def __init__(self, file: TextIO, name: str, members: Sink) -> None:
        self._file = file
        self._name = name
        self._members = members
        self._text = ""
        self._at = 0
        self._is_all = False

    def resources(self) -> Iterator[Found]:
        resource: Resource = {}
        for key in self._keys(self._name):
            if key != "entry":
                self._put(resource, key, "resource")
                continue
            for number in self._items("Bundle.entry"):
                yield from self._entry(f"Bundle.entry[{number}]")
            resource["entry"] = []
        if self._next():
            raise self._wrong("the file", "text after its end")
        if resource.get("resourceType") != "Bundle":
            if "entry" in resource or not isinstance(resource.get("resourceType"), str):
                raise RosterError(f"{self._name}: the file is no FHIR Bundle")
            yield Found(f"{self._name}: {resource['resourceType']}", resource)

    def _entry(self, where: str) -> Iterator[Found]:
        resource: Resource | None = None
        url: Any = ""
        for key in self._keys(where):
            if key == "resource":
                resource = {}
                for inner in self._keys(f"{where}.resource"):
                    self._put(resource, inner, f"{where}.resource")
            elif key == "fullUrl":
                url = self._value(where)
            else:
                self._value(where)
        if resource is not None:
            if not isinstance(resource.get("resourceType"), str):
                raise RosterError(f"{self._name}: {where}.resource: has no resourceType")
            yield Found(f"{self._name}: {where}.resource", resource, url if isinstance(url, str) else "")

    def _put(self, resource: Resource, key: str, where: str) -> None:
        if key in resource:
            raise self._wrong(where, "an element stands twice")
        if key == "member" and self._next() == "[":
            for number in self._items(f"{where}.member"):
                place = f"{where}.member[{number}]"
                self._members(f"{self._name}: {place}", self._value(place))
            resource[key] = []
        else:
            resource[key] = self._value(where)

    def _keys(self, where: str) -> Iterator[str]:
        """The key of each member of an object; the caller reads the value."""
        self._take("{", where)
        if self._next() == "}":
            self._at += 1
            return
        while True:
            key = self._value(where)
            if not isinstance(key, str):
                raise self._wrong(where, "a key is no text")
            self._take(":", where)
            yield key
            if self._next() != ",":
                break
            self._at += 1
        self._take("}", where)

    def _items(self, where: str) -> Iterator[int]:
        """The number of each item of an array; the caller reads the item."""
        self._take("[", where)
        number = 0
        if self._next() == "]":
            self._at += 1
            return
        while True:
            yield number
            number += 1
            if self._next() != ",":
                break
            self._at += 1
        self._take("]", where)

    def _value(self, where: str) -> Any:
        """The next value, read whole."""
        self._next()
        while True:
            try:
                _, end = _DECODER.raw_decode(self._text, self._at)
                if end < len(self._text) or self._is_all:
                    break
            except json.JSONDecodeError as error:
                if self._is_all:
                    raise self._wrong(where, f"not JSON ({error.msg})") from None
            except RecursionError:
                raise self._wrong(where, "nested too deeply") from None
            except ValueError:
                raise self._wrong(where, "a number of thousands of digits") from None
            if len(self._text) - self._at > _LONGEST:
                raise self._wrong(where, "neither ends nor is JSON within 16 MB")
            self._more()
        written, self._at = self._text[self._at : end], end
        try:
            return orjson.loads(written)  # stricter: no NaN, no half of a surrogate pair
        except orjson.JSONDecodeError as error:
            raise self._wrong(where, f"not JSON ({error.msg})") from None

    def _next(self) -> str:
        """The next character that is no space, which is not taken; "" at the end."""
        while True:
            found = _SPACE.match(self._text, self._at)
            self._at = found.end() if found else self._at
            if self._at < len(self._text):
                return self._text[self._at]
            if self._is_all:
                return ""
            self._more()

    def _take(self, character: str, where: str) -> None:
        if self._next() != character:
            raise self._wrong(where, f"not JSON as it should be: {character} is missing")
        self._at += 1

    def _more(self) -> None:
        rest = self._text[self._at :]
        piece = self._file.read(max(_PIECE, len(rest)))
        self._is_all = not piece
        self._text, self._at = rest + piece, 0

    def _wrong(self, where: str, what: str) -> RosterError:
        return RosterError(f"{self._name}: {where}: {what}")
