"""What an engineer writes under `trust:`: whom our addresses trust, and how strictly certificates are looked at."""

from __future__ import annotations

import re
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from channels.tls import ClientTls
from schemas.values import Address, Duration, SiteFile, parse_address

Direction = Literal["in", "out", "both"]
Unsure = Literal["refuse", "accept"]
Network = IPv4Network | IPv6Network

_OID = re.compile(r"[0-2](\.(0|[1-9]\d*))+\Z")


class _Options(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Scope(_Options):
    """For whom of ours something counts, and which way."""

    ours: list[str] = Field(
        default_factory=list,
        description="Our addresses and domains for which these anchors count; empty: all of them.",
    )
    direction: Direction = Field(
        "both", description="Whether they count for mail that comes `in`, that goes `out`, or `both`."
    )
    policies: list[str] = Field(
        default_factory=list,
        description="Certificate policies (OIDs), one of which a certificate below these anchors must state.",
    )

    @field_validator("ours")
    @classmethod
    def _lower(cls, ours: list[str]) -> list[str]:
        return [each.lower() for each in ours]

    @field_validator("policies")
    @classmethod
    def _are_oids(cls, policies: list[str]) -> list[str]:
        for each in policies:
            if not _OID.match(each):
                raise ValueError("a certificate policy is an OID: 1.3.6.1.4.1.41179.0.1.3")
        return policies


class Anchors(_Scope):
    """Certificates of our own choice that our addresses trust."""

    certificates: SiteFile = Field(
        description="The anchors: PEM, DER or PKCS#7 (.p7b). A root, an intermediate, or a partner's own certificate."
    )


class Bundle(_Scope):
    """The anchors that a trust community publishes."""

    file: SiteFile = Field(
        description="The bundle (.p7b, .p7c or signed .p7m). With `url`, the last good one is kept here."
    )
    url: str | None = Field(None, description="Where it is fetched from again and again; https.")
    signer: SiteFile | None = Field(
        None,
        description="The certificate that signs the bundle, or its authority, PEM; the bundle must then be signed.",
    )
    refresh: Duration = Field(timedelta(hours=24), description="How often it is fetched.")
    shrink: Unsure = Field(
        "refuse",
        description="What to do with a fetched bundle that lacks anchors we have: `refuse` it until an operator "
        "imports it, or `accept` it. An empty one is never taken.",
    )

    @field_validator("url")
    @classmethod
    def _https(cls, url: str | None) -> str | None:
        if url is not None and not url.startswith("https://"):
            raise ValueError("url begins with https://")
        return url


class Revocation(_Options):
    """How it is found out whether a certificate was revoked."""

    lists: list[SiteFile] = Field(
        default_factory=list,
        description="Revocation lists (CRL) from files, DER or PEM, beside those that are fetched.",
    )
    absent: Unsure = Field(
        "refuse", description="What to do with a certificate that names neither a CRL nor an OCSP responder."
    )
    unknown: Unsure = Field("refuse", description="What to do when neither CRL nor OCSP responder can be asked.")
    keep: Duration = Field(
        timedelta(hours=12), description="How long a CRL or an OCSP answer is used at most; never past its own time."
    )


class Fetching(_Options):
    """Which hosts may be asked for what certificates and DNS records name."""

    networks: list[Network] = Field(
        default_factory=list,
        description="Private networks that may be reached all the same: 10.1.0.0/16. Public addresses always may.",
    )
    timeout: Duration = Field(timedelta(seconds=10), description="How long one answer may take.")
    tls: ClientTls | None = Field(None, description="TLS for what is fetched over https; the system's authorities.")


class TrustOptions(_Options):
    """Whom our addresses trust."""

    anchors: list[Anchors] = Field(default_factory=list, description="Anchors of our own choice.")
    bundles: list[Bundle] = Field(default_factory=list, description="Bundles of trust communities.")
    revocation: Revocation = Field(default_factory=Revocation, description="How revocation is found out.")
    fetch: Fetching = Field(default_factory=Fetching, description="What may be fetched.")
    several_names: Unsure = Field(
        "refuse", description="What to do with a certificate that speaks for more than one address or domain."
    )
    outgoing_for_notices: bool = Field(
        False, description="Whether the anchors for outgoing mail are also enough for the notices that answer it."
    )


class DiscoveryOptions(_Options):
    """Where certificates of recipients are looked for."""

    certificates: list[SiteFile] = Field(
        default_factory=list, description="Partners' certificates from files, looked at before DNS and LDAP."
    )
    dns: bool = Field(True, description="Whether to ask DNS for CERT records.")
    ldap: bool = Field(True, description="Whether to ask the LDAP servers that DNS names for the domain.")
    nameservers: list[str] = Field(
        default_factory=list, description="Name servers, IP or IP:port; empty: those of the system."
    )
    timeout: Duration = Field(timedelta(seconds=10), description="How long one server may take.")
    keep: Duration = Field(timedelta(hours=1), description="How long what was found is kept at most.")

    @field_validator("nameservers")
    @classmethod
    def _are_addresses(cls, nameservers: list[str]) -> list[str]:
        for each in nameservers:
            server_of(each)
        return nameservers


def server_of(written: str) -> Address:
    """A name server from `192.0.2.1`, `192.0.2.1:5353`, `2001:db8::1` or `[2001:db8::1]:5353`; raises `ValueError`."""
    try:
        return Address(str(ip_address(written)), 53)
    except ValueError:
        pass
    address = parse_address(written)
    return Address(str(ip_address(address.host)), address.port)
