"""Conversions as tests write them, and how two messages are compared."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from schemas.fhir import Resource
from schemas.hl7v2 import Er7
from schemas.hl7v2.escape import unescape
from transforms.fhir_to_v2 import Conversion, Options, convert
from transforms.moments import moment
from transforms.v2_to_fhir import Options as Forward
from transforms.v2_to_fhir import convert as forward

NOW = datetime(2026, 3, 12, 9, 0, tzinfo=UTC)

_NOT_CARRIED = {("MSH", 1), ("MSH", 2), ("MSH", 12), ("MSH", 13), ("MSH", 14), ("MSH", 15), ("MSH", 16), ("MSH", 18)}
_NOT_CARRIED |= {("MSH", 20)}
"""What belongs to the link and not to what the message says."""


def back(resource: Resource, **options: Any) -> Conversion:
    """What becomes of `resource`."""
    return convert(resource, Options(**options), NOW)


def segments(conversion: Conversion) -> dict[str, str]:
    """The first segment of each name, as text; the test fails where no message was made."""
    assert conversion.message is not None, conversion.findings
    found: dict[str, str] = {}
    for segment in conversion.message.segments:
        found.setdefault(segment.name, segment.text)
    return found


def there_and_back(body: bytes, *, bundle: str = "message", **options: Any) -> tuple[Er7, Er7 | None, Conversion]:
    """The message in `body`, what comes back of it by way of FHIR, and the way back's conversion."""
    sent = Er7.parse(body)
    converted = forward(sent, Forward(bundle=bundle), NOW)  # type: ignore[arg-type]
    assert converted.bundle is not None, converted.findings
    options = {"version": sent.version or "2.5.1", **options}
    conversion = back(converted.bundle, **options)
    return sent, conversion.message, conversion


def lost(sent: Er7, got: Er7) -> list[str]:
    """The addresses of the elements of `sent` that do not come back in `got` with an equal meaning."""
    found = {path: text for path, text, _ in leaves(got)}
    return [path for path, text, zone in leaves(sent) if not _is_equal(text, found.get(path, ""), zone)]


def leaves(er7: Er7) -> Iterator[tuple[str, str, str]]:
    """Each populated element with its address, its text and the zone of its times; what the link needs left out."""
    zone = next(iter(re.findall(r"[+-]\d{4}\Z", er7.get("MSH-7.1"))), "")
    delimiters = er7.delimiters
    for segment in er7.segments:
        name = segment.name if segment.occurrence == 1 else f"{segment.name}[{segment.occurrence}]"
        first = 3 if segment.name == "MSH" else 1
        for field, wire in enumerate(segment.fields[first:], first) if segment.name else ():
            if not wire or (segment.name, field) in _NOT_CARRIED:
                continue
            for repetition, value in enumerate(wire.split(delimiters.repetition), 1):
                for component, part in enumerate(value.split(delimiters.component), 1):
                    for sub, text in enumerate(part.split(delimiters.subcomponent), 1):
                        if text:
                            path = f"{name}-{field}[{repetition}].{component}.{sub}"
                            yield path, unescape(er7.decode_wire(text), delimiters), zone


def _is_equal(sent: str, got: str, zone: str) -> bool:
    if sent.strip() == got.strip():
        return True
    one, other = moment(sent, zone), moment(got, zone)
    if not one.text or not other.text:
        return False
    return one.text == other.text or _instant(one.text) == _instant(other.text)


def _instant(text: str) -> datetime | str:
    try:
        return datetime.fromisoformat(text).astimezone(UTC) if "T" in text else text
    except ValueError:
        return text
