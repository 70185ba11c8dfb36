"""The documents that a result message brings along: PDFs in OBX of the type ED."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from schemas.content import Kind, recognize
from transforms.labs.orders import Order
from transforms.v2_to_fhir.datatypes.attachments import from_base64


class Embedded(NamedTuple):
    """A PDF at `where` (`OBX[2]-5`); `data` is empty where it cannot be read."""

    where: str
    data: bytes


def embedded_pdfs(found: Iterable[Order]) -> Iterator[Embedded]:
    """The PDFs in the orders of a result message, those that are deleted or wrong (OBX-11 D, W, X) left out."""
    for order in found:
        for obx in order.named("OBX"):
            if obx.text(2) != "ED" or obx.text(11) in ("D", "W", "X"):
                continue
            for number, value in enumerate(obx[5], start=1):
                data = _decoded(value.part(4)[1], value.part(5)[1])
                if recognize(data) is Kind.PDF:
                    yield Embedded(obx.where(5, number), data)
                elif "PDF" in (value[2].upper(), value[3].upper()):
                    yield Embedded(obx.where(5, number), b"")


def _decoded(encoding: str, text: str) -> bytes:
    """The bytes of ED-5 by ED-4 (HL7 table 0299); b"" where they are not what it says."""
    try:
        if encoding.upper() == "HEX":
            return bytes.fromhex(text)
        return from_base64("".join(text.split()))
    except ValueError:
        return b""
