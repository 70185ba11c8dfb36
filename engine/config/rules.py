"""The lint rules: what is wrong or doubtful in channels that could be bound, and between the files of a site."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from engine.config.bind import BoundFile, BoundRoute, Use
from engine.config.load import read
from engine.config.mail import check_mail
from engine.config.numbers import finding
from engine.config.paths import check_paths, path_problem
from engine.config.reach import check_reach
from engine.config.registered import check_registry
from engine.config.safety import check_safety, check_urls
from engine.config.settings import Settings
from engine.config.subscribed import check_subscriptions, takes_subscriptions
from engine.config.suggest import did_you_mean
from engine.config.tree import Entries, Text, texts
from schemas.finding import Finding, Severity
from schemas.message import template_paths
from schemas.values import Address, parse_address

_ANY_HOST = ("0.0.0.0", "::", "")  # noqa: S104 - compared, not bound
_MAPS, _EXTENSIONS = "maps", "extensions"


def lint(files: list[BoundFile], settings: Settings, tree: Entries | None, site: Path) -> list[Finding]:
    """Add to each of `files` what its rules find; give what concerns the site as a whole, `hie.yaml` with it."""
    for file in files:
        _routes(file)
        check_paths(file)
        check_reach(file)
        check_safety(file)
        _targets(file)
        _missing_files(file, site)
    check_mail(files)
    check_subscriptions(files)
    _names(files)
    _ports(files, settings)
    _folders(files, site)
    general = [] if files else [finding("HIE312", "channels", "the site has no channel file")]
    general.extend(_settings(files, settings, tree))
    general.extend(_unused_maps(files, site))
    general.extend(check_registry(files, site))
    return general


def _routes(file: BoundFile) -> None:
    if file.tree is None:
        return
    if not file.routes and not takes_subscriptions(file):
        file.found("HIE303", file.tree.line, "the channel has no routes")
    seen: dict[str, int] = {}
    for route in file.routes:
        if route.name is None:
            continue
        if route.name.text in seen:
            what = f"route {route.name.text!r} is already on line {seen[route.name.text]}"
            file.found("HIE302", route.name.line, what)
        seen.setdefault(route.name.text, route.name.line)
        _order_and_retry(file, route)
    for use in file.uses():
        for place, text in use.leaves("route"):
            if text.text not in seen:
                hint = did_you_mean(text.text, seen)
                file.found("HIE314", text.line, f"{place}: the channel has no route {text.written!r}", hint)


def _order_and_retry(file: BoundFile, route: BoundRoute) -> None:
    if route.in_order == "true" and route.parallel > 1:
        file.found("HIE307", _line(route.tree, "parallel"), f"in_order: true with parallel: {route.parallel}")
    line = _line(route.tree, "retry")
    if route.retry.first > route.retry.most:
        file.found("HIE308", line, "the first wait is longer than the longest")
    elif route.retry.give_up_after <= route.retry.first:
        file.found("HIE308", line, "the route gives up before the first retry")


def _line(tree: Entries, key: str) -> int:
    found = tree.key(key)
    return found.line if found is not None else tree.line


def _targets(file: BoundFile) -> None:
    """Addresses that no message fills in must be addresses."""
    for use in file.uses():
        connect, url = use.arguments.get("connect"), use.arguments.get("url")
        if isinstance(connect, str) and not template_paths(connect):
            try:
                parse_address(connect)
            except ValueError as error:
                file.found("HIE206", use.line_of("connect"), f"connect: {error}", "write connect: host:port")
        if isinstance(url, str) and not url.startswith(("http://", "https://", "{")):
            file.found(
                "HIE206", use.line_of("url"), "url: this is no http:// or https:// URL", "write url: https://..."
            )


def _missing_files(file: BoundFile, site: Path) -> None:
    for use in file.uses():
        if use.kind != "step" and not file.enabled:
            continue  # keys and certificates come when the channel is to be started
        for place, text in use.leaves("path"):
            path = site / text.text
            if not text.text or _may_exist(path):
                continue
            outside = not path.is_relative_to(site)
            is_file = use.kind == "step" or bool(path.suffix) or place.startswith("tls")
            if outside:
                found = finding("HIE309", f"{file.where}:{text.line}", f"{place}: {text.written} is not there")
                file.findings.append(Finding(found.code, found.where, found.what, found.hint, Severity.WARNING))
            elif is_file:  # a folder of the site is made when the channel starts
                file.found("HIE309", text.line, f"{place}: {text.written} is not there", _beside(path))


def _beside(path: Path) -> str | None:
    """Which file of the same folder may have been meant."""
    try:
        names = [each.name for each in path.parent.iterdir()]
    except (OSError, ValueError):
        return None
    return did_you_mean(path.name, names) if names else None


def _may_exist(path: Path) -> bool:
    """Whether `path` is there, or cannot be seen by whoever asks; the engine's own user may see more."""
    try:
        return path.exists()
    except PermissionError:
        return True
    except (OSError, ValueError):  # a name that no file can have
        return False


