"""Changes in a site's files, and taking them up: what is now wrong stays as it was, and says so."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from channels import ENDS
from channels.ends import End
from engine.config.site import Site, load_site
from engine.steps import STEPS
from schemas.finding import Finding
from transforms.step import StepFunction

WATCHED = ("channels", "extensions", "maps", "panels", "registry")
"""The folders of a site whose files are watched, and `hie.yaml` with them."""

_READ_WHOLE = 1 << 20  # bytes

Snapshot = Mapping[str, str]
"""A digest of each file's content, by its path in the site."""


def snapshot(folder: Path, also: Iterable[Path] = ()) -> Snapshot:
    """What the files of the site in `folder` hold now, and the files `also` (secrets) with them. Raises nothing.

    A file is told by its content, since an editor or a copy may keep its times; a large one by its size and times.
    """
    found = {"hie.yaml": folder / "hie.yaml", **{str(path): path for path in also}}
    for name in WATCHED:
        for root, folders, files in os.walk(folder / name):
            folders[:] = sorted(each for each in folders if not each.startswith((".", "__")))
            for file in files:
                if not file.startswith(".") and not file.endswith("~"):
                    path = Path(root, file)
                    found[path.relative_to(folder).as_posix()] = path
    digests = {name: _digest(path) for name, path in sorted(found.items())}
    return {name: digest for name, digest in digests.items() if digest}


def changed(before: Snapshot, after: Snapshot) -> set[str]:
    """The files that are new, gone, or hold something else."""
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


def reload(
    site: Site,
    folder: Path,
    env: Mapping[str, str],
    *,
    ends: Mapping[str, End] = ENDS,
    steps: Mapping[str, StepFunction] = STEPS,
) -> tuple[Site, list[Finding]]:
    """The site as its files are now, and everything found in them.

    A channel whose file, extensions or maps now have an error keeps the channel that `site` has for it. A channel whose
    file is gone, or is `enabled: false`, is gone. While `hie.yaml` has an error, the settings stay as they were.
    """
    new = load_site(folder, env, ends=ends, steps=steps, fallback=site.settings, registry=site.registry)
    if not folder.is_dir():
        return replace(site, findings=new.findings), list(new.findings)
    broken = [file for file in new.bound if file.enabled and file.has_errors]
    places = {file.where for file in broken} | {file.name.text for file in broken if file.name is not None}
    names = {channel.name for channel in new.channels}
    kept = {
        channel.name: site.files[channel.name]
        for channel in site.channels
        if channel.name not in names and not places.isdisjoint((channel.name, site.files[channel.name]))
    }
    files = {**kept, **new.files}
    channels = [*new.channels, *(channel for channel in site.channels if channel.name in kept)]
    channels.sort(key=lambda channel: files[channel.name])
    return replace(new, channels=tuple(channels), files=files), list(new.findings)


def _digest(path: Path) -> str:
    try:
        facts = path.stat()
        if not stat.S_ISREG(facts.st_mode):
            return ""
        if facts.st_size > _READ_WHOLE:
            return f"{facts.st_ino} {facts.st_size} {facts.st_mtime_ns} {facts.st_ctime_ns}"
        with path.open("rb") as file:
            return hashlib.file_digest(file, "blake2b").hexdigest()
    except FileNotFoundError:
        return ""
    except OSError as error:
        return f"unreadable: {error.errno}"
