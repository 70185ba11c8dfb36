"""`hie test`: the cases beside the channels, run without a network, and the routes that no case covers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

from channels.ends import Receipt, ReceiptCode
from engine.channel import Channel
from engine.config.casefile import Case, Given, cases_of, read_cases
from engine.config.earlier import earlier, moment
from engine.config.expect import Mismatch, mismatches
from engine.config.sample import receipt_of, sample
from engine.config.site import Site
from engine.plan import Plan, plan
from engine.registry.site import SiteRegistry
from schemas.error import BodyError
from schemas.fhir import dumps
from schemas.fhir.edit import set_text, written_path
from schemas.fhir.read import read_exact
from schemas.finding import Finding, Severity
from schemas.message import FHIR, Message


@dataclass(frozen=True, slots=True)
class CaseResult:
    """What came of one case; without mismatches it passed."""

    channel: str
    case: str
    where: str
    mismatches: tuple[Mismatch, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether all was as expected."""
        return not self.mismatches


@dataclass(frozen=True, slots=True)
class CaseReport:
    """What came of all cases of a site.

    `findings` are mistakes in the channels and in the cases, which could not be run then; `uncovered` the routes
    (`channel/route`) to which no case sends a message.
    """

    results: tuple[CaseResult, ...] = ()
    uncovered: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether every case ran and passed. A route without a case does not fail the test."""
        return all(each.passed for each in self.results) and not self._errors

    @property
    def _errors(self) -> list[Finding]:
        return [each for each in self.findings if each.severity is Severity.ERROR]

    def lines(self) -> Iterator[str]:
        """The report as text, line by line."""
        for each in self._errors:
            yield f"error  {each}"
        channel = ""
        for result in self.results:
            if result.channel != channel:
                channel = result.channel
                yield channel
            yield f"  ok    {result.case}" if result.passed else f"  FAIL  {result.case} ({result.where})"
            for mismatch in result.mismatches:
                first, *rest = str(mismatch).split("\n")
                yield f"        {first}"
                yield from (f"          {line}" for line in rest)
        for route in self.uncovered:
            yield f"no case covers {route}"
        failed = sum(not each.passed for each in self.results)
        errors, without = len(self._errors), len(self.uncovered)
        yield f"{len(self.results)} cases, {failed} failed, {errors} errors, {without} routes without a case"

    def to_json(self) -> dict[str, Any]:
        """The report for `--json`."""
        return {
            "passed": self.passed,
            "cases": [
                {
                    "channel": each.channel,
                    "case": each.case,
                    "where": each.where,
                    "passed": each.passed,
                    "mismatches": [asdict(one) for one in each.mismatches],
                }
                for each in self.results
            ],
            "uncovered": list(self.uncovered),
            "findings": [asdict(each) for each in self.findings],
        }


class _Outcome(NamedTuple):
    """What came of a case, and what was made of its message."""

    result: CaseResult
    plan: Plan


def run_cases(site: Site, only: str | None = None) -> CaseReport:
    """Run the cases of the site's channels, or of the channel `only`, through the same plan that the engine uses.

    A channel that is not started (`enabled: false`) has its cases run all the same.
    """
    results: list[CaseResult] = []
    uncovered: list[str] = []
    findings = [each for each in site.findings if each.severity is Severity.ERROR]
    sound = {file.where: file.channel for file in site.bound if file.channel is not None and not file.has_errors}
    channels = {channel.name: channel for channel in sound.values()}
    for channel_file, channel in sound.items():
        if only not in (None, channel.name):
            continue
        where = cases_of(channel_file)
        cases: list[Case] = []
        if (site.folder / where).exists():
            routes = [route.name for route in channel.routes]
            cases, problems = read_cases(site.folder, where, routes, channels)
            findings.extend(problems)
        covered: set[str] = set()
        for case in cases:
            outcome = _outcome(site.registry, channels, channel, case)
            results.append(outcome.result)
            covered.update(child.route.name for child in outcome.plan.children)
        uncovered.extend(channel.queue(route) for route in channel.routes if route.name not in covered)
    return CaseReport(tuple(results), tuple(uncovered), (*findings, *_without_channel(site, sound, only)))


def _outcome(registry: SiteRegistry, channels: Mapping[str, Channel], channel: Channel, case: Case) -> _Outcome:
    """What comes of a case, with what came before it known to the registry for as long as it runs."""
    try:
        came = []
        for number, given in enumerate(case.before):
            received = moment(case.received, number, len(case.before))
            by = channels.get(given.channel, channel)
            came.append((by, _message(by, given, received)))
        message = _message(channel, case.given, case.received)
    except BodyError as error:
        return _nothing(channel, case, Mismatch("with", "elements that can be changed", str(error)))
    with earlier(registry, came) as problem:
        if problem:
            return _nothing(channel, case, Mismatch("before", "messages that are taken", problem))
        return _run(channel, case, message)


def _nothing(channel: Channel, case: Case, wrong: Mismatch) -> _Outcome:
    return _Outcome(CaseResult(channel.name, case.name, case.where, (wrong,)), Plan())


def _run(channel: Channel, case: Case, message: Message) -> _Outcome:
    receipt: Receipt = receipt_of(channel, message)
    made = plan(message, channel) if receipt.code is ReceiptCode.ACCEPTED else None
    found = mismatches(case.expected, receipt, made)
    return _Outcome(CaseResult(channel.name, case.name, case.where, tuple(found)), made or Plan())


def _message(channel: Channel, given: Given, received: datetime) -> Message:
    message = sample(channel, given.body, given.attributes, received)
    if not given.edits:
        return message
    if message.format == FHIR:
        resource = read_exact(message.body)
        for path, text in given.edits.items():
            set_text(resource, written_path(path), text)
        return replace(message, body=dumps(resource))
    er7 = message.er7.copy()
    for path, text in given.edits.items():
        er7.set(path, text)
    return replace(message, body=er7.encode())


def _without_channel(site: Site, sound: Mapping[str, Channel], only: str | None) -> Iterator[Finding]:
    """Files of cases that belong to no channel that can be run."""
    if only is not None:
        names = sorted(channel.name for channel in sound.values())
        if only not in names:
            known = ", ".join(names) or "none"
            yield Finding("HIE502", only, "there is no such channel, or it has errors", f"channels are {known}")
        return
    files = {cases_of(file) for file in sound}
    for path in sorted((site.folder / "channels").glob("*.cases.y*ml")):
        where = f"channels/{path.name}"
        if where not in files:
            hint = "name it after the channel's file: adt.yaml has adt.cases.yaml"
            yield Finding("HIE502", where, "these cases belong to no channel that can be run", hint)
