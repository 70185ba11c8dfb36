"""The `direct` ends of a site that have an agent of their own, and the one that a command is about."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from engine.cli.common import Failure, shown

if TYPE_CHECKING:
    from channels.direct.agency import AgentOptions
    from channels.direct.partners import Partners
    from channels.direct.trust.options import DiscoveryOptions, TrustOptions
    from schemas.finding import Finding

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class DirectEnd:
    """A `direct` end: its channel, its route (None for the inbound end), the addresses that are ours, its agent."""

    channel: str
    route: str | None
    ours: tuple[str, ...]
    agent: AgentOptions

    @property
    def place(self) -> str:
        """Where it stands, for people."""
        return f"{self.channel}/{self.route}" if self.route else self.channel


@dataclass(frozen=True, slots=True)
class Asked:
    """What a command works with: whom to trust, where to look, and which of our addresses asks."""

    trust: TrustOptions
    discovery: DiscoveryOptions
    ours: str


def end_options(function: F) -> F:
    """Give a command the options that say whose trust is meant."""
    for option in (
        click.option("--nameserver", metavar="IP[:PORT]", help="Ask this name server, whatever the site says."),
        click.option(
            "--anchors",
            multiple=True,
            type=click.Path(path_type=Path, exists=True, dir_okay=False),
            metavar="FILE",
            help="Trust these, without a site; may be repeated.",
        ),
        click.option("--channel", metavar="NAME", help="The channel, or CHANNEL/ROUTE, whose agent is meant."),
        click.option("--ours", metavar="ADDRESS", help="Which of our addresses asks; else the end's own."),
    ):
        function = option(function)
    return function


def ends_of(site: Path) -> list[DirectEnd]:
    """Every `direct` end of `site` with an agent; raises `Failure` when there is no site."""
    from engine.config.site import load_site  # noqa: PLC0415 - a command that needs no site starts without it

    if not site.is_dir():
        raise Failure(f"there is no site at {site}", "name its folder with --site, or set HIE_SITE")
    loaded = load_site(site, os.environ)
    if loaded.has_errors:
        click.echo(f"hie: {site} has errors; what they concern is left out; see `hie check {site}`", err=True)
    found: list[DirectEnd] = []
    for file in loaded.bound:
        name = file.name.text if file.name else file.where
        if file.inbound is not None and file.inbound.name.text == "direct":
            given = file.inbound.arguments
            found += _end(name, None, sorted(given.get("recipients") or ()), given.get("agent"))
        for route in file.routes:
            if route.outbound is not None and route.outbound.name.text == "direct" and route.name is not None:
                given = route.outbound.arguments
                ours = [given["from_"]] if given.get("from_") else []
                found += _end(name, route.name.text, ours, given.get("agent"))
    return found


def _end(channel: str, route: str | None, ours: Sequence[str], agent: AgentOptions | None) -> list[DirectEnd]:
    return [] if agent is None else [DirectEnd(channel, route, tuple(ours), agent)]


def asked(
    site: Path, channel: str | None, ours: str | None, anchors: Sequence[Path], nameserver: str | None, *, out: bool
) -> Asked:
    """Whose trust is meant: that of the `anchors` given, else of one end of the site; raises `Failure`.

    With `out`, ends that send come first.
    """
    from pydantic import ValidationError  # noqa: PLC0415

    from channels.direct.trust.options import Anchors, DiscoveryOptions, Revocation, TrustOptions  # noqa: PLC0415

    if anchors:
        trust = TrustOptions(
            anchors=[Anchors(certificates=each) for each in anchors], revocation=Revocation(absent="accept")
        )
        end, discovery = None, DiscoveryOptions()
    else:
        end = _chosen(ends_of(site), channel, site, out=out)
        trust, discovery = end.agent.trust, end.agent.discovery
    if nameserver is not None:
        try:
            discovery = DiscoveryOptions.model_validate({**dict(discovery), "nameservers": [nameserver]})
        except ValidationError:
            raise Failure(f"--nameserver: {nameserver} is no IP or IP:port", "for example 192.0.2.53") from None
    whose = ours or (end.ours[0] if end is not None and end.ours else "")
    return Asked(trust, discovery, whose)


@asynccontextmanager
async def partners_of(meant: Asked) -> AsyncIterator[Partners]:
    """What a `direct` end knows of the other side by what is `meant`; a bundle that was never had is fetched first.

    Raises `Failure` when anchors or certificates cannot be read.
    """
    from channels.direct.partners import Partners  # noqa: PLC0415
    from channels.direct.trust.bundle import BundleError  # noqa: PLC0415
    from schemas.ids import utc_now  # noqa: PLC0415

    try:
        partners = Partners(meant.trust, meant.discovery, tell, utc_now)
    except BundleError as error:
        raise Failure(error.what, error.hint) from None
    try:
        if partners.trust.is_waiting:
            await partners.trust.refresh()
        yield partners
    finally:
        await partners.close()


def _chosen(ends: Sequence[DirectEnd], channel: str | None, site: Path, *, out: bool) -> DirectEnd:
    if not ends:
        what = f"no `direct` end of {site} has an agent, so that nobody is trusted there"
        raise Failure(what, "name another site with --site, or anchors with --anchors FILE")
    fitting = [each for each in ends if channel is None or channel in (each.channel, each.place)]
    if not fitting:
        names = ", ".join(dict.fromkeys(each.place for each in ends))
        raise Failure(f"no `direct` end with an agent is called {channel}", f"there are: {names}")
    fitting.sort(key=lambda each: (each.route is None) == out)
    first = fitting[0]
    same = {each.place for each in fitting if (each.route is None) == (first.route is None)}
    if len(same) > 1 and any(each.agent.trust != first.agent.trust for each in fitting if each.place in same):
        raise Failure("several `direct` ends trust differently", f"name one with --channel: {', '.join(sorted(same))}")
    return first


def tell(finding: Finding) -> None:
    """Print a finding on standard error."""
    click.echo(shown(str(finding)), err=True)