def _names(files: list[BoundFile]) -> None:
    seen: dict[str, str] = {}
    for file in files:
        if file.name is None:
            continue
        if file.name.text in seen:
            what = f"channel {file.name.text!r} is already at {seen[file.name.text]}"
            file.found("HIE301", file.name.line, what)
        seen.setdefault(file.name.text, f"{file.where}:{file.name.line}")


def _ports(files: list[BoundFile], settings: Settings) -> None:
    taken: list[tuple[Address, str]] = []
    if settings.health is not None:
        taken.append((settings.health.listen, "the health page (hie.yaml)"))
    for file in files:
        if file.inbound is None or not file.enabled:
            continue
        for option, address in _addresses(file.inbound):
            line = file.inbound.line_of(option)
            for other, where in taken:
                if _collide(address, other):
                    file.found("HIE304", line, f"{address} is taken by {where}")
                    break
            taken.append((address, f"{file.where}:{line}"))


def _addresses(use: Use) -> Iterable[tuple[str, Address]]:
    """The addresses that an end listens on, each with its option; `listen` may stand within one (`through`)."""
    given = [(name, getattr(value, "listen", value)) for name, value in use.arguments.items()]
    return [(name, value) for name, value in given if isinstance(value, Address)]


def _collide(one: Address, other: Address) -> bool:
    if one.port != other.port or one.port == 0:
        return False
    hosts = {host.replace("localhost", "127.0.0.1") for host in (one.host, other.host)}
    return len(hosts) == 1 or not hosts.isdisjoint(_ANY_HOST)


def _folders(files: list[BoundFile], site: Path) -> None:
    taken: dict[Path, str] = {}
    for file in files:
        if file.inbound is None or not file.enabled:
            continue
        for place, text in file.inbound.leaves("path"):
            if place != "folder":
                continue
            folder = Path(os.path.normpath(site / text.text))
            if folder in taken:
                file.found("HIE313", text.line, f"{text.written} is read by {taken[folder]} too")
            taken.setdefault(folder, f"{file.where}:{text.line}")


def _settings(files: list[BoundFile], settings: Settings, tree: Entries | None) -> list[Finding]:
    if tree is None:
        return []
    found = check_urls(tree)
    names = {file.name.text for file in files if file.name is not None}
    retention = tree.get("retention")
    channels = retention.get("channels") if isinstance(retention, Entries) else None
    for key, _ in channels.entries if isinstance(channels, Entries) else ():
        if key.text not in names:
            what = f"there is no channel {key.written!r}"
            found.append(finding("HIE311", f"hie.yaml:{key.line}", what, did_you_mean(key.text, names)))
    search = tree.get("search")
    for _, node in search.entries if isinstance(search, Entries) else ():
        problem = path_problem(node.text) if isinstance(node, Text) else None
        if problem is not None:
            found.append(finding("HIE210", f"hie.yaml:{node.line}", *problem))
    return found


def _unused_maps(files: list[BoundFile], site: Path) -> list[Finding]:
    folder = site / _MAPS
    maps = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    if not maps:
        return []
    named = {site / text.text for file in files if file.tree is not None for text in texts(file.tree)}
    code = b" ".join(read(path, "")[0] for path in sorted((site / _EXTENSIONS).glob("*.py")))
    unused = [path for path in maps if path not in named and path.name.encode() not in code]
    return [finding("HIE310", path.relative_to(site).as_posix(), "no channel uses this file") for path in unused]
