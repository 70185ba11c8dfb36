"""The clients of a site, as its YAML file has them: who each is known by, and what it may."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import yaml

from channels.fhir.rate import PerTime, parse_rate
from channels.fhir.smart.keys import Key, KeysError, read_keys
from channels.fhir.smart.scopes import Scopes

_T = TypeVar("_T")
_MOST_BYTES = 1 << 20
_DEPTH = 4  # the file, the list of clients, a client, a list of scopes
_LOADER: type = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_NAME = re.compile(r"[!-~]{1,200}\Z")
_DIGEST = re.compile(r"[0-9a-f]{64}\Z")
_KEYS = ("client", "scopes", "jwks", "jwks_url", "token_sha256", "certificate", "rate")
_CREDENTIALS = ("jwks", "jwks_url", "token_sha256", "certificate")


class ClientsError(ValueError):
    """The clients cannot be taken from their file; the text names the file, the line and the reason."""


@dataclass(frozen=True, slots=True)
class Registered:
    """One client: any of its credentials lets it in. `digests` are those of its bearer tokens."""

    name: str
    scopes: Scopes
    certificates: tuple[str, ...] = ()
    digests: tuple[str, ...] = field(default=(), repr=False)
    keys: Mapping[str, Key] = field(default_factory=dict, repr=False)
    keys_url: str = ""
    rate: PerTime | None = None

    @property
    def signs(self) -> bool:
        """Whether it asks for access tokens with assertions."""
        return bool(self.keys or self.keys_url)


Stamp = tuple[int, int, int] | None
"""What tells that a file was changed, or that there is none."""


def stamp_of(file: Path) -> Stamp:
    """The stamp of `file` as it is now."""
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def read_register(path: Path, site: Path, stamps: dict[Path, Stamp] | None = None) -> Mapping[str, Registered]:
    """The clients in the file at `path` by name; their key sets lie in `site`. Raises `ClientsError`.

    `stamps` is given that of each file that was looked at, as it was before, also when the clients cannot be taken.
    """
    reader = _Reader(path.name, site, {} if stamps is None else stamps)
    content = reader.content(path, path.name)
    try:
        _check_shape(content, path.name)
        tree = yaml.compose(content.decode("utf-8-sig"), Loader=_LOADER)
    except ClientsError:
        raise
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        line = min(mark.line, content.count(b"\n")) + 1 if mark else 1
        raise ClientsError(f"{path.name}:{line}: this is no YAML in UTF-8") from None
    return reader.clients(tree)


def _check_shape(content: bytes, shown: str) -> None:
    """Raises `ClientsError` for what is nested deeper than clients are: the composer would follow it down the stack."""
    depth = 0
    for event in yaml.parse(content.decode("utf-8-sig"), Loader=_LOADER):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEPTH or isinstance(event, yaml.AliasEvent):
            why = (
                "an alias has no meaning here" if depth <= _DEPTH else "too many lists and mappings inside one another"
            )
            raise ClientsError(f"{shown}:{event.start_mark.line + 1 if event.start_mark else 1}: {why}")


class _Reader:
    """Reads the tree of one file, called `shown`."""

    def __init__(self, shown: str, site: Path, stamps: dict[Path, Stamp]) -> None:
        self._stamps = stamps
        self._shown = shown
        self._site = site
        self._owners: dict[str, str] = {}

    def content(self, path: Path, shown: str) -> bytes:
        """The bytes of a file, called `shown`; raises `ClientsError`."""
        self._stamps[path] = stamp_of(path)
        try:
            with path.open("rb") as file:
                content = file.read(_MOST_BYTES + 1)
        except OSError as error:
            raise ClientsError(f"{shown}: it cannot be read: {error.strerror}") from None
        if len(content) > _MOST_BYTES:
            raise ClientsError(f"{shown}: it is larger than {_MOST_BYTES >> 20} MB")
        return content

    def clients(self, tree: yaml.Node | None) -> Mapping[str, Registered]:
        """The clients of the whole file."""
        parts = self._mapping(tree, ("clients",), "the file")
        listed = parts.get("clients")
        if not isinstance(listed, yaml.SequenceNode):
            raise self._wrong(listed or tree, "`clients` is a list: - client: a-name")
        found: dict[str, Registered] = {}
        for node in listed.value:
            client = self._client(node)
            if client.name in found:
                raise self._wrong(node, "another client has this name")
            found[client.name] = client
        return found

    def _client(self, node: yaml.Node) -> Registered:
        parts = self._mapping(node, _KEYS, "a client")
        for needed in ("client", "scopes"):
            if needed not in parts:
                raise self._wrong(node, f"a client needs `{needed}`")
        if not any(each in parts for each in _CREDENTIALS):
            raise self._wrong(node, f"a client needs one of {', '.join(_CREDENTIALS)}")
        name = self._text(parts["client"], "client")
        if not _NAME.match(name):
            raise self._wrong(parts["client"], "the name of a client has up to 200 letters, digits and signs, no space")
        return Registered(
            name,
            self._each(parts["scopes"], "scopes", lambda texts: Scopes.read(" ".join(texts).split())),
            self._owned(name, parts, "certificate", lambda text: text.lower()),
            self._owned(name, parts, "token_sha256", _digest),
            self._keys(parts["jwks"]) if "jwks" in parts else {},
            self._url(parts["jwks_url"]) if "jwks_url" in parts else "",
            self._each(parts["rate"], "rate", lambda texts: parse_rate(" ".join(texts))) if "rate" in parts else None,
        )

    def _each(self, node: yaml.Node, key: str, read: Callable[[list[str]], _T]) -> _T:
        try:
            return read(self._texts(node, key))
        except ClientsError:
            raise
        except ValueError as error:
            raise self._wrong(node, str(error)) from None

    def _owned(
        self, name: str, parts: Mapping[str, yaml.Node], key: str, read: Callable[[str], str]
    ) -> tuple[str, ...]:
        """The credentials under `key`, each of which belongs to one client only."""
        if key not in parts:
            return ()
        found = self._each(parts[key], key, lambda texts: tuple(map(read, texts)))
        for each in found:
            if self._owners.setdefault(f"{key} {each}", name) != name:
                raise self._wrong(parts[key], f"another client has the same {key}")
        return found

    def _keys(self, node: yaml.Node) -> Mapping[str, Key]:
        path = self._site / self._text(node, "jwks")
        try:
            return read_keys(self.content(path, "jwks"))
        except KeysError as error:
            raise self._wrong(node, f"jwks: {error}") from None
        except ClientsError as error:
            raise self._wrong(node, str(error)) from None

    def _url(self, node: yaml.Node) -> str:
        url = self._text(node, "jwks_url")
        try:
            parts = urlsplit(url)
            fits = parts.scheme == "https" and parts.hostname and parts.password is None and parts.port != 0
        except ValueError:
            fits = False
        if not fits:
            raise self._wrong(node, "jwks_url is an https:// URL without a password")
        return url

    def _mapping(self, node: yaml.Node | None, known: tuple[str, ...], what: str) -> dict[str, yaml.Node]:
        if not isinstance(node, yaml.MappingNode):
            raise self._wrong(node, f"{what} is a mapping")
        found: dict[str, yaml.Node] = {}
        for key, value in node.value:
            name = self._text(key, "a key")
            if name not in known:
                near = get_close_matches(name, known, 1)
                raise self._wrong(key, f"{what} has no such key{f'; did you mean {near[0]}?' if near else ''}")
            if name in found:
                raise self._wrong(key, f"`{name}` is written twice")
            found[name] = value
        return found

    def _texts(self, node: yaml.Node, what: str) -> list[str]:
        if isinstance(node, yaml.SequenceNode):
            return [self._text(each, what) for each in node.value]
        return [self._text(node, what)]

    def _text(self, node: yaml.Node, what: str) -> str:
        if not isinstance(node, yaml.ScalarNode) or not node.value.strip():
            raise self._wrong(node, f"{what} is a text")
        text: str = node.value.strip()
        return text

    def _wrong(self, node: yaml.Node | None, why: str) -> ClientsError:
        line = node.start_mark.line + 1 if node is not None else 1
        return ClientsError(f"{self._shown}:{line}: {why}")


def _digest(text: str) -> str:
    found = text.lower().removeprefix("sha256:")
    if not _DIGEST.match(found):
        raise ValueError("token_sha256 is the SHA-256 of the token, 64 hexadecimal digits, never the token itself")
    return found
