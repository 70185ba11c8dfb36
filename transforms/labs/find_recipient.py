"""The step `find_recipient`: who ordered a result, and who else is to have it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from schemas.finding import Finding, Severity
from schemas.message import HL7V2, Message
from schemas.tables import CodeMapFile
from transforms.codes import HELD
from transforms.labs.named import Named, Reader
from transforms.labs.orders import Order, answered
from transforms.notify.panel import attributes_of
from transforms.recipient import ENDS, Reached, recipients
from transforms.registry import Registry, Subscriber
from transforms.step import StepError, sets, step

UNKNOWN = "LAB-101"
ELSEWHERE = "LAB-102"

EVENT = "result"
"""What a subscriber hears of here (`events` in registry/subscribers.yaml)."""


@step
@sets(
    *("recipient.verdict", "recipient.role", "recipient.rule", "subscriber.id", "subscriber.title", "subscriber.npi"),
    *("subscriber.delivery", "subscriber.address", "subscriber.format", "subscriber.content"),
)
def find_recipient(
    message: Message,
    *,
    registry: Registry,
    ids: CodeMapFile | None = None,
    bare_numbers: Literal["unknown", "npi"] = "unknown",
    ends: list[Literal["direct", "fhir", "mllp"]] | None = None,
    facility: Literal["instead", "also"] = "instead",
    always: list[str] | None = None,
) -> Iterator[Message]:
    """Give a message for each who gets the result: who ordered it (OBR-16, ORC-12, PRT) and who gets a copy (OBR-28,
    PRT), each once however often they are named.

    Who subscribes to `result` by the provider's NPI, or that of the provider's organization, gets it as they wish; else
    it goes to the endpoint that the directory has. `recipient.verdict` is `known` then. Where somebody who is named
    is not found, or nobody is named, one message is given with `recipient.verdict: unknown` and without any
    `subscriber.*`: route it by that to a work list. Put `split_orders` before: in a message with several orders,
    everybody gets all of them. What `map_codes` holds for a person (`codes.unmapped`) passes as it is, for nobody.

    Args:
        ids: The site's own numbers of providers, a code map: `code` is the number, `system` its assigning authority
            (empty for any), `to_code` the NPI.
        bare_numbers: What ten digits with neither an authority nor a type are: `unknown`, or an `npi`.
        ends: Which endpoints of the directory are used, the best first: `[direct, fhir, mllp]`.
        facility: Whether the ordering facility (ORC-21) gets the result `instead` of a provider who is not found, or
            `also`.
        always: Names (`subscriber.id`) of those that get every result whoever ordered it, public health for example.
    """
    if message.format != HL7V2:
        raise StepError(f"only HL7 v2 names recipients here, and the body is {message.format}", "put the step before")
    if message.get(HELD):
        yield message
        return
    er7 = message.er7
    found = answered(er7)
    senders = tuple(dict.fromkeys(filter(None, (er7.get("MSH-4.1"), er7.get("MSH-3.1")))))
    search = _Search(registry, Reader(ids, senders, bare_numbers == "npi"), tuple(ends or ENDS), facility == "also")
    for order in found:
        search.look(order)
    for name in always or ():
        search.found.setdefault(name, (Subscriber(name), "always", "gets every result"))
    for name, (subscriber, role, rule) in search.found.items():
        facts = {"recipient.verdict": "known", "recipient.role": role, "recipient.rule": rule}
        facts |= attributes_of(subscriber)
        yield message.derive(f"find_recipient/{name}", attributes=facts, findings=search.elsewhere)
    if search.unknown:
        places = "; ".join(dict.fromkeys(f"{each.where}: {each.what}" for each in search.unknown))
        facts = {"recipient.verdict": "unknown", "recipient.rule": places}
        yield message.derive("find_recipient", attributes=facts, findings=search.unknown)


class _Search:
    """The search for the recipients of one message."""

    def __init__(self, registry: Registry, reader: Reader, ends: Sequence[str], facility_too: bool) -> None:
        self._registry = registry
        self._reader = reader
        self._ends = ends
        self._facility_too = facility_too
        self._asked: dict[str, Reached] = {}
        self.found: dict[str, tuple[Subscriber, str, str]] = {}
        self.unknown: list[Finding] = []
        self.elsewhere: list[Finding] = []

    def look(self, order: Order) -> None:
        """Find everybody that `order` names."""
        named = self._reader.named(order)
        of = {role: [each for each in named if each.role == role] for role in ("ordering", "copy", "facility")}
        missed = self._each(of["ordering"])
        reached = len(missed) < len(of["ordering"])
        if self._facility_too or not reached:
            without = self._each(of["facility"])
            reached |= len(without) < len(of["facility"])
            missed += without
        if reached:
            self.elsewhere += [_finding(ELSEWHERE, *each) for each in missed]
        else:
            self.unknown += [_finding(UNKNOWN, *each) for each in missed or [("OBR-16", _NOBODY)]]
        self.unknown += [_finding(UNKNOWN, *each) for each in self._each(of["copy"])]

    def _each(self, named: Sequence[Named]) -> list[tuple[str, str]]:
        """Where somebody is named who is not found, and why; one found by another number of theirs is."""
        there = {each.person for each in named if each.npi and self._reach(each) and all(each.person)}
        without = (each for each in named if each.person not in there and not (each.npi and self._reach(each)))
        return [(each.where, each.why or self._asked[each.npi].rule) for each in without]

    def _reach(self, each: Named) -> bool:
        reached = self._asked.get(each.npi)
        if reached is None:
            reached = self._asked[each.npi] = recipients(self._registry, each.npi, EVENT, self._ends)
        for subscriber in reached.by:
            self.found.setdefault(subscriber.name, (subscriber, each.role, f"{each.where}: {reached.rule}"))
        return bool(reached.by)


_NOBODY = "nobody is named: no ordering provider (OBR-16, ORC-12, PRT), and no facility (ORC-21)"


def _finding(code: str, where: str, what: str) -> Finding:
    hint = "add the provider to the directory or the site's numbers, and replay the message"
    return Finding(code, where, what, hint, Severity.WARNING)
