"""The step `open_mail`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from channels.direct.error import DirectError
from channels.direct.mime import Attachment, Entity, MailFacts, attachments
from channels.direct.xdm import Package, attributes_of, read_xdm
from engine.steps.refused import refused_mail
from schemas.content import Kind, recognize
from schemas.finding import Finding
from schemas.message import Message
from transforms import StepError, step


@step
def open_mail(
    message: Message, *, texts: bool = False, packages: bool = True, strict: bool = False
) -> Iterator[Message]:
    """Make a message of each attachment of a mail, and of each document in an XDM package that is attached.

    What an attachment is, is told by its bytes. Adds `direct.part` (its number), `direct.kind` (ccda, hl7v2, fhir, pdf,
    xdm, text, other), `direct.file` and `direct.type` (as its sender names it), for a document of a package what the
    package says about it (`xdm.type_code`, `xdm.patient_id` and others), and, where they are not there yet,
    `direct.from`, `direct.to`, `direct.message_id` and `direct.subject`.

    Args:
        texts: Whether the text that is there to be read is a message as well. It always is where nothing is attached.
        packages: Whether XDM packages are opened; else the package is the message.
        strict: Whether a package must be laid out as IHE has it, with full metadata and right hashes.
    """
    try:
        facts = _facts(message)
        read = partial(read_xdm, strict=strict, accept_wrong_hash=not strict)
        parts = list(_parts(message.body, texts, read if packages else None))
    except DirectError as error:
        raise refused_mail(error) from None
    if not parts:
        raise StepError("the mail carries nothing", "its sender may have to send it again")
    for number, part in enumerate(parts, start=1):
        named = {**facts, "direct.part": str(number), "direct.kind": part.kind.value, **part.attributes}
        yield message.derive(
            f"open_mail/{number}",
            body=part.data,
            format=part.kind.message_format,
            attributes=named,
            findings=part.findings,
        )


@dataclass(frozen=True, slots=True)
class _Part:
    data: bytes
    kind: Kind
    attributes: dict[str, str]
    findings: tuple[Finding, ...] = ()


def _facts(message: Message) -> dict[str, str]:
    """What the headers say that the message does not know from its end."""
    if message.get("direct.message_id"):
        return {}
    facts = MailFacts.of(Entity.parse(message.body).headers)
    said = {
        "direct.from": facts.sender.spec,
        "direct.to": ", ".join(address.spec for address in facts.recipients),
        "direct.message_id": facts.message_id.strip("<>"),
        "direct.subject": facts.subject,
    }
    return {name: value for name, value in said.items() if value}


def _parts(mail: bytes, texts: bool, read: Callable[[bytes], Package] | None) -> Iterator[_Part]:
    found = attachments(mail)
    files = [each for each in found if not each.is_text]
    for each in found if texts or not files else files:
        yield from _opened(each, read)


def _opened(attachment: Attachment, read: Callable[[bytes], Package] | None) -> Iterator[_Part]:
    kind = recognize(attachment.data)
    said = {"direct.file": attachment.name, "direct.type": attachment.type}
    said = {name: value for name, value in said.items() if value}
    if kind is not Kind.XDM or read is None:
        yield _Part(attachment.data, kind, said)
        return
    package = read(attachment.data)
    for submission in package.submissions:
        for document in submission.documents:
            told = {**said, **attributes_of(submission, document)}
            yield _Part(document.data, recognize(document.data), told, package.findings)
