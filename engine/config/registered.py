"""What is wrong or doubtful in a site's registry files, and between them and the channels that use them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from engine.config.bind import BoundFile, BoundRoute, Use
from engine.config.numbers import finding
from engine.config.paths import conditions
from engine.config.tree import texts
from engine.registry.files import PANELS, directory_files, members_of, providers_of, roster_files
from engine.registry.reads import PANEL
from engine.registry.rows import RosterError
from engine.registry.subscribing import FILE, read_subscribers
from schemas.condition import Clause, Condition
from schemas.finding import Finding
from schemas.message import HL7V2, Message
from transforms.notify.panel import attributes_of, match_panel
from transforms.registry import Subscriber
from transforms.select import drop, keep

_LINES = 1_000  # of a roster; the engine reads the rest when it loads it, and says then what is wrong
_VERDICT = "match.verdict"
_REVIEW = {_VERDICT: "review"}


def check_registry(files: Iterable[BoundFile], site: Path) -> list[Finding]:
    """Add to each of `files` what concerns doubtful matches; give what concerns rosters and subscribers."""
    matching = [file for file in files if file.enabled and any(use.function is match_panel for use in file.steps)]
    for file in matching:
        _doubtful(file)
    subscribers, found = read_subscribers(site)
    found += _files(site)
    for subscriber in subscribers:
        found += _subscriber(subscriber, matching, site)
    return found


def _files(site: Path) -> Iterator[Finding]:
    entries: list[Iterator[object]] = [members_of(site, file, _LINES) for file in roster_files(site)]
    entries += [providers_of(site, file, _LINES) for file in directory_files(site)]
    for some in entries:
        try:
            for _entry in some:
                pass
        except RosterError as error:
            place, _, what = str(error).partition(": ")
            yield finding("HIE316", place, what)


def _doubtful(file: BoundFile) -> None:
    """See that somebody hears of what `match_panel` leaves to a person."""
    at = next(number for number, use in enumerate(file.steps) if use.function is match_panel)
    if any(_speaks_of_verdict(use) for use in file.steps[at:]):
        return
    if not any(_takes(route, _REVIEW) for route in file.routes):
        file.found("HIE318", file.steps[at].name.line, "no route takes match.verdict: review")


def _speaks_of_verdict(use: Use) -> bool:
    """Whether a filter says what becomes of doubtful matches."""
    if use.function not in (keep, drop):
        return False
    return any(clause.path == _VERDICT for condition, _ in conditions(use) for clause in condition.clauses)


def _subscriber(subscriber: Subscriber, matching: Sequence[BoundFile], site: Path) -> Iterable[Finding]:
    name, panel = subscriber.name, subscriber.panel or subscriber.name
    if f"{PANEL}{panel}" not in {each.roster for each in roster_files(site)}:
        yield finding("HIE317", FILE, f"{name}: there is no {PANELS}/{panel}.csv, .hl7 or .json")
    if not matching:
        return
    facts = {_VERDICT: "match", "match.panel": panel, **attributes_of(subscriber)}
    routes = [route for file in matching for route in file.routes if _takes(route, facts)]
    if not routes:
        yield finding("HIE319", FILE, f"{name}: no route takes delivery: {subscriber.delivery}")
    if not subscriber.address and any(_is_addressed(route) for route in routes):
        yield finding("HIE320", FILE, f"{name}: the route {_addressed(routes)} goes to its address, and it has none")


def _takes(route: BoundRoute, facts: Mapping[str, str]) -> bool:
    """Whether `route` may take a message with these attributes; whatever else it asks may hold."""
    told = Message("", "", HL7V2, b"", datetime.min.replace(tzinfo=UTC), attributes=facts)
    return all(clause.holds(told) for clause in _told(route.when))


def _told(condition: Condition) -> Iterable[Clause]:
    """What a condition asks of what `match_panel` says."""
    known = (_VERDICT, "match.panel")
    return (each for each in condition.clauses if each.path.startswith("subscriber.") or each.path in known)


def _is_addressed(route: BoundRoute) -> bool:
    options = None if route.outbound is None else route.outbound.options
    return options is not None and any("{subscriber.address}" in text.text for text in texts(options))


def _addressed(routes: Iterable[BoundRoute]) -> str:
    return next((route.name.text for route in routes if route.name is not None and _is_addressed(route)), "")
