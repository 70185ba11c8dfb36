"""`hie send --to mailto:`: files as Direct messages, through a relay or straight to an inbound `direct` end."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import click

from engine.cli.common import Failure

if TYPE_CHECKING:
    from channels.direct.agency import AgentOptions
    from channels.ends import EndContext, Outbound
    from channels.tls import ClientTls

_SUBMISSION, _SUBMISSIONS = 587, 465


@dataclass(frozen=True, slots=True)
class Mailing:
    """Who sends, through which server, and what is signed with: `keys` is a folder that `hie direct keys` wrote."""

    sender: str | None = None
    relay: str | None = None
    user: str | None = None
    keys: Path | None = None

    @property
    def is_given(self) -> bool:
        """Whether anything of it was said."""
        return any((self.sender, self.relay, self.user, self.keys))


def mail_outbound(
    to: str, mailing: Mailing, tls: ClientTls | None, patience: timedelta
) -> Callable[[EndContext], Outbound]:
    """The outbound end for `to` (`mailto:ADDRESS`), to be made inside the event loop."""
    from pydantic import SecretStr, ValidationError  # noqa: PLC0415

    from channels.direct import DirectOutbound  # noqa: PLC0415
    from channels.direct.options import is_address  # noqa: PLC0415
    from channels.direct.smtp.relay import RelayOptions  # noqa: PLC0415
    from schemas.values import parse_address  # noqa: PLC0415

    if mailing.sender is None or mailing.relay is None:
        raise click.UsageError("mailto: needs --from ADDRESS and --relay HOST:PORT")
    recipients = [unquote(each).strip() for each in urlsplit(to).path.split(",")]
    try:
        for each in (*recipients, mailing.sender):
            is_address(each)
        place = parse_address(mailing.relay if ":" in mailing.relay else f"{mailing.relay}:{_SUBMISSION}")
        plain = place.is_loopback and tls is None
        given: dict[str, object] = {"connect": place, "timeout": patience, "connections": 1}
        given["security"] = "none" if plain else "tls" if place.port == _SUBMISSIONS else "starttls"
        if tls is not None:
            given["tls"] = tls
        if mailing.user is not None:
            given |= {"user": mailing.user, "password": SecretStr(os.environ.get("HIE_PASSWORD", ""))}
        relay = RelayOptions.model_validate(given)
    except (ValidationError, ValueError) as error:
        reason = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
        raise click.UsageError(f"--to, --from and --relay: {reason}") from None
    agent = _agent(mailing.keys, mailing.sender) if mailing.keys is not None else None
    literal = ", ".join(recipients).replace("{", "{{").replace("}", "}}")
    sender = mailing.sender
    return lambda context: DirectOutbound(
        context, from_=sender, to=literal, relay=relay, agent=agent, wait_for="nothing"
    )


def _agent(folder: Path, sender: str) -> AgentOptions:
    """An agent with the identity of `sender` or its domain in `folder`, which knows all others that lie there."""
    from channels.direct.agency import AgentOptions  # noqa: PLC0415

    anchor, revoked = folder / "anchor.pem", folder / "anchor.crl"
    name = next((each for each in (sender, sender.rpartition("@")[2]) if (folder / f"{each}.key").exists()), None)
    if name is None or not anchor.exists():
        what = f"{folder} has no identity of {sender}, or no anchor"
        raise Failure(what, f"make them: hie direct keys {sender} RECIPIENT --to {folder}")
    others = [file for file in sorted(folder.glob("*.pem")) if file not in (anchor, folder / f"{name}.pem")]
    return AgentOptions.model_validate(
        {
            "keys": [{"certificate": (folder / f"{name}.pem").resolve(), "key": (folder / f"{name}.key").resolve()}],
            "trust": {
                "anchors": [{"certificates": anchor.resolve()}],
                "revocation": {"lists": [revoked.resolve()] if revoked.exists() else []},
            },
            "discovery": {"certificates": [each.resolve() for each in others], "dns": False, "ldap": False},
        }
    )
