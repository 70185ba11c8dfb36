"""What is doubtful where FHIR clients subscribe: clients that nobody knows, subscriptions that nobody notifies."""

from __future__ import annotations

from channels.fhir.access import AccessOptions
from channels.tls import ServerTls
from engine.config.bind import BoundFile, Use

_FHIR, _END = "fhir", "subscription"


def check_subscriptions(files: list[BoundFile]) -> None:
    """Add to each of `files` what is wrong with the subscriptions that it takes."""
    notified = any(
        use.kind == "outbound" and use.name.text == _END for file in files if file.enabled for use in file.uses()
    )
    for file in files:
        use = file.inbound
        if use is None or not takes_subscriptions(file):
            continue
        line = use.line_of("subscriptions")
        if not _has_names(use):
            file.found("HIE321", line, "clients subscribe without a name")
        if not notified:
            file.found("HIE322", line, "no route ends in subscription")


def takes_subscriptions(file: BoundFile) -> bool:
    """Whether clients subscribe at this channel."""
    use = file.inbound
    return use is not None and use.name.text == _FHIR and use.arguments.get("subscriptions") is True


def _has_names(use: Use) -> bool:
    access, tls = use.arguments.get("access"), use.arguments.get("tls")
    known = isinstance(access, AccessOptions) and access.clients is not None
    return known or (isinstance(tls, ServerTls) and tls.clients is not None)
