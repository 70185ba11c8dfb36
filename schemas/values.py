"""The values that options are made of: durations, sizes, addresses, templates, secrets, files of the site.

Every scalar of a YAML file is read as text; the types here decide what the text means. An end or a step annotates its
keyword options with them, and so gets its parsing, its lint, its JSON schema and its manual page.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationInfo, WithJsonSchema

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)\Z")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_SIZE = re.compile(r"(\d+)\s*(B|kB|KB|MB|GB)?\Z")
_BYTES = {None: 1, "B": 1, "kB": 1 << 10, "KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30}


def parse_duration(value: object) -> timedelta:
    """`"250ms"`, `"30s"`, `"1m"`, `"24h"`, `"7d"` as a timedelta; raises ValueError."""
    if isinstance(value, timedelta):
        return value
    found = _DURATION.match(value.strip()) if isinstance(value, str) else None
    if found is None:
        raise ValueError("a duration is a number and a unit: 250ms, 30s, 1m, 24h, 7d")
    return timedelta(seconds=float(found.group(1)) * _SECONDS[found.group(2)])


def parse_size(value: object) -> int:
    """`"16MB"`, `"64kB"`, `"512"` as a number of bytes (1 MB = 1,048,576); raises ValueError."""
    if isinstance(value, int):
        return value
    found = _SIZE.match(value.strip()) if isinstance(value, str) else None
    if found is None:
        raise ValueError("a size is a number and a unit: 512, 64kB, 16MB, 2GB")
    return int(found.group(1)) * _BYTES[found.group(2)]


@dataclass(frozen=True, slots=True)
class Address:
    """A TCP address."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether traffic to this address stays on the machine."""
        return self.host in ("localhost", "::1") or self.host.startswith("127.")


def parse_address(value: object) -> Address:
    """`"host:port"` or `"[v6]:port"` as an Address; raises ValueError."""
    if isinstance(value, Address):
        return value
    host, colon, port = value.rpartition(":") if isinstance(value, str) else ("", "", "")
    host = host.strip().removeprefix("[").removesuffix("]")
    if not colon or not host or not port.isdecimal() or not 0 <= int(port) <= 65535:
        raise ValueError("an address is host:port, for example 127.0.0.1:2575")
    return Address(host, int(port))


def _site_file(path: Path, info: ValidationInfo) -> Path:
    site = (info.context or {}).get("site")
    return path if site is None else Path(site) / path


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    WithJsonSchema({"type": "string", "format": "duration", "examples": ["30s", "24h"]}),
]
Size = Annotated[int, BeforeValidator(parse_size), WithJsonSchema({"type": "string", "examples": ["16MB"]})]
Listen = Annotated[
    Address, BeforeValidator(parse_address), WithJsonSchema({"type": "string", "examples": ["0.0.0.0:2575"]})
]
Template = Annotated[str, Field(json_schema_extra={"format": "template"})]
"""A text whose `{path}` places are filled from the message."""
RouteName = Annotated[str, Field(json_schema_extra={"format": "route"})]
"""The name of a route of the same channel."""
Secret = SecretStr
"""A text that must come from `${...}` and is never shown."""
SiteFile = Annotated[Path, AfterValidator(_site_file), WithJsonSchema({"type": "string", "format": "path"})]
"""A file or folder, relative to the site's folder."""
