"""The account of a conversion: every populated element of the message, and what became of it."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from schemas.fhir.facts import Fact, facts
from schemas.hl7v2 import Er7, Hl7Error
from transforms.accounting import Use
from transforms.v2_to_fhir.bundle import bundle_of
from transforms.v2_to_fhir.convert import Conversion, convert, convert_run
from transforms.v2_to_fhir.leftovers import LEFT_OUT, Z_SEGMENT_DROPPED
from transforms.v2_to_fhir.options import Options
from transforms.v2_to_fhir.run import Run
from transforms.v2_to_fhir.source import SourceSegment, source_of

SAID_ELSEWHERE = "it says nothing that another element does not say"
DECIDES = "it decides how the message is converted"


def account(er7: Er7, options: Options, now: datetime, *, trace: bool = True) -> list[Use]:
    """What became of every populated element of `er7`, in the order of the message.

    With `trace`, the places of the bundle that depend on a mapped element are found by taking the element out of the
    message, converting again and comparing: what is named there is so, whatever the maps claim. That costs one
    conversion, sometimes two, for each element.
    """
    run = convert_run(er7, options, now)
    if isinstance(run, Conversion):
        why = run.findings[-1].what
        return [Use(path, "unmapped", (), why) for segment in source_of(er7) for _, path in segment.populated()]
    tracer = _Tracer(er7, options, now, run) if trace else None
    return [use for segment in run.segments for use in _uses(segment, run, tracer)]


def _uses(segment: SourceSegment, run: Run, tracer: _Tracer | None) -> list[Use]:
    unread = [where for _, where, _ in segment.unread()]
    dropped = any(each.code == Z_SEGMENT_DROPPED and each.where == segment.where() for each in run.findings)
    uses = []
    for field, path in segment.populated():
        if not any(_is_within(path, where) for where in unread):
            targets, reason = tracer.targets(path) if tracer is not None else ((), "")
            uses.append(Use(path, "mapped", targets, reason))
        elif (segment.name, field) in LEFT_OUT:
            uses.append(Use(path, "left out", (), LEFT_OUT[segment.name, field]))
        elif dropped:
            uses.append(Use(path, "left out", (), "the site drops Z segments"))
        elif run.options.unmapped_field == "keep":
            uses.append(Use(path, "kept", (f"{(segment.target or run.header)['resourceType']}.extension(v2-element)",)))
        else:
            uses.append(Use(path, "unmapped", (), "no map reads it"))
    return uses


def _is_within(path: str, where: str) -> bool:
    """Whether `path` addresses what is at `where`, or a part of it: `PID-3.4` is within `PID-3`, `PID-31` is not."""
    return path == where or (path.startswith(where) and path[len(where)] in ".[")


class _Tracer:
    """Finds what depends on an element by converting the message without it."""

    def __init__(self, er7: Er7, options: Options, now: datetime, run: Run) -> None:
        self._er7 = er7
        self._options = options
        self._now = now
        self._whole = facts(bundle_of(run))

    def targets(self, path: str) -> tuple[tuple[str, ...], str]:
        """The places that depend on the element at `path`; without any, the reason."""
        for text in ("", self._er7.get(path) + "7"):
            changed = self._converted(path, text)
            if changed is None:
                return (), DECIDES
            places = dict.fromkeys(place for place, _ in self._whole - changed)
            if places:
                return tuple(places), ""
        return (), SAID_ELSEWHERE

    def _converted(self, path: str, text: str) -> Counter[Fact] | None:
        other = self._er7.copy()
        try:
            other.set(path, text)
        except Hl7Error:
            return None
        converted = convert(other, self._options, self._now)
        return None if converted.bundle is None else facts(converted.bundle)
