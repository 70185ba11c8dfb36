"""Ends and steps with every kind of option, and a site written in a test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from textwrap import dedent
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from channels.direct import DirectInbound, DirectOutbound
from channels.ends import Accept, End, EndContext, Outcome, OutcomeCode
from channels.fhir import FhirInbound
from channels.fhir.subscriptions import SubscriptionOutbound
from engine.config.site import Site, load_site
from schemas.message import Message
from schemas.values import Duration, Listen, RouteName, Secret, SiteFile, Size, Template
from transforms import STEPS
from transforms.step import StepFunction, sets


class Tls(BaseModel):
    certificate: SiteFile = Field(description="The certificate.")
    key: SiteFile | None = None
    key_password: Secret | None = None
    names: list[str] = Field(default_factory=list)


class WireIn:
    """Listens to a wire.

    Adds `wire.peer`.

    Args:
        listen: Where to listen, host:port.
        senders: Who may send.
        tls: TLS.
        token: What a
            partner must show.
        limit: The largest message.
        idle: How long a partner may be silent.
        mode: How to answer.
        strict: Whether to be strict.
        parallel: How many at once.
        from_: An option whose name Python keeps for itself.
        answer: The route whose partner answers.
    """

    def __init__(
        self,
        context: EndContext,
        *,
        listen: Listen,
        senders: Sequence[str] = (),
        tls: Tls | None = None,
        token: Secret | None = None,
        limit: Size = 16 << 20,
        idle: Duration | None = timedelta(minutes=5),
        mode: Literal["original", "enhanced"] = "original",
        strict: bool = True,
        parallel: Annotated[int, Field(ge=1)] = 1,
        from_: str = "",
        answer: RouteName | None = None,
    ) -> None: ...

    async def serve(self, accept: Accept, ready: object) -> None: ...


class WireOut:
    """Sends along a wire."""

    def __init__(
        self,
        context: EndContext,
        *,
        connect: Template,
        tls: Tls | None = None,
        headers: Mapping[str, Template] | None = None,
    ) -> None: ...

    async def deliver(self, message: Message) -> Outcome:
        return Outcome(OutcomeCode.DELIVERED)

    async def close(self) -> None: ...


class FolderIn:
    """Reads a folder."""

    def __init__(self, context: EndContext, *, folder: SiteFile) -> None: ...

    async def serve(self, accept: Accept, ready: object) -> None: ...


class FolderOut:
    """Writes to a folder."""

    def __init__(self, context: EndContext, *, folder: SiteFile, name: Template = "{message.id}.hl7") -> None: ...

    async def deliver(self, message: Message) -> Outcome:
        return Outcome(OutcomeCode.DELIVERED)

    async def close(self) -> None: ...


@sets("stamp.code")
def stamp(message: Message, *, code: str = "", password: Secret | None = None) -> Message:
    """Stamp a message."""
    return message


ENDS = {
    "wire": End("wire", WireIn, WireOut),  # type: ignore[arg-type]
    "folder": End("folder", FolderIn, FolderOut),  # type: ignore[arg-type]
    "sink": End("sink", None, FolderOut),
    "direct": End("direct", DirectInbound, DirectOutbound),
    "fhir": End("fhir", FhirInbound),
    "subscription": End("subscription", None, SubscriptionOutbound),
}
ALL_STEPS: dict[str, StepFunction] = {**STEPS, "stamp": stamp}


def write_site(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write `files`, by their paths in the site, into `folder`."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else dedent(content).lstrip("\n").encode())
    return folder


def site_of(folder: Path, files: Mapping[str, str | bytes], env: Mapping[str, str] | None = None) -> Site:
    """The site that `files` make in `folder`."""
    return load_site(write_site(folder, files), env or {}, ends=ENDS, steps=ALL_STEPS)


CHANNEL = """
    channel: adt
    description: An ADT feed.
    inbound:
      wire: {listen: 127.0.0.1:2575, senders: STANNE}
    steps:
      - keep: {MSH-9.1: ADT, MSH-9.2: [A01, A02]}
      - set: {subscriber.delivery: direct}
    routes:
      - route: practice
        when: {subscriber.delivery: direct}
        steps: [stamp]
        outbound:
          wire: {connect: 127.0.0.1:2600}
        retry: {first: 1m, most: 1h, give_up_after: 24h}
        in_order: PID-3.1
      - route: archive
        outbound:
          folder: {folder: archive, name: "{MSH-10}.hl7"}
        parallel: 4
"""
