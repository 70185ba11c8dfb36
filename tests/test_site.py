"""The site that ships is without a finding, and its cases cover every route."""

from pathlib import Path

from engine.config.cases import run_cases
from engine.config.site import load_site

SITE = Path(__file__).parents[1] / "config"


def test_site_that_ships_has_no_finding() -> None:
    site = load_site(SITE, {})
    assert [str(finding) for finding in site.findings] == []
    assert {channel.name for channel in site.channels} == {"adt-feed", "lab-results"}


def test_cases_of_the_site_pass_and_cover_every_route() -> None:
    report = run_cases(load_site(SITE, {}), None)
    assert report.passed, "\n".join(report.lines())
    assert list(report.lines())[-1].endswith("0 failed, 0 errors, 0 routes without a case")


def test_site_that_ships_stays_on_this_machine() -> None:
    channels = load_site(SITE, {}).channels
    for channel in channels:
        listen = channel.inbound.options.get("listen")
        assert listen is None or listen.is_loopback
        for route in channel.routes:
            connect = route.outbound.options.get("connect")
            assert connect is None or connect.startswith("127.0.0.1:")
