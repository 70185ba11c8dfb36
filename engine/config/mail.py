"""What is doubtful in `direct` ends: notices that nobody takes, and mail in the clear beyond this machine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from channels.direct.options import SmtpIn, takes
from channels.direct.smtp.relay import RelayOptions
from engine.config.bind import BoundFile, Use

_DIRECT = "direct"


def check_mail(files: list[BoundFile]) -> None:
    """Add to each of `files` what is doubtful in its `direct` ends."""
    ours = frozenset(
        each for file in files if file.enabled for use in _direct(file, "inbound") for each in _recipients(use)
    )
    for file in files:
        for use in _direct(file, "inbound", "outbound"):
            _check_clear(file, use)
        for use in _direct(file, "outbound") if file.enabled else ():
            sender, waits = use.arguments.get("from_"), use.arguments.get("wait_for", "processed") != "nothing"
            if waits and isinstance(sender, str) and not takes(ours, sender):
                what = f"no inbound direct end takes the notices for {sender}"
                file.found("HIE315", use.line_of("from"), what)


def _check_clear(file: BoundFile, use: Use) -> None:
    """At the edge of a HISP mail is in the clear, so that its way has to be encrypted; an agent's mail is by itself."""
    if use.arguments.get("agent") is not None:
        return
    through, relay = use.arguments.get("through"), use.arguments.get("relay")
    if isinstance(through, SmtpIn) and through.tls is None and not through.listen.is_loopback:
        file.found("HIE402", use.line_of("through"), f"direct listens on {through.listen} without TLS")
    if isinstance(relay, RelayOptions) and relay.security == "none" and not relay.connect.is_loopback:
        file.found("HIE402", use.line_of("relay"), "direct connects beyond this machine without TLS")


def _direct(file: BoundFile, *kinds: str) -> Iterator[Use]:
    return (use for use in file.uses() if use.name.text == _DIRECT and use.kind in kinds)


def _recipients(use: Use) -> Iterable[str]:
    found = use.arguments.get("recipients")
    return found if isinstance(found, list) else ()
