"""Which of several members a person is: one of them, perhaps one, or none; and what decided."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from transforms.matching.compare import OTHERS, Comparison, Evidence, compare, said_of_given
from transforms.matching.model import Model
from transforms.matching.person import Person


class Verdict(StrEnum):
    """What the comparison comes to."""

    MATCH = "match"
    REVIEW = "review"  # a person has to look; nobody is told
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided about a person, which member it is about ("" for none), and the evidence.

    `rule` says in a few words what decided; no text quotes either side.
    """

    verdict: Verdict
    member: str = ""
    rule: str = "no member comes near"
    score: float = 0.0
    evidence: tuple[Evidence, ...] = ()

    def __str__(self) -> str:
        return f"{self.verdict}: {self.rule}"


NOBODY = Decision(Verdict.NONE)


def decide(person: Person, members: Iterable[tuple[str, Person]], model: Model) -> Decision:
    """Which of `members` (each with its id) `person` is.

    An identifier of the same authority decides, unless the demographics are those of somebody else: then a person has
    to look. Otherwise the best score does. Where two members come equally near, a person has to look too.
    """
    found = [_decide_one(person, id, member, model) for id, member in members]
    found = sorted((each for each in found if each.verdict is not Verdict.NONE), key=_rank)
    if not found:
        return NOBODY
    best = found[0]
    if len(found) > 1 and best.verdict is Verdict.MATCH and _rank(found[1])[:2] == _rank(best)[:2]:
        rule = "two members of one panel come equally near"
        return Decision(Verdict.REVIEW, best.member, rule, best.score, best.evidence)
    return best


def _rank(decision: Decision) -> tuple[int, float, str]:
    return (decision.verdict is not Verdict.MATCH, -decision.score, decision.member)


def _decide_one(person: Person, id: str, member: Person, model: Model) -> Decision:
    has_its_number = not person.identifiers.isdisjoint(member.identifiers)
    if not has_its_number and said_of_given(person, member) == OTHERS:
        return NOBODY  # as almost all are who only share a key
    comparison = compare(person, member, model)
    if has_its_number:
        return _by_identifier(id, comparison, model)
    systems = {system for system, _ in person.identifiers}
    if any(system in systems for system, _ in member.identifiers):
        # One authority numbers a person once, but for what it has yet to merge: somebody else, or a duplicate.
        return _by_score(id, comparison, model, most=Verdict.REVIEW)
    return _by_score(id, comparison, model)


def _by_identifier(id: str, comparison: Comparison, model: Model) -> Decision:
    """What an identifier in common comes to: numbers are mistyped and used again, so the rest must not contradict."""
    score = comparison.score
    if comparison.is_other:
        # Of two twins one was registered under the other's number, or the number is the family's.
        others = "given names are those of two persons" if score >= 0 else "demographics are somebody else's"
        rule = f"an identifier agrees, and the {others}"
        return Decision(Verdict.REVIEW, id, rule, score, comparison.evidence)
    rule = "an identifier of the same authority agrees"
    return Decision(Verdict.MATCH, id, rule, model.match + max(score, 0.0), comparison.evidence)


def _by_score(id: str, comparison: Comparison, model: Model, most: Verdict = Verdict.MATCH) -> Decision:
    score = round(comparison.score, 3)
    if score < model.review:
        return NOBODY
    compared = f"the score {score:.1f}"
    if score < model.match:
        rule = f"{compared} is between {model.review:g} and {model.match:g}"
        return Decision(Verdict.REVIEW, id, rule, score, comparison.evidence)
    if comparison.is_unsure:
        rule = f"{compared} would do, and the given names are not surely one"
        return Decision(Verdict.REVIEW, id, rule, score, comparison.evidence)
    if most is not Verdict.MATCH:
        rule = f"{compared} would do, and the same authority gave other identifiers"
        return Decision(Verdict.REVIEW, id, rule, score, comparison.evidence)
    return Decision(Verdict.MATCH, id, f"{compared} is at least {model.match:g}", score, comparison.evidence)
