"""The site that ships is without a finding, and its cases cover every route."""

import shutil
from pathlib import Path

import pytest
import yaml

from engine.config.cases import run_cases
from engine.config.site import load_site
from engine.demo.hisp import make_identities
from schemas.ids import utc_now

SITE = Path(__file__).parents[1] / "config"


def test_site_that_ships_has_no_finding() -> None:
    site = load_site(SITE, {})
    assert [str(finding) for finding in site.findings] == []
    assert {channel.name for channel in site.channels} == {
        "charts-to-ccda",
        "clinic-from-fhir",
        "discharge-summaries",
        "documents-to-fhir",
        "hisp-in",
        "lab-results",
        "lab-to-fhir",
        "notifications",
        "referrals-direct",
        "referrals-fhir",
        "referrals-ref",
        "results-from-fhir",
    }


def test_cases_of_the_site_pass_and_cover_every_route() -> None:
    report = run_cases(load_site(SITE, {}), None)
    assert report.passed, "\n".join(report.lines())
    assert list(report.lines())[-1].endswith("0 failed, 0 errors, 0 routes without a case")


@pytest.fixture
def with_keys(tmp_path: Path) -> Path:
    """The site as `hie demo` sets it up: with identities, so that its channels of Direct can run."""
    site = tmp_path / "site"
    shutil.copytree(SITE, site, ignore=shutil.ignore_patterns("var"))
    make_identities(site / "direct", tmp_path / "practice", utc_now())
    return site


def test_channels_of_direct_run_and_their_cases_pass_once_there_are_keys(with_keys: Path) -> None:
    site = load_site(with_keys, {"DIRECT": "true"})
    assert [str(finding) for finding in site.findings] == []
    assert {"direct-in", "direct-out"} <= {channel.name for channel in site.channels}
    samples = with_keys.parent / "samples"
    samples.symlink_to(SITE.parent / "samples")
    report = run_cases(site, None)
    assert report.passed, "\n".join(report.lines())
    assert list(report.lines())[-1].endswith("0 failed, 0 errors, 0 routes without a case")


def test_site_that_ships_stays_on_this_machine() -> None:
    channels = load_site(SITE, {}).channels
    for channel in channels:
        through = channel.inbound.options.get("through")
        listen = channel.inbound.options.get("listen", getattr(through, "listen", None))
        assert listen is None or listen.is_loopback
        for route in channel.routes:
            connect = route.outbound.options.get("connect")
            assert connect is None or connect.startswith("127.0.0.1:")
            relay = route.outbound.options.get("relay")
            assert relay is None or relay.connect.is_loopback


def test_compose_file_sets_only_what_the_site_reads_and_mounts_what_it_writes() -> None:
    engine = yaml.safe_load((SITE.parent / "docker-compose.yml").read_text())["services"]["engine"]
    written = "".join(path.read_text() for path in SITE.rglob("*.yaml"))
    assert [name for name in engine["environment"] if f"${{{name}:-" not in written] == []
    assert "engine:/site/var" in [volume.split("  ")[0] for volume in engine["volumes"]]
    assert (SITE / "var").is_dir()  # a read-only mount of the site has no other place for the volume


def test_compose_file_lets_the_published_port_reach_the_feed() -> None:
    engine = yaml.safe_load((SITE.parent / "docker-compose.yml").read_text())["services"]["engine"]
    channel = load_site(SITE, {"ADT_FEED": engine["environment"]["ADT_FEED"]}).channel("notifications")
    assert channel is not None
    listen = channel.inbound.options["listen"]
    assert not listen.is_loopback
    assert engine["ports"] == [f"127.0.0.1:{listen.port}:{listen.port}"]
