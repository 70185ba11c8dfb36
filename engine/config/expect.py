"""What a case expects of a channel, and where what came of its message differs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from itertools import zip_longest

from channels.ends import Receipt, ReceiptCode
from engine.plan import Plan, Planned
from schemas.condition import Condition
from schemas.difference import Difference
from schemas.error import BodyError
from schemas.fhir import compare as fhir
from schemas.hl7v2 import compare as hl7v2
from schemas.message import FHIR, HL7V2, Message

RECEIPTS: Mapping[str, ReceiptCode] = {
    **{code.value: code for code in ReceiptCode},
    **dict.fromkeys(("AA", "CA", "200", "202"), ReceiptCode.ACCEPTED),
    **dict.fromkeys(("AR", "CR", "400"), ReceiptCode.REJECTED),
    **dict.fromkeys(("AE", "CE", "503"), ReceiptCode.FAILED),
}
"""How a case may write a receipt: what the engine calls it, or what the sender would see."""

SHOWN = 200
_ALWAYS = Condition()


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One thing that is not as expected; `where` is `receipt`, `practice-a`, or an element: `practice-a PV1-3.1`."""

    where: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"{self.where}: expected {_shown(self.expected)}, found {_shown(self.found)}"


@dataclass(frozen=True, slots=True)
class ChildExpected:
    """What one child is: `condition` holds, or its body is `body` (read from `file`) but for the paths in `ignore`."""

    condition: Condition = _ALWAYS
    file: str = ""
    body: bytes = b""
    ignore: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RouteExpected:
    """What one route gets: so many children (any number when None), and what each of the first ones is."""

    count: int | None = None
    children: tuple[ChildExpected, ...] = ()


@dataclass(frozen=True, slots=True)
class Expected:
    """What a case expects; None where it does not say. `filtered` and `failed` are a part of the reason, "" for any."""

    receipt: str | None = None
    filtered: str | None = None
    failed: str | None = None
    routes: Mapping[str, RouteExpected] | None = None


def mismatches(expected: Expected, receipt: Receipt, plan: Plan | None) -> list[Mismatch]:
    """Where receipt and plan are not as expected; there is no plan for a message that was not accepted."""
    return [
        *_receipt(expected, receipt),
        *_ending("failed", expected.failed, str(plan.failed) if plan and plan.failed else ""),
        *_ending("filtered", expected.filtered, plan.filtered if plan else ""),
        *_routes(expected, plan.children if plan else ()),
    ]


def _receipt(expected: Expected, receipt: Receipt) -> Iterator[Mismatch]:
    wanted = expected.receipt
    code = ReceiptCode.ACCEPTED if wanted is None else RECEIPTS[wanted]
    if receipt.code is not code:
        found = f"{receipt.code.value}: {receipt.reason}" if receipt.reason else receipt.code.value
        yield Mismatch("receipt", wanted or code.value, found)


def _ending(name: str, wanted: str | None, reason: str) -> Iterator[Mismatch]:
    """A message that failed is never as expected unless the case says so; one may be filtered where it says nothing."""
    if wanted is None:
        if reason and name == "failed":
            yield Mismatch(name, "no failure", reason)
    elif not reason:
        yield Mismatch(name, wanted or f"the message {name}", "it was not")
    elif wanted not in reason:
        yield Mismatch(name, wanted, reason)


def _routes(expected: Expected, children: Sequence[Planned]) -> Iterator[Mismatch]:
    if expected.routes is None:
        return
    made: dict[str, list[Message]] = {}
    for child in children:
        made.setdefault(child.route.name, []).append(child.message)
    for name in dict.fromkeys((*expected.routes, *made)):
        yield from _route(name, expected.routes.get(name, RouteExpected(0)), made.get(name, []))


def _route(name: str, expected: RouteExpected, children: list[Message]) -> Iterator[Mismatch]:
    if expected.count is not None and len(children) != expected.count:
        yield Mismatch(name, _messages(expected.count), _messages(len(children)))
    for number, (wanted, child) in enumerate(zip_longest(expected.children, children), start=1):
        if wanted is not None and child is not None:
            place = name if len(children) == 1 else f"{name}[{number}]"
            yield from _child(place, wanted, child)


def _child(place: str, expected: ChildExpected, child: Message) -> Iterator[Mismatch]:
    for clause in expected.condition.clauses:
        if not clause.holds(child):
            written = clause.values[0] if len(clause.values) == 1 else f"one of {', '.join(clause.values)}"
            found = ", ".join(clause.texts(child))
            yield Mismatch(
                f"{place} {clause.path}", written if clause.kind == "is" else f"{clause.kind} {written}", found
            )
    if expected.file:
        yield from _body(place, expected, child)


def _body(place: str, expected: ChildExpected, child: Message) -> Iterator[Mismatch]:
    if child.format in (HL7V2, FHIR):
        covers = fhir.covers if child.format == FHIR else _covers
        try:
            found = _differences(expected.body, child)
        except BodyError as error:
            yield Mismatch(place, expected.file, str(error))
            return
        for each in found:
            if not any(covers(path, each.path) for path in expected.ignore):
                yield Mismatch(f"{place} {each.path}", each.before, each.after)
    elif child.body != expected.body:
        before, after = (body.decode("utf-8", "replace").splitlines() for body in (expected.body, child.body))
        lines = list(unified_diff(before, after, expected.file, place, n=1, lineterm=""))
        yield Mismatch(place, expected.file, "\n".join(lines) or "the same text with other line ends")


def _differences(expected: bytes, child: Message) -> list[Difference]:
    if child.format == FHIR:
        return fhir.differences(expected, child.body)
    return hl7v2.differences(expected, child.body, child.attributes.get("body.charset"))


def _covers(path: str, element: str) -> bool:
    """Whether `element` is at `path` or within it: `PID-3` covers `PID-3[2].1`."""
    return element == path or (element.startswith(path) and element[len(path)] in ".[-")


def _messages(count: int) -> str:
    return {0: "no message", 1: "one message"}.get(count, f"{count} messages")


def _shown(text: str) -> str:
    if "\n" in text:
        return f"\n{text}"
    return (text if len(text) <= SHOWN else text[: SHOWN - 3] + "...") or "nothing"
