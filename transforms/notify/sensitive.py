"""The step `drop_sensitive`: what the site does not pass on without the patient's consent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase

from schemas.fhir import Resource
from schemas.hl7v2 import Er7
from schemas.message import FHIR, HL7V2, Message
from transforms.step import Nothing, StepError, step

_CODES = tuple(
    f"{field}.{component}"
    for field in ("DG1[*]-3", "PV2[*]-3", "PR1[*]-3", "OBR[*]-4", "OBX[*]-3")
    for component in (1, 4)  # the code, and the alternate one: a local code has the known one beside it
)
_UNITS = ("PV1[*]-3.1", "PV1[*]-6.1", "PV1[*]-11.1", "PV1[*]-42.1", "PV1[*]-10")
_CONFIDENTIALITY = ("PV1[*]-16.1", "ORC[*]-28.1", "TXA[*]-18", "ARV[*]-3.1")


@step
def drop_sensitive(
    message: Message,
    *,
    codes: list[str] | None = None,
    units: list[str] | None = None,
    confidentiality: list[str] | None = None,
) -> Message | Nothing:
    """Stop a message that says one of these things, whoever it is for: diagnoses and tests that the law or the site
    keeps from others, the units that treat them, confidentiality codes.

    It looks at what the sender coded, and not at free text: it is a net below the sender's own duty, not in its place.

    Args:
        codes: Diagnoses, procedures and tests, points and case aside; `*` stands for any end: `[F10*, F11*, Z21, B20]`.
            DG1-3, PV2-3, PR1-3, OBR-4 and OBX-3, the alternate code too; in FHIR the codes of every coding.
        units: Points of care and services: PV1-3, PV1-6, PV1-10, PV1-11 and PV1-42. HL7 v2 only.
        confidentiality: Codes of PV1-16, ORC-28, TXA-18 and ARV-3; in FHIR of meta.security: `[R, V, ETH, HIV]`.
    """
    if not (codes or units or confidentiality):
        raise StepError("nothing is said to be sensitive", "write codes, units or confidentiality")
    if message.format == HL7V2:
        found = _says_er7(message.er7, codes or (), units or (), confidentiality or ())
    elif message.format == FHIR:
        if units and not (codes or confidentiality):
            raise StepError("units are told of HL7 v2 only", "put the step before the one that makes FHIR")
        found = _says_fhir(message.fhir, codes or (), confidentiality or ())
    else:
        raise StepError(f"a body that is {message.format} is not read here", "put the step before")
    return Nothing("it says what the site's lists call sensitive") if found else message


def _says_er7(er7: Er7, codes: Iterable[str], units: Iterable[str], confidentiality: Iterable[str]) -> bool:
    asked = ((_CODES, codes), (_UNITS, units), (_CONFIDENTIALITY, confidentiality))
    return any(_is_among(text, patterns) for paths, patterns in asked for path in paths for text in er7.get_all(path))


def _says_fhir(resource: Resource, codes: Iterable[str], confidentiality: Iterable[str]) -> bool:
    return any(
        _is_among(code, confidentiality if is_security else codes) for is_security, code in _coded(resource, False)
    )


def _coded(node: object, is_security: bool) -> Iterator[tuple[bool, str]]:
    """Every code of a coding below `node`, and whether it is a security label; without recursion over hostile depth."""
    waiting: list[tuple[object, bool]] = [(node, is_security)]
    while waiting:
        at, labelled = waiting.pop()
        if isinstance(at, list):
            waiting.extend((each, labelled) for each in at)
        elif isinstance(at, dict):
            code = at.get("code")
            if isinstance(code, str):
                yield labelled, code
            waiting.extend((each, labelled or name == "security") for name, each in at.items())


def _is_among(text: str, patterns: Iterable[str]) -> bool:
    plain = _plain(text)
    return bool(plain) and any(fnmatchcase(plain, _plain(pattern)) for pattern in patterns)


def _plain(text: str) -> str:
    return text.replace(".", "").strip().upper()
