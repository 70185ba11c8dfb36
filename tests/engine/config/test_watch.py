"""Changes of a site are noticed by content, and a site that is now wrong goes on as it was."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine.config.site import Site
from engine.config.watch import changed, reload, snapshot
from schemas.finding import Finding
from tests.engine.config.fakes import ALL_STEPS, ENDS, site_of, write_site

OUT = "routes: [{route: a, outbound: {folder: {folder: out}}}]\n"
OWN = "from transforms import step\n@step\ndef shout(message): return message\n"


def small(name: str, port: int, more: str = "") -> str:
    return f"channel: {name}\ninbound: {{wire: {{listen: '127.0.0.1:{port}'}}}}\n{more}{OUT}"


FILES = {
    "hie.yaml": "repeats: 1h\n",
    "channels/a.yaml": small("a", 1, "steps: [shout]\n"),
    "channels/b.yaml": small("b", 2),
    "extensions/own.py": OWN,
}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return site_of(tmp_path, FILES)


def reloaded(site: Site, changes: dict[str, str]) -> tuple[Site, list[Finding]]:
    write_site(site.folder, changes)
    return reload(site, site.folder, {}, ends=ENDS, steps=ALL_STEPS)


def digests(site: Site) -> dict[str, str]:
    return {channel.name: channel.digest for channel in site.channels}


def test_a_snapshot_differs_where_content_differs(site: Site) -> None:
    before = snapshot(site.folder)
    assert set(before) == set(FILES)
    facts = (site.folder / "channels/a.yaml").stat()
    write_site(site.folder, {"channels/a.yaml": FILES["channels/a.yaml"].replace("127.0.0.1:1'", "127.0.0.1:3'")})
    os.utime(site.folder / "channels/a.yaml", ns=(facts.st_atime_ns, facts.st_mtime_ns))
    (site.folder / "channels/b.yaml").unlink()
    write_site(site.folder, {"maps/deep/new.csv": "a,b\n"})
    os.utime(site.folder / "hie.yaml")
    assert changed(before, snapshot(site.folder)) == {"channels/a.yaml", "channels/b.yaml", "maps/deep/new.csv"}


def test_data_and_leavings_of_editors_are_not_watched(site: Site) -> None:
    before = snapshot(site.folder)
    leavings = ["var/journal.db", "channels/.a.yaml.swp", "channels/a.yaml~", "extensions/__pycache__/own.pyc"]
    write_site(site.folder, dict.fromkeys(leavings, "x"))
    os.mkfifo(site.folder / "maps-pipe")
    assert changed(before, snapshot(site.folder)) == set()


def test_secrets_files_outside_the_site_can_be_watched(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("one")
    text = small("a", 1).replace("127.0.0.1:1'", f"127.0.0.1:1', token: '${{file:{secret}}}'")
    site = site_of(tmp_path / "site", {"channels/a.yaml": text})
    assert site.secrets == {secret}
    before = snapshot(site.folder, site.secrets)
    secret.write_text("two")
    assert changed(before, snapshot(site.folder, site.secrets)) == {str(secret)}
    os.utime(secret, ns=(1, 1))
    new, _ = reload(site, site.folder, {}, ends=ENDS, steps=ALL_STEPS)
    assert digests(new) != digests(site)


def test_nothing_changed(site: Site) -> None:
    new, findings = reloaded(site, {})
    assert (digests(new), findings) == (digests(site), [])


def test_a_changed_channel_is_taken_up_and_the_other_is_as_it_was(site: Site) -> None:
    new, findings = reloaded(site, {"channels/b.yaml": small("b", 3)})
    assert findings == []
    assert digests(new)["a"] == digests(site)["a"]
    assert digests(new)["b"] != digests(site)["b"]
    assert new.channels[1].inbound.options["listen"].port == 3


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"channels/a.yaml": "channel: a\ninbound: [\n"}, "HIE104"),
        ({"channels/a.yaml": small("a", 2)}, "HIE304"),
        ({"channels/a.yaml": small("a", 1, "steps: [kepe]\n")}, "HIE203"),
        ({"extensions/own.py": "1 / 0\n"}, "HIE203"),
    ],
)
def test_a_channel_that_is_now_wrong_stays_as_it_was(changes: dict[str, str], code: str, site: Site) -> None:
    if code == "HIE304":  # the second file by name is the one that is wrong
        changes = {"channels/c.yaml": small("c", 2)}
    new, findings = reloaded(site, changes)
    assert code in [each.code for each in findings]
    assert digests(new) == digests(site)
    assert new.files == site.files
    again, _ = reloaded(new, {})
    assert digests(again) == digests(site)


def test_a_file_that_was_renamed_and_is_wrong_leaves_its_channel(site: Site) -> None:
    (site.folder / "channels/b.yaml").unlink()
    new, _ = reloaded(site, {"channels/z.yaml": small("b", 2, "stps: x\n")})
    assert digests(new) == digests(site)


def test_a_channel_whose_file_is_gone_or_not_enabled_is_gone(site: Site) -> None:
    (site.folder / "channels/a.yaml").unlink()
    new, _ = reloaded(site, {"channels/b.yaml": small("b", 2, "enabled: false\n")})
    assert new.channels == ()


def test_settings_that_are_now_wrong_stay_as_they_were_and_so_do_their_channels(site: Site) -> None:
    new, findings = reloaded(site, {"hie.yaml": "repeats: [\n"})
    assert [each.code for each in findings] == ["HIE104"]
    assert new.settings == site.settings
    assert digests(new) == digests(site)


def test_a_site_that_is_gone_for_a_moment_goes_on(site: Site) -> None:
    moved = site.folder.rename(site.folder.with_name("moved"))
    new, findings = reload(site, site.folder, {}, ends=ENDS, steps=ALL_STEPS)
    moved.rename(site.folder)
    assert [each.code for each in findings] == ["HIE101"]
    assert new.channels == site.channels
