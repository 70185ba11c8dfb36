"""The steps `match_panel` and `drop_opted_out`: whose patient it is, and who wants nobody told."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Annotated

from pydantic import AfterValidator

from schemas.finding import Finding, Severity
from schemas.message import Message
from transforms.matching import Decision, Model, Person, Verdict, decide
from transforms.notify.person import person_of
from transforms.registry import Membership, Registry, Subscriber
from transforms.step import Nothing, StepError, sets, step

UNSURE = "MATCH-101"
_MODEL = Model()


def _weights(given: dict[str, float]) -> dict[str, float]:
    try:
        Model(**given)
    except TypeError:
        raise ValueError("a name is none of the weights; docs/matching.md lists them") from None
    return given


Weights = Annotated[dict[str, float], AfterValidator(_weights)]
"""Weights and thresholds of `docs/matching.md` by name."""


@step
@sets(
    *("match.verdict", "match.panel", "match.rule", "match.member", "subscriber.id", "subscriber.member"),
    *("subscriber.title", "subscriber.npi", "subscriber.delivery", "subscriber.address", "subscriber.format"),
    "subscriber.content",
)
def match_panel(message: Message, *, registry: Registry, weights: Weights | None = None) -> list[Message]:
    """Give a message for each subscriber whose panel the patient is in; nothing where the patient is in none.

    Where a person has to look (docs/matching.md), one message is given for each such panel with `match.verdict:
    review`, and without any `subscriber.*`: route it by that to a work list. Nobody is told.

    Args:
        weights: Weights and thresholds other than the defaults: `{match: 26, phone: 5}`.
    """
    person = _patient(message)
    model = replace(_MODEL, **weights) if weights else _MODEL
    decided = list(by_roster(registry.members(person, message.received.date()), person, model))
    if not decided:
        return Nothing("the patient is in no panel")
    matched = list(_matched(message, decided, registry))
    return matched or Nothing(f"nobody subscribes to {', '.join(panel for panel, _ in decided)}")


def _matched(message: Message, decided: Iterable[tuple[str, Decision]], registry: Registry) -> Iterator[Message]:
    """A message for each subscriber of the panels that the patient is in, and for each panel that is in doubt."""
    for panel, decision in decided:
        facts = {
            "match.verdict": decision.verdict.value,
            "match.panel": panel,
            "match.rule": decision.rule,
            "match.member": decision.member,
        }
        if decision.verdict is Verdict.REVIEW:
            what = f"whether this is a member of {panel} is for a person to say: {decision.rule}"
            finding = Finding(UNSURE, "PID", what, "compare the two records; docs/matching.md", Severity.WARNING)
            yield message.derive(f"match_panel/{panel}", attributes=facts, findings=[finding])
            continue
        for subscriber in registry.subscribers(panel):
            label = f"match_panel/{panel}/{subscriber.name}"
            yield message.derive(label, attributes={**facts, **attributes_of(subscriber, decision.member)})


@step
def drop_opted_out(message: Message, *, registry: Registry, weights: Weights | None = None) -> Message | Nothing:
    """Stop a message about a patient who wants nobody told, or wants the subscriber of the message not told.

    Where it cannot be said for sure that the patient is another than who opted out, nobody is told either.

    Args:
        weights: Weights and thresholds other than the defaults, as in `match_panel`.
    """
    person = _patient(message)
    model = replace(_MODEL, **weights) if weights else _MODEL
    rosters = {"", message.get("subscriber.id")}
    found = by_roster(registry.opted_out(person, message.received.date()), person, model)
    stops = any(roster in rosters for roster, _ in found)
    return Nothing("the patient, or who may be that patient, has opted out") if stops else message


def _patient(message: Message) -> Person:
    person = person_of(message)
    if person is None:
        raise StepError("the message names no patient", "keep such messages away from this step: keep: {PID-3: ...}")
    return person


def by_roster(candidates: Sequence[Membership], person: Person, model: Model) -> Iterator[tuple[str, Decision]]:
    """What is decided about `person` in each roster of the candidates, but for those in which it is nobody."""
    rosters: dict[str, list[Membership]] = defaultdict(list)
    for found in candidates:
        if found.same is not False:
            rosters[found.panel].append(found)
    for roster in sorted(rosters):
        decision = _decision(rosters[roster], person, model)
        if decision.verdict is not Verdict.NONE:
            yield roster, decision


def _decision(found: Sequence[Membership], person: Person, model: Model) -> Decision:
    """What a person decided once and for all (`hie worklist settle`), else what the comparison comes to."""
    said = [each.member for each in found if each.same]
    if len(said) == 1:
        return Decision(Verdict.MATCH, said[0], "a person decided that this is the member")
    return decide(person, [(each.member, each.person) for each in found], model)


def attributes_of(subscriber: Subscriber, member: str = "") -> Mapping[str, str]:
    """What a message says of the subscriber that it is for, and of its patient, the `member` of the panel."""
    found = {
        "subscriber.id": subscriber.name,
        "subscriber.member": member,
        "subscriber.title": subscriber.title,
        "subscriber.npi": subscriber.npi,
        "subscriber.delivery": subscriber.delivery,
        "subscriber.address": subscriber.address,
        "subscriber.format": subscriber.format,
        "subscriber.content": subscriber.content,
    }
    return {name: value for name, value in found.items() if value}
