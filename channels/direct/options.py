"""What an engineer writes for a `direct` end: how mails come in, and who they are for."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from channels.tls import ClientTls, ServerTls
from schemas.values import Duration, Listen, Secret, Size

_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}\Z")
_LOCAL = re.compile(r"[a-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}\Z")


def _is_ours(value: str) -> str:
    lowered = value.strip().lower()
    local, at, domain = lowered.rpartition("@")
    if not _DOMAIN.match(domain) or (at and not _LOCAL.match(local)):
        raise ValueError("write a domain (direct.example.org) or an address (inbox@direct.example.org)")
    return lowered


def is_address(value: str) -> str:
    """`value` as it is, where it is one address; raises ValueError."""
    local, at, domain = value.strip().rpartition("@")
    if not at or not _LOCAL.match(local.lower()) or not _DOMAIN.match(domain.lower()):
        raise ValueError("write one address: inbox@direct.example.org")
    return value.strip()


Ours = Annotated[str, AfterValidator(_is_ours)]
"""A domain whose every address is meant, or one address; in lower case."""
Sender = Annotated[str, AfterValidator(is_address)]
"""The address that mails come from."""
Oid = Annotated[str, Field(pattern=r"^[0-2](\.(0|[1-9][0-9]*))+$")]
"""An object identifier."""


class SmtpIn(BaseModel):
    """An SMTP server that mails are handed to."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    listen: Listen = Field(description="The address to listen on, host:port.")
    tls: ServerTls | None = Field(None, description="TLS, offered by STARTTLS.")
    require_tls: bool = Field(True, description="Whether nothing is taken without TLS, where `tls` is given.")
    users: dict[str, Secret] = Field(
        default_factory=dict,
        description="Who may hand over mails: users and their passwords (AUTH PLAIN inside TLS). Empty: everybody.",
    )
    hostname: str = Field("", description="The name that the server greets with; the machine's.")
    limit: Size = Field(50 << 20, description="The longest mail that is taken: 36 MB hold an attachment of 25 MB.")
    connections: int = Field(100, ge=1, description="How many connections are open at most; further ones are refused.")
    stall: Duration = Field(timedelta(minutes=5), description="How long a connection may be silent.")
    share_address: bool = Field(
        False, description="Lets several engine processes of this machine listen on the same address."
    )

    @model_validator(mode="after")
    def _passwords_need_tls(self) -> SmtpIn:
        if self.users and self.tls is None:
            raise ValueError("users need tls: a password is taken inside TLS alone")
        return self


class ImapIn(BaseModel):
    """A mailbox at a HISP that mails are collected from, by IMAP over TLS."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    collect: Listen = Field(description="The IMAP server, host:port; usually port 993.")
    user: str = Field(description="The user that we log in as.")
    password: Secret = Field(description="Its password; write ${...}.")
    security: Literal["tls", "starttls"] = Field("tls", description="TLS from the start, or turned on by STARTTLS.")
    tls: ClientTls = Field(default_factory=lambda: ClientTls.model_validate({}), description="Whom to trust for TLS.")
    folder: str = Field("INBOX", description="The folder that mails are collected from.")
    done: str | None = Field(None, description="The folder that they are moved to once they are safe; else deleted.")
    refused: str = Field("Refused", description="The folder that mails are moved to that cannot be taken.")
    every: Duration = Field(timedelta(seconds=30), description="How often to look.")
    limit: Size = Field(50 << 20, description="The longest mail that is taken.")
    timeout: Duration = Field(timedelta(minutes=1), description="How long the server may take for each answer.")


def takes(ours: frozenset[str], address: str) -> bool:
    """Whether `address` is one of `ours`, or of a domain of ours."""
    lowered = address.lower()
    return lowered in ours or lowered.rpartition("@")[2] in ours
