"""A resource to a message."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from schemas.fhir import Resource
from schemas.finding import Finding
from schemas.hl7v2 import Er7, Hl7Error
from schemas.hl7v2.charset import charset_named
from transforms.converting import line_of
from transforms.fhir_to_v2.event import event_of
from transforms.fhir_to_v2.fit import fit, names_in
from transforms.fhir_to_v2.kept import restore
from transforms.fhir_to_v2.leftovers import report_unread
from transforms.fhir_to_v2.messages.dispatch import message_map
from transforms.fhir_to_v2.options import Options
from transforms.fhir_to_v2.run import DEFECT, NOT_IN_CHARSET, RefusedError, Run


@dataclass(frozen=True, slots=True)
class Conversion:
    """What became of a resource: `message`, None where it becomes none, and the findings that say why or how."""

    message: Er7 | None
    findings: tuple[Finding, ...]


def convert(resource: Resource, options: Options, now: datetime) -> Conversion:
    """The HL7 v2 message that `resource`, a Bundle or a single one, says: whole or not at all.

    The same resource, options and `now` (with its time zone) give the same message. Never raises for what a resource
    contains.
    """
    message, run = convert_run(resource, options, now)
    return Conversion(message, tuple(run.findings))


def convert_run(resource: Resource, options: Options, now: datetime) -> tuple[Er7 | None, Run]:
    """The message and the finished run, for those who look into it."""
    run = Run(resource, options, now)
    try:
        event = event_of(run)
        write = message_map(event, run)
        run.structure = run.tables.structure(event.structure) if event.structure else None
        run.order = names_in(run.structure) if run.structure is not None else []
        write(event, run)
        restore(run)
        fit(run)
        message = _encoded(run)
        report_unread(run)
    except RefusedError as refusal:
        run.findings.append(refusal.finding)
        return None, run
    except Exception as error:
        run.findings.append(_defect(error))
        return None, run
    return message, run


def _defect(error: Exception) -> Finding:
    """The finding of a map that failed: in which line of the maps, never the error's text."""
    what = f"a map failed ({line_of(error)}); no message is made"
    return Finding(DEFECT, "MSH", what, "this is a defect of the engine: report it with this line")


def _encoded(run: Run) -> Er7:
    """The segments as bytes in the receiver's character set, read back as a message."""
    name = run.options.charset
    charset = charset_named(name)
    if charset is None or charset.is_wide:
        raise run.refuse(NOT_IN_CHARSET, "MSH-18", "not a character set to write in", "for example UNICODE UTF-8")
    text = "".join(f"{line.wire()}\r" for line in run.lines if line.fields)
    try:
        return Er7.parse(charset.from_wire(charset.encode(text)))
    except (UnicodeEncodeError, Hl7Error):
        what = "the character set has no such characters"
        raise run.refuse(NOT_IN_CHARSET, "MSH-18", what, "UNICODE UTF-8 can write every text") from None
