"""A site: a folder with `hie.yaml`, `channels/`, `maps/`, `panels/`, `extensions/`, read, bound and linted."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from channels import ENDS
from channels.ends import End
from engine.channel import Channel
from engine.config.bind import BoundFile, bind
from engine.config.expand import Expander
from engine.config.extensions import Extensions, load_extensions
from engine.config.load import load, read
from engine.config.numbers import finding
from engine.config.rules import lint
from engine.config.settings import Settings, bind_settings
from engine.config.tree import Entries
from engine.registry.files import registry_of
from engine.registry.site import SiteRegistry
from engine.steps import STEPS
from schemas.finding import Finding, Severity
from transforms.step import StepFunction

SETTINGS = "hie.yaml"
CHANNELS = "channels"


@dataclass(frozen=True)
class Site:
    """A site as it can be run: `channels` are those without an error that are enabled; `findings` say what is wrong.

    `steps` are the engine's and the site's own; `files` names each channel's file (`channels/adt.yaml`); `secrets` are
    the files that `${file:...}` read.
    """

    folder: Path
    settings: Settings
    channels: tuple[Channel, ...] = ()
    findings: tuple[Finding, ...] = ()
    steps: Mapping[str, StepFunction] = field(default_factory=dict, repr=False)
    files: Mapping[str, str] = field(default_factory=dict)
    secrets: frozenset[Path] = frozenset()
    bound: tuple[BoundFile, ...] = field(default=(), repr=False)
    registry: SiteRegistry = field(kw_only=True, repr=False)

    @property
    def has_errors(self) -> bool:
        """Whether any finding is an error."""
        return any(each.severity is Severity.ERROR for each in self.findings)

    def channel(self, name: str) -> Channel | None:
        """The running or runnable channel called `name`."""
        return next((channel for channel in self.channels if channel.name == name), None)


def load_site(
    folder: Path,
    env: Mapping[str, str],
    *,
    ends: Mapping[str, End] = ENDS,
    steps: Mapping[str, StepFunction] = STEPS,
    fallback: Settings | None = None,
    registry: SiteRegistry | None = None,
) -> Site:
    """The site in `folder`, with `env` for `${NAME}`. Never raises for what the folder holds: see `findings`.

    `fallback` are the settings that hold when `hie.yaml` has an error; its defaults and sound lines do otherwise.
    Steps ask `registry`, that of an engine at work, else one of what the site's files say.
    """
    folder = Path(folder)
    registry = registry or SiteRegistry(lambda: registry_of(folder))
    if not folder.is_dir():
        made, _ = bind_settings(None, SETTINGS, folder, env)
        missing = finding("HIE101", str(folder), "there is no such folder")
        return Site(folder, made, findings=(missing,), registry=registry)
    expander = Expander(env, folder)
    tree, findings = _settings_tree(folder, expander)
    made, problems = bind_settings(tree, SETTINGS, folder, env)
    if fallback is not None and any(each.severity is Severity.ERROR for each in (*findings, *problems)):
        made = fallback
    extensions = load_extensions(folder, steps)
    all_steps = {**steps, **extensions.steps}
    files: list[BoundFile] = []
    for path in channel_files(folder):
        file, content = _channel_file(path, env, folder, ends, all_steps, registry, made.repeats)
        expander.files |= file.secrets
        if file.channel is not None:
            digest = _digest(file, content, extensions, folder)
            file.channel = replace(file.channel, digest=digest)
        files.append(file)
    general = lint(files, made, tree, folder)
    found = [*findings, *problems, *extensions.findings, *general]
    found.extend(each for file in files for each in file.findings)
    runnable = [file for file in files if file.channel is not None and file.enabled and not file.has_errors]
    return Site(
        folder,
        made,
        tuple(file.channel for file in runnable if file.channel is not None),
        tuple(sorted(found, key=_place)),
        all_steps,
        {file.channel.name: file.where for file in runnable if file.channel is not None},
        frozenset(expander.files),
        tuple(files),
        registry=registry,
    )


def check(folder: Path, env: Mapping[str, str]) -> list[Finding]:
    """Everything that is wrong or doubtful in the site, by file and line."""
    return list(load_site(folder, env).findings)


def channel_files(folder: Path) -> list[Path]:
    """The channel files of the site in `folder`; the cases beside them (`NAME.cases.yaml`) are none."""
    found = [path for suffix in ("yaml", "yml") for path in (folder / CHANNELS).glob(f"*.{suffix}")]
    return sorted(path for path in found if not path.name.startswith(".") and ".cases." not in path.name)


def _settings_tree(folder: Path, expander: Expander) -> tuple[Entries | None, list[Finding]]:
    path = folder / SETTINGS
    if not path.exists():
        return None, []
    content, problem = read(path, SETTINGS)
    if problem is not None:
        return None, [problem]
    if all(not line.strip() or line.lstrip().startswith(b"#") for line in content.splitlines()):
        return None, []
    loaded = load(content, SETTINGS, expander)
    return loaded.tree, list(loaded.findings)


def _channel_file(
    path: Path,
    env: Mapping[str, str],
    folder: Path,
    ends: Mapping[str, End],
    steps: Mapping[str, StepFunction],
    registry: SiteRegistry,
    repeats: timedelta | None,
) -> tuple[BoundFile, bytes]:
    where = f"{CHANNELS}/{path.name}"
    content, problem = read(path, where)
    if problem is not None:
        return BoundFile(where, None, [problem]), content
    expander = Expander(env, folder)
    loaded = load(content, where, expander)
    if loaded.tree is None:
        file = BoundFile(where, None)
    else:
        file = bind(loaded.tree, where, ends=ends, steps=steps, site=folder, registry=registry, repeats=repeats)
    file.findings[:0] = loaded.findings
    file.secrets = frozenset(expander.files)
    return file, content


def _digest(file: BoundFile, content: bytes, extensions: Extensions, folder: Path) -> str:
    """A digest of all that the channel was bound from: its file, its extensions, its steps' files, its secrets' age.

    A secret counts by when its file was changed and not by its text, so that no digest tells anything of it.
    """
    parts: list[bytes] = [content, repr(file.repeats).encode()]
    names = {extensions.files[use.name.text] for use in file.uses() if use.name.text in extensions.files}
    names |= {text.text for use in file.uses() if use.kind == "step" for _, text in use.leaves("path")}
    for name in sorted(names):
        parts += [os.fsencode(name), _bytes(folder / name)]
    parts.extend(f"{path} {_changed(path)}".encode() for path in sorted(file.secrets))
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()[:32]


def _changed(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes() if path.is_file() else b""
    except (OSError, ValueError):  # a name that no file can have
        return b""


def _place(found: Finding) -> tuple[str, int, str]:
    file, _, line = found.where.rpartition(":")
    return (file, int(line), found.code) if file and line.isdecimal() else (found.where, 0, found.code)
