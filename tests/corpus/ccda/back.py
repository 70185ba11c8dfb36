"""The way back: the four types of document made of each bundle, and what is the same when it returns to FHIR."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import get_args

from schemas.ccda import Document
from schemas.ccda.validate import validate
from schemas.fhir import Resource
from schemas.fhir.facts import Fact, facts
from schemas.finding import Severity
from tests.corpus.figures import Figure, counted, percent
from transforms import ccda_to_fhir, fhir_to_ccda
from transforms.fhir_to_ccda.options import DocumentName

TYPES: tuple[DocumentName, ...] = tuple(each for each in get_args(DocumentName) if each != "auto")
_CODED = ("code", "system", "status", "intent", "value", "unit", "start", "end")
"""The last names of the facts that are compared: codes, statuses, amounts and times."""
_OF_THE_RUN = ("Provenance", "Composition")


@dataclass(slots=True)
class Returned:
    """What came of a bundle: documents made and valid, by type, and the coded facts that were and that came back."""

    made: Counter[str] = field(default_factory=Counter)
    valid: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    facts: int = 0
    equal: int = 0
    lost: Counter[str] = field(default_factory=Counter)


def returned(bundle: Resource, now: datetime) -> Returned:
    """Make each type of document of `bundle`, and FHIR again of the one that it asks for itself."""
    found = Returned()
    for each in TYPES:
        conversion = fhir_to_ccda.convert(bundle, fhir_to_ccda.Options(document=each), now)
        found.made[each] += 1
        if conversion.document is None:
            found.faults["no document is made"] += 1
            continue
        errors = [one for one in validate(Document.parse(conversion.document)) if one.severity is Severity.ERROR]
        found.valid[each] += not errors
        found.faults.update({f"{each}: {one.code} {one.what} {one.hint}" for one in errors})
    whole = fhir_to_ccda.convert(bundle, fhir_to_ccda.Options(), now)
    before = _coded(bundle)
    found.facts = before.total()
    found.lost = Counter({fact[0]: 1 for fact in before})
    if whole.document is not None:
        again = ccda_to_fhir.convert(Document.parse(whole.document), ccda_to_fhir.Options(), now).bundle
        missing = before - _coded(again)
        found.lost = Counter()
        for fact, count in missing.items():
            found.lost[fact[0]] += count
    found.equal = found.facts - found.lost.total()
    return found


def figures(given: list[Returned], names: list[str]) -> list[Figure]:
    """How many documents are valid, by type, and how many coded facts came back."""
    faults: Counter[str] = Counter()
    lost: Counter[str] = Counter()
    examples: dict[str, str] = {}
    for each, name in zip(given, names, strict=True):
        faults.update(each.faults)
        lost.update(each.lost)
        for what in (*each.faults, *each.lost):
            examples.setdefault(what, name)
    made = sum((each.made for each in given), Counter[str]())
    valid = sum((each.valid for each in given), Counter[str]())
    by_type = ", ".join(f"{valid[each]:,} of {made[each]:,} {each}" for each in TYPES)
    total = sum(each.facts for each in given)
    equal = sum(each.equal for each in given)
    share, back = percent(valid.total(), made.total()), percent(equal, total)
    of = f"{total:,} different facts"
    return [
        Figure("back", "documents made, valid", share, "%", 100.0, of=by_type, listed=counted(faults, examples)),
        Figure("back", "round trip, coded facts equal", back, "%", 98.0, of=of, listed=counted(lost, examples)),
    ]


def _coded(bundle: Resource) -> Counter[Fact]:
    """The coded facts of the resources that are about the patient, each once."""
    about = [each for each in bundle["entry"] if each["resource"]["resourceType"] not in _OF_THE_RUN]
    said = facts({**bundle, "entry": about})
    return Counter({fact: 1 for fact in said if fact[0].rpartition(".")[2] in _CODED and ".text" not in fact[0]})
