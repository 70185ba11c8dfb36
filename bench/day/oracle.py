"""Who must hear of what, counted from what really happened: nothing here asks the project's own steps.

The rules are those of docs/notifications.md, told again in other words, so that a mistake on either side shows.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from bench.day.adt import Told
from bench.day.people import ALL, LAKESIDE, REGION, RIVERSIDE
from bench.day.visits import Fact, Kind, Phase, Sent

WANTS = {
    REGION: frozenset({"admit", "emergency", "observation", "transfer", "discharge"}),
    RIVERSIDE: frozenset({"admit", "emergency", "observation", "outpatient", "transfer", "discharge"}),
    LAKESIDE: frozenset({"admit", "discharge"}),
}
"""What each subscriber wants to hear of; each is told of the panel that has its name."""

_LATEST_FIRST: tuple[Phase, ...] = ("discharge", "transfer", "arrival")


class Notice(NamedTuple):
    """What a subscriber hears."""

    kind: Kind
    phase: Phase
    event: str


Heard = dict[tuple[str, str], Notice]
"""By subscriber and control id."""


class Expected(NamedTuple):
    """What must be heard; what may be heard, since the patient was registered with slips; and who is spoken of."""

    must: Heard
    may: Heard
    kinds: dict[str, str]
    doubtful: frozenset[tuple[str, str]]
    """Subscribers and control ids of messages about patients who were registered with slips, told or not."""


class _Listener:
    """What a subscriber knows of one visit."""

    def __init__(self, wants: frozenset[str]) -> None:
        self._wants = wants
        self._knows: dict[Phase, tuple[str, Told]] = {}

    def hear(self, fact: Fact, told: Told) -> Notice | None:
        """What it has to be told of `fact`."""
        if fact.kind == "withdrawal":
            known = self._knows.pop(fact.phase, None)
            return None if known is None else Notice("withdrawal", fact.phase, known[0])
        if fact.kind == "update":
            phase = next((each for each in _LATEST_FIRST if each in self._knows), None)
            if phase is None or self._knows[phase][1] == told:
                return None
            event = self._knows[phase][0]
            self._knows[phase] = (event, told)
            return Notice("update", phase, event)
        if fact.event not in self._wants:
            return None
        known = self._knows.get(fact.phase)
        self._knows[fact.phase] = (fact.event, told)
        if known is None or fact.phase == "transfer" or known[0] != fact.event:
            return Notice("new", fact.phase, fact.event)
        return None if known[1] == told else Notice("update", fact.phase, fact.event)


def expected(day: Iterable[Sent]) -> Expected:
    """What each subscriber must hear of `day`, whose messages are in the order in which each visit sends them."""
    must: Heard = {}
    may: Heard = {}
    kinds: dict[str, str] = {}
    doubtful: set[tuple[str, str]] = set()
    listeners: dict[tuple[int, str], _Listener] = {}
    for sent in day:
        patient = sent.patient
        kinds[sent.control_id] = patient.kind
        for name in patient.panels:
            is_sure = name in patient.sure and (not patient.is_near_opt_out or bool(patient.opted_out))
            if not is_sure:
                doubtful.add((name, sent.control_id))
            if sent.fact is None or not patient.opted_out.isdisjoint((ALL, name)):
                continue
            listener = listeners.setdefault((sent.visit, name), _Listener(WANTS[name]))
            notice = listener.hear(sent.fact, sent.told)
            if notice is not None:
                (must if is_sure else may)[name, sent.control_id] = notice
    return Expected(must, may, kinds, frozenset(doubtful))
