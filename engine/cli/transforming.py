"""What `hie transform` can do: each direction with its options, one message at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from engine.cli.common import Failure

if TYPE_CHECKING:
    from schemas.finding import Finding
    from transforms.accounting import Use


class Converted(NamedTuple):
    """What became of one message: its new body, None where it has none, the findings, and the account where asked."""

    body: bytes | None
    findings: Sequence[Finding] = ()
    uses: Sequence[Use] = ()


Convert = Callable[[bytes, "datetime | None", bool], Converted]
"""Takes a body, the time when it was received (None: the time that it names itself), whether to account for it."""


class Direction(NamedTuple):
    """One way to transform: the `suffix` of what it gives, and how, by the format of what it takes.

    The first format is that of a body that is told to be of none.
    """

    suffix: str
    converters: Mapping[str, Convert]

    @property
    def formats(self) -> tuple[str, ...]:
        """The formats that it takes."""
        return tuple(self.converters)

    def convert(self, body: bytes, received: datetime | None, report: bool) -> Converted:
        """What becomes of a body."""
        from channels.formats import sniff  # noqa: PLC0415

        found = self.converters.get(sniff(body)) if len(self.converters) > 1 else None
        return (found or self.converters[self.formats[0]])(body, received, report)


def to_fhir(options: Path | None) -> Direction:
    """HL7 v2 or C-CDA to FHIR, with the options of the step in the YAML file `options`, read when first needed."""
    from schemas.message import CCDA, HL7V2  # noqa: PLC0415

    return Direction(".json", {HL7V2: _once(_v2_to_fhir, options), CCDA: _once(_ccda_to_fhir, options)})


def _once(build: Callable[[Path | None], Convert], options: Path | None) -> Convert:
    """What `build` makes of the options, made when the first body comes."""
    built = cache(build)

    def convert(body: bytes, received: datetime | None, report: bool) -> Converted:
        return built(options)(body, received, report)

    return convert


def _v2_to_fhir(options: Path | None) -> Convert:
    """HL7 v2 to FHIR, with the options of `v2_to_fhir`; raises `Failure`."""
    from engine.config.sample import RECEIVED  # noqa: PLC0415 - each direction loads its own maps
    from schemas.fhir import dumps  # noqa: PLC0415
    from schemas.hl7v2 import Er7, Hl7Error  # noqa: PLC0415
    from transforms.moments import moment  # noqa: PLC0415
    from transforms.v2_to_fhir import Options, convert  # noqa: PLC0415
    from transforms.v2_to_fhir.report import account  # noqa: PLC0415
    from transforms.v2_to_fhir.site import segment_functions  # noqa: PLC0415
    from transforms.v2_to_fhir.step import v2_to_fhir  # noqa: PLC0415

    given = _read_options(options, v2_to_fhir)
    for name, made_of in (("patient_identifiers", tuple), ("segments", segment_functions)):
        if given.get(name) is not None:
            given[name] = made_of(given[name])
    chosen = Options(**given)

    def one(body: bytes, received: datetime | None, report: bool) -> Converted:
        try:
            er7 = Er7.parse(body)
        except Hl7Error as error:
            return Converted(None, (_unreadable("V2-000", error.where or "MSH", error.args[0], error.hint),))
        now = received or _time(moment(er7.get("MSH-7.1"), chosen.time_zone or "Z").text) or RECEIVED
        made = convert(er7, chosen, now)
        uses = account(er7, chosen, now) if report else ()
        return Converted(None if made.bundle is None else dumps(made.bundle), made.findings, uses)

    return one


def _ccda_to_fhir(options: Path | None) -> Convert:
    """C-CDA to FHIR, with the options of `ccda_to_fhir`; raises `Failure`."""
    from engine.config.sample import RECEIVED  # noqa: PLC0415
    from schemas.ccda import CcdaError, Document  # noqa: PLC0415
    from schemas.fhir import dumps  # noqa: PLC0415
    from transforms.ccda_to_fhir import Options, convert  # noqa: PLC0415
    from transforms.ccda_to_fhir.report import account  # noqa: PLC0415
    from transforms.ccda_to_fhir.step import ccda_to_fhir  # noqa: PLC0415

    given = _read_options(options, ccda_to_fhir)
    chosen = Options(**given | {"patient_roots": tuple(given.get("patient_roots") or ())})

    def one(body: bytes, received: datetime | None, report: bool) -> Converted:
        try:
            document = Document.parse(body)
        except CcdaError as error:
            return Converted(None, (_unreadable("CCDA-000", "/ClinicalDocument", error.args[0], error.hint),))
        made = convert(document, chosen, received or RECEIVED)
        return Converted(dumps(made.bundle), made.findings, account(document, chosen) if report else ())

    return one


def to_hl7v2(options: Path | None) -> Direction:
    """FHIR to HL7 v2, with the options of `fhir_to_v2` in the YAML file `options`; raises `Failure`."""
    from engine.config.sample import RECEIVED  # noqa: PLC0415
    from schemas.fhir.error import FhirError  # noqa: PLC0415
    from schemas.fhir.read import read_exact  # noqa: PLC0415
    from schemas.ids import first_id_at  # noqa: PLC0415
    from schemas.message import FHIR, Message  # noqa: PLC0415
    from transforms.fhir_to_v2 import Options, convert  # noqa: PLC0415
    from transforms.fhir_to_v2.report import account  # noqa: PLC0415
    from transforms.fhir_to_v2.step import fhir_to_v2  # noqa: PLC0415

    given = _read_options(options, fhir_to_v2)

    def one(body: bytes, received: datetime | None, report: bool) -> Converted:
        try:
            resource = read_exact(body)
            now = received or _time(str(resource.get("timestamp"))) or RECEIVED
            message = Message(first_id_at(now), "transform", FHIR, body, now)
            chosen = Options(**given | {"control_id": message.fill(given.get("control_id", ""))})
        except FhirError as error:
            return Converted(None, (_unreadable("FHIR-000", error.where or "resourceType", error.args[0], error.hint),))
        made = convert(resource, chosen, now)
        uses = account(resource, chosen, now) if report else ()
        return Converted(None if made.message is None else made.message.encode(), made.findings, uses)

    return Direction(".hl7", {FHIR: one})


def to_ccda(options: Path | None) -> Direction:
    """FHIR or HL7 v2 to C-CDA, with the options of the step in the YAML file `options`, read when first needed."""
    from schemas.message import FHIR, HL7V2  # noqa: PLC0415

    return Direction(".xml", {FHIR: _once(_fhir_to_ccda, options), HL7V2: _once(_v2_to_ccda, options)})


def _fhir_to_ccda(options: Path | None) -> Convert:
    """FHIR to C-CDA, with the options of `fhir_to_ccda`; raises `Failure`."""
    from engine.config.sample import RECEIVED  # noqa: PLC0415
    from schemas.fhir.error import FhirError  # noqa: PLC0415
    from schemas.fhir.read import read_exact  # noqa: PLC0415
    from transforms.fhir_to_ccda import Options, convert  # noqa: PLC0415
    from transforms.fhir_to_ccda.report import account  # noqa: PLC0415
    from transforms.fhir_to_ccda.step import fhir_to_ccda  # noqa: PLC0415

    chosen = Options(**_read_options(options, fhir_to_ccda))

    def one(body: bytes, received: datetime | None, report: bool) -> Converted:
        try:
            resource = read_exact(body)
        except FhirError as error:
            return Converted(None, (_unreadable("FHIR-000", error.where or "resourceType", error.args[0], error.hint),))
        now = received or _time(str(resource.get("timestamp"))) or RECEIVED
        made = convert(resource, chosen, now)
        return Converted(made.document, made.findings, account(resource, chosen, now) if report else ())

    return one


def _v2_to_ccda(options: Path | None) -> Convert:
    """HL7 v2 to C-CDA, with the options of `v2_to_ccda`; raises `Failure`."""
    from engine.config.sample import RECEIVED  # noqa: PLC0415
    from schemas.hl7v2 import Er7, Hl7Error  # noqa: PLC0415
    from transforms.moments import moment  # noqa: PLC0415
    from transforms.v2_to_ccda import convert, options_of, v2_to_ccda  # noqa: PLC0415
    from transforms.v2_to_fhir.report import account  # noqa: PLC0415

    chosen = options_of(**_read_options(options, v2_to_ccda))

    def one(body: bytes, received: datetime | None, report: bool) -> Converted:
        try:
            er7 = Er7.parse(body)
        except Hl7Error as error:
            return Converted(None, (_unreadable("V2-000", error.where or "MSH", error.args[0], error.hint),))
        now = received or _time(moment(er7.get("MSH-7.1"), chosen.to_fhir.time_zone or "Z").text) or RECEIVED
        made = convert(er7, chosen, now)
        return Converted(made.document, made.findings, account(er7, chosen.to_fhir, now) if report else ())

    return one


DIRECTIONS: dict[str, Callable[[Path | None], Direction]] = {"fhir": to_fhir, "hl7v2": to_hl7v2, "ccda": to_ccda}
"""Every direction by what it leads to."""


def _read_options(file: Path | None, step: Callable[..., Any]) -> dict[str, Any]:
    """The arguments of `step` that are written in `file`; the files it names, and extensions/, lie beside it."""
    if file is None:
        return {}
    from engine.config.extensions import load_extensions  # noqa: PLC0415
    from engine.config.load import load, read  # noqa: PLC0415
    from engine.config.options import signature_of  # noqa: PLC0415
    from transforms import STEPS  # noqa: PLC0415

    content, problem = read(file, str(file))
    if problem is not None:
        raise Failure(f"{problem.where}: {problem.what}", "--options names a YAML file")
    loaded = load(content, str(file))
    if loaded.tree is None:
        found = loaded.findings[0]
        raise Failure(f"{found.where}: {found.what}", found.hint)
    if findings := load_extensions(file.parent, STEPS).findings:  # an option may name what they hold
        raise Failure(f"{findings[0].where}: {findings[0].what}", findings[0].hint)
    arguments, problems = signature_of(step).convert(loaded.tree, file.parent)
    if problems:
        wrong = problems[0]
        hint = wrong.hint or "docs/reference/steps.md lists the options"
        raise Failure(f"{file}:{wrong.node.line}: {wrong.what}", hint)
    return arguments


def _time(text: str) -> datetime | None:
    try:
        made = datetime.fromisoformat(text)
    except ValueError:
        return None
    return made if made.tzinfo is not None else None


def _unreadable(code: str, where: str, what: str, hint: str) -> Finding:
    from schemas.finding import Finding  # noqa: PLC0415

    return Finding(code, where, what, hint)
