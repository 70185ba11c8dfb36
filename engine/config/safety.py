"""What would let secrets or patients' data be read by those they are not meant for."""

from __future__ import annotations

import re

from engine.config.bind import BoundFile, Use
from engine.config.numbers import finding
from engine.config.tree import Entries, Text, texts
from schemas.finding import Finding, Severity
from schemas.values import Address, parse_address

_SECRET_HEADERS = ("authorization", "proxy-authorization", "x-api-key", "cookie")
_TARGETS = ("connect", "url", "base")
_PASSWORD = re.compile(r"[a-z][a-z0-9+.-]{0,20}://[^/@\s:]*:((?:\$\{[^{}]*\}|\$(?!\{)|[^@/\s$])+)@")
_FROM_OUTSIDE = re.compile(r"(?<!\$)\$\{([^{}]*)\}")


def check_safety(file: BoundFile) -> None:
    """Find secrets in clear, and ends that carry messages beyond this machine without TLS."""
    for use in file.uses():
        for place, text in use.leaves("password"):
            if text.text and _in_clear(text.written):
                file.found("HIE401", text.line, f"{place} is written in clear")
        for place, text in use.leaves("url"):
            if text.text.startswith("http://") and _beyond("url", text.text):
                file.found("HIE402", text.line, f"{place}: {use.name.text} asks beyond this machine without TLS")
        if use.kind != "step":
            _tls(file, use)
            _passwords(file, use)


def _passwords(file: BoundFile, use: Use) -> None:
    """A password in the user part of a URL, or in an HTTP header that carries one."""
    for text in texts(use.options) if use.options is not None else ():
        password = _PASSWORD.search(text.written)
        if password is not None and _in_clear(password.group(1)):
            file.found("HIE401", text.line, "the URL has its password in clear")
    headers = use.options.get("headers") if isinstance(use.options, Entries) else None
    for key, node in headers.entries if isinstance(headers, Entries) else ():
        if key.text.lower() in _SECRET_HEADERS and isinstance(node, Text) and _in_clear(node.written):
            file.found("HIE401", node.line, f"the header {key.text} is written in clear")


def _in_clear(written: str) -> bool:
    """Whether a secret stands in the file itself: as it is, or as the default of a `${NAME:-default}`."""
    places = _FROM_OUTSIDE.findall(written)
    return not places or any(not place.startswith("file:") and place.partition(":-")[2] for place in places)


def check_urls(tree: Entries) -> list[Finding]:
    """Passwords in clear in the URLs of `hie.yaml`."""
    found = []
    for key, node in tree.entries:
        password = _PASSWORD.search(node.written) if isinstance(node, Text) else None
        if password is not None and _in_clear(password.group(1)):
            where = f"hie.yaml:{node.line}"
            found.append(finding("HIE401", where, f"{key.text} has its password in clear", severity=Severity.WARNING))
    return found


def _tls(file: BoundFile, use: Use) -> None:
    if use.signature.option("tls") is None:
        return
    if isinstance(use.options, Entries) and use.options.get("tls") is not None:
        return  # with TLS, or without it by the engineer's own word
    for name, value in use.arguments.items():
        open_to = _beyond(name, value)
        if open_to:
            file.found("HIE402", use.line_of(name), f"{use.name.text} {open_to} without TLS")


def _beyond(name: str, value: object) -> str:
    """How messages leave the machine by the option `name`; empty when they do not."""
    if isinstance(value, Address):
        return "" if value.is_loopback else f"listens on {value}"
    if name not in _TARGETS or not isinstance(value, str) or value.startswith(("https:", "mllps:")):
        return ""
    target = re.sub(r"^[a-z]+://", "", value).partition("/")[0]
    if "{" in target:
        return "connects to an address that the message names"
    try:
        address = parse_address(target if ":" in target.rpartition("]")[2] else f"{target}:0")
    except ValueError:
        return ""
    return "" if address.is_loopback else "connects beyond this machine"
