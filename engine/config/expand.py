"""`${NAME}`, `${NAME:-default}` and `${file:/run/secrets/x}` in a scalar, replaced when the file is read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from engine.config.numbers import finding
from schemas.finding import Finding

MOST_SECRET_BYTES = 64 << 10
"""How large a secrets file may be."""

_PLACE = re.compile(r"\$\$\{|\$\{([^{}]*)\}|\$\{")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


class Expander:
    """Replaces `${...}` from `env` and from files relative to `site`; `$${` stands for a literal `${`.

    `files` collects the secrets files that were read, so that a change of one is noticed. No finding quotes a value.
    """

    def __init__(self, env: Mapping[str, str], site: Path) -> None:
        self.files: set[Path] = set()
        self._env = env
        self._site = site

    def __call__(self, text: str, where: str) -> tuple[str, list[Finding]]:
        """`text` with its places replaced, and a finding at `where` for each place that cannot be."""
        findings: list[Finding] = []

        def place(found: re.Match[str]) -> str:
            if found.group() == "$${":
                return "${"
            inside = found.group(1)
            if inside is None:
                findings.append(finding("HIE113", where, "a ${ without its }"))
                return ""
            value, problem = self._value(inside, where)
            if problem is not None:
                findings.append(problem)
            return value

        return _PLACE.sub(place, text), findings

    def _value(self, inside: str, where: str) -> tuple[str, Finding | None]:
        if inside.startswith("file:"):
            return self._file(inside.removeprefix("file:"), where)
        name, separator, default = inside.partition(":-")
        if not _NAME.match(name):
            return "", finding("HIE113", where, f"${{{inside[:40]}}} names no environment variable")
        if name in self._env and (self._env[name] or not separator):
            return self._env[name], None
        if separator:
            return default, None
        return "", finding(
            "HIE114", where, f"the environment has no {name}", f"set {name}, or write ${{{name}:-default}}"
        )

    def _file(self, name: str, where: str) -> tuple[str, Finding | None]:
        path = self._site / name
        try:
            if not name or not path.is_file():
                return "", finding("HIE115", where, f"no file {name}")
            with path.open("rb") as file:
                content = file.read(MOST_SECRET_BYTES + 1)
            if len(content) > MOST_SECRET_BYTES:
                return "", finding("HIE115", where, f"{name} is larger than {MOST_SECRET_BYTES >> 10} kB")
            self.files.add(path)
            return content.decode().removesuffix("\n").removesuffix("\r"), None
        except UnicodeDecodeError:
            return "", finding("HIE115", where, f"{name} is not UTF-8")
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or type(error).__name__
            return "", finding("HIE115", where, f"{name}: {reason}")
