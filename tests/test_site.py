"""The site that ships is without a finding, and its cases cover every route."""

from pathlib import Path

import yaml

from engine.config.cases import run_cases
from engine.config.site import load_site

SITE = Path(__file__).parents[1] / "config"


def test_site_that_ships_has_no_finding() -> None:
    site = load_site(SITE, {})
    assert [str(finding) for finding in site.findings] == []
    assert {channel.name for channel in site.channels} == {
        "adt-feed",
        "clinic-from-fhir",
        "lab-results",
        "lab-to-fhir",
        "results-from-fhir",
    }


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


def test_compose_file_sets_only_what_the_site_reads_and_mounts_what_it_writes() -> None:
    engine = yaml.safe_load((SITE.parent / "docker-compose.yml").read_text())["services"]["engine"]
    written = "".join(path.read_text() for path in SITE.rglob("*.yaml"))
    assert [name for name in engine["environment"] if f"${{{name}:-" not in written] == []
    assert "engine:/site/var" in [volume.split("  ")[0] for volume in engine["volumes"]]
    assert (SITE / "var").is_dir()  # a read-only mount of the site has no other place for the volume


def test_compose_file_lets_the_published_port_reach_the_feed() -> None:
    engine = yaml.safe_load((SITE.parent / "docker-compose.yml").read_text())["services"]["engine"]
    channel = load_site(SITE, {"ADT_FEED": engine["environment"]["ADT_FEED"]}).channel("adt-feed")
    assert channel is not None
    listen = channel.inbound.options["listen"]
    assert not listen.is_loopback
    assert engine["ports"] == [f"127.0.0.1:{listen.port}:{listen.port}"]
