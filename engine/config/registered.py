"""What is wrong or doubtful in a site's registry files, and between them and the channels that use them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engine.config.bind import BoundFile, BoundRoute, Use
from engine.config.numbers import finding
from engine.config.paths import conditions
from engine.config.tree import texts
from engine.registry.files import PANELS, directory_files, members_of, providers_of, roster_files
from engine.registry.reads import OPT_OUT, PANEL
from engine.registry.rows import RosterError
from engine.registry.subscribing import FILE, read_subscribers
from engine.steps import find_specialist, open_referral
from schemas.condition import Clause, Condition
from schemas.finding import Finding
from schemas.message import HL7V2, Message
from transforms.codes import HELD, map_codes
from transforms.labs.find_recipient import EVENT as RESULT
from transforms.labs.find_recipient import find_recipient
from transforms.labs.tell_result import tell_result
from transforms.notify.panel import attributes_of, match_panel
from transforms.refer.facts import UNKNOWN
from transforms.refer.track import track_referral
from transforms.registry import Subscriber
from transforms.select import drop, keep

_LINES = 1_000  # of a roster; the engine reads the rest when it loads it, and says then what is wrong
_WAITING: dict[Callable[..., Any], Mapping[str, str]] = {
    match_panel: {"match.verdict": "review"},
    find_recipient: {"recipient.verdict": "unknown"},
    map_codes: {HELD: "a code"},
    track_referral: {"referral.verdict": "refused"},
    open_referral: {UNKNOWN: "a reason"},
    find_specialist: {"recipient.verdict": "unknown"},
}
"""What a message says that a step leaves to a person."""
_FORMAT = "subscriber.format"
_SURE = {match_panel: {"match.verdict": "match"}, find_recipient: {"recipient.verdict": "known"}}


def check_registry(files: Iterable[BoundFile], site: Path) -> list[Finding]:
    """Add to each of `files` what concerns doubtful matches, unknown recipients, codes without a map and messages
    that contradict a referral or belong to none that is known; give what concerns rosters and subscribers."""
    enabled = [file for file in files if file.enabled]
    for file in enabled:
        _waiting(file)
        _overtaking(file)
    subscribers, found = read_subscribers(site)
    found += _files(site)
    found += _opt_outs({each.name for each in subscribers}, site)
    for subscriber in subscribers:
        if subscriber.events - {RESULT}:
            found += _panel(subscriber, site)
            found += _served(subscriber, match_panel, enabled)
        if RESULT in subscriber.events and subscriber.npi:
            found += _served(subscriber, find_recipient, enabled)
    return list(dict.fromkeys(found))


def _opt_outs(names: Collection[str], site: Path) -> Iterator[Finding]:
    for roster, where in roster_files(site):
        name = roster.removeprefix(OPT_OUT)
        if roster.startswith(OPT_OUT) and name and name not in names:
            yield finding("HIE324", where, f"there is no subscriber {name}")


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


def _waiting(file: BoundFile) -> None:
    """See that somebody hears of what steps leave to a person."""
    for at, use in enumerate(file.steps):
        facts = _WAITING.get(use.function)
        if facts is None or (use.function is map_codes and use.arguments.get("unmapped") != "hold"):
            continue
        ((path, text),) = facts.items()
        if any(_speaks_of(other, path) for other in file.steps[at:]):
            continue
        if not any(_takes(route, facts) for route in file.routes):
            said = f"no route takes {path}" + (f": {text}" if path not in (HELD, UNKNOWN) else "")
            file.found("HIE318", use.name.line, said)


def _overtaking(file: BoundFile) -> None:
    """See that a version of a result that is tried again does not come after a newer one."""
    if not any(use.function is tell_result for use in file.steps):
        return
    for route in file.routes:
        left = [facts for step, facts in _WAITING.items() if step in (find_recipient, map_codes)]
        for_person = route.when.clauses and any(_takes(route, facts) for facts in left)
        if route.name is not None and route.in_order is None and not for_person:
            file.found("HIE323", route.name.line, f"{route.name.text}: a retry may come after a newer version")


def _speaks_of(use: Use, path: str) -> bool:
    """Whether a filter says what becomes of messages with the attribute `path`."""
    if use.function not in (keep, drop):
        return False
    return any(clause.path == path for condition, _ in conditions(use) for clause in condition.clauses)


def _panel(subscriber: Subscriber, site: Path) -> Iterable[Finding]:
    panel = subscriber.panel or subscriber.name
    if f"{PANEL}{panel}" not in {each.roster for each in roster_files(site)}:
        yield finding("HIE317", FILE, f"{subscriber.name}: there is no {PANELS}/{panel}.csv, .hl7 or .json")


def _served(subscriber: Subscriber, step: Callable[..., Any], files: Sequence[BoundFile]) -> Iterable[Finding]:
    """Whether the channels with `step` serve the subscriber."""
    name, panel = subscriber.name, subscriber.panel or subscriber.name
    theirs = [file for file in files if any(use.function is step for use in file.steps)]
    facts = {**_SURE[step], "match.panel": panel, **attributes_of(subscriber)}
    routes = [route for file in theirs for route in file.routes if _takes(route, facts)]
    if theirs and not routes:
        asked = f"delivery: {subscriber.delivery}"
        if subscriber.format and any(_takes(route, facts, but=_FORMAT) for file in theirs for route in file.routes):
            asked += f", format: {subscriber.format}"
        yield finding("HIE319", FILE, f"{name}: no route takes {asked}")
    if not subscriber.address and any(_is_addressed(route) for route in routes):
        yield finding("HIE320", FILE, f"{name}: the route {_addressed(routes)} goes to its address, and it has none")


def _takes(route: BoundRoute, facts: Mapping[str, str], but: str = "") -> bool:
    """Whether `route` may take a message with these attributes; whatever else it asks, and for `but`, may hold."""
    told = Message("", "", HL7V2, b"", datetime.min.replace(tzinfo=UTC), attributes=facts)
    return all(clause.holds(told) for clause in _told(route.when) if clause.path != but)


def _told(condition: Condition) -> Iterable[Clause]:
    """What a condition asks of what those steps say."""
    known = ("match.verdict", "match.panel", "recipient.verdict", "referral.verdict", HELD, UNKNOWN)
    told = ("subscriber.", "referral.to.")
    return (each for each in condition.clauses if each.path.startswith(told) or each.path in known)


def _is_addressed(route: BoundRoute) -> bool:
    options = None if route.outbound is None else route.outbound.options
    return options is not None and any("{subscriber.address}" in text.text for text in texts(options))


def _addressed(routes: Iterable[BoundRoute]) -> str:
    return next((route.name.text for route in routes if route.name is not None and _is_addressed(route)), "")
