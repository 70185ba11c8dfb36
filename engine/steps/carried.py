"""What of a body is the message of a referral, and what are documents beside it: in a mail, in a package, alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

from channels.direct.error import DirectError
from channels.direct.mime import attachments
from channels.direct.xdm import LIMITS, read_xdm
from engine.steps.refused import LOOK_AGAIN, refused_mail
from schemas.content import Kind, recognize
from schemas.error import BodyError
from schemas.fhir.read import read
from schemas.hl7v2 import header
from schemas.message import BINARY, CCDA, MAIL, Message
from transforms import StepError
from transforms.fhir_node import Node
from transforms.refer import Attached
from transforms.refer.read import BY_TYPE

_RESOURCES = ("Task", "ServiceRequest")


class NothingCarriedError(StepError):
    """There is neither a message of a referral nor a clinical document: somebody has written something else."""


@dataclass(frozen=True, slots=True)
class Carried:
    """What a message carries: `message` has the body that says it, `documents` came beside it. `is_document` where a
    clinical document is all there is to say it."""

    message: Message
    documents: tuple[Attached, ...] = ()
    is_document: bool = False


class _Part(NamedTuple):
    """One document of a mail or package; `package` is the number of the package it came in, 0 of none."""

    kind: Kind
    attached: Attached
    is_act: bool
    package: int


def acts_of(message: Message) -> list[Message]:
    """A message for each act that `message` carries: itself, or where a mail has several packages, each of these.

    Raises `StepError` where acts and documents cannot be told apart.
    """
    if message.format != MAIL:
        return [message]
    parts, packages = message.once(_of_mail)
    acts = [each for each in parts if each.is_act]
    if len(acts) < 2:
        return [message]
    homes = [each.package for each in acts]
    if 0 in homes or len(set(homes)) < len(homes) or len(homes) < len(packages) or any(not p.package for p in parts):
        what = "the mail carries several messages of referrals, and it is not clear which documents belong to which"
        raise StepError(what, "its sender should send one package for each; open_mail shows the parts")
    return [
        message.derive(f"open_referral/{number}", body=packages[number - 1], format=BINARY) for number in sorted(homes)
    ]


def carried_by(message: Message) -> Carried:
    """What the body of `message` says of one referral; raises `StepError`, `NothingCarriedError` of nothing."""
    return message.once(_carried)


def _carried(message: Message) -> Carried:
    if message.format == MAIL:
        return _told_apart(message, message.once(_of_mail)[0])
    if message.format == BINARY and recognize(message.body) is Kind.XDM:
        return _told_apart(message, _of_package(message.body, 1, LIMITS.unpacked))
    return Carried(message, is_document=message.format == CCDA)


def _told_apart(message: Message, parts: list[_Part]) -> Carried:
    acts = [each for each in parts if each.is_act]
    if len(acts) > 1:
        raise StepError("the package carries several messages of referrals", "its sender should send them apart")
    clinical = [each for each in parts if each.kind is Kind.CCDA]
    main = next(iter(acts or clinical), None)
    if main is None:
        raise NothingCarriedError("there is neither a message of a referral nor a clinical document", LOOK_AGAIN)
    body = message.derive("carried", body=main.attached.body, format=main.kind.message_format)
    return Carried(body, tuple(each.attached for each in parts if each is not main), is_document=not acts)


def _of_mail(message: Message) -> tuple[list[_Part], list[bytes]]:
    """The parts of a mail, and its packages as they are; all of them together unpack to what one may."""
    parts: list[_Part] = []
    left = LIMITS.unpacked
    packages: list[bytes] = []
    try:
        for each in attachments(message.body):
            if each.is_text:
                continue
            kind = recognize(each.data)
            if kind is Kind.XDM:
                packages.append(each.data)
                inside = _of_package(each.data, len(packages), left)
                left -= sum(len(part.attached.body) for part in inside)
                parts += inside
            else:
                parts.append(_part(each.data, each.name, "", each.type, 0))
    except DirectError as error:
        raise refused_mail(error) from None
    return parts, packages


def _of_package(body: bytes, number: int, unpacked: int) -> list[_Part]:
    """The documents of a package, which may unpack to so many bytes."""
    try:
        documents = read_xdm(body, limits=replace(LIMITS, unpacked=unpacked)).documents
    except DirectError as error:
        raise refused_mail(error) from None
    return [
        _part(each.data, each.entry.title, each.entry.unique_id, each.entry.mime_type, number) for each in documents
    ]


def _part(data: bytes, title: str, unique_id: str, said: str, package: int) -> _Part:
    kind = recognize(data)
    type = said if kind in (Kind.TEXT, Kind.OTHER) and said else kind.media_type
    return _Part(kind, Attached(data, type, title, unique_id), _is_act(kind, data), package)


def _is_act(kind: Kind, data: bytes) -> bool:
    """Whether that is a message of a referral, by its type alone."""
    try:
        if kind is Kind.HL7V2:
            return header(data).message_type in BY_TYPE
        return kind is Kind.FHIR and _asks(Node(read(data), ""))
    except BodyError:
        return False


def _asks(resource: Node) -> bool:
    if resource.peek("type") == "document":
        return False  # what a document says of orders is history
    inside = [each.one("resource").peek("resourceType") for each in resource.all("entry")]
    return any(each in _RESOURCES for each in (resource.peek("resourceType"), *inside))
