"""Messages of a few segments, converted, and what one looks for in the bundle."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from schemas.fhir import Resource
from schemas.hl7v2 import Er7
from transforms.v2_to_fhir import Conversion, Options, convert
from transforms.v2_to_fhir.options import Options as Choices
from transforms.v2_to_fhir.run import Run

NOW = datetime(2026, 3, 12, 9, 0, tzinfo=UTC)
PID = "PID|1||77^^^STANNE^MR||Vale^Ann||19610417|F"


def header(kind: str, version: str = "2.5.1") -> str:
    """The MSH of a message of that type: `header("ORU^R01")`."""
    return f"MSH|^~\\&|LAB|STANNE|HIE|REGION|20260312083015+0100||{kind}|M1|P|{version}"


def convert_text(kind: str, *segments: str, options: Options | None = None) -> Conversion:
    """The conversion of a message of that type with these segments behind its MSH."""
    text = "\r".join((header(kind), *segments)) + "\r"
    return convert(Er7.parse(text.encode()), options or Options(), NOW)


def resources(found: Conversion, resource_type: str) -> list[Resource]:
    """The resources of that type, in the order of the bundle."""
    assert found.bundle is not None
    entries = (entry["resource"] for entry in found.bundle["entry"])
    return [each for each in entries if each["resourceType"] == resource_type]


def only(found: Conversion, resource_type: str) -> Resource:
    """The one resource of that type."""
    (one,) = resources(found, resource_type)
    return one


def run_of(*segments: str, kind: str = "ORU^R01", options: Choices | None = None) -> Run:
    """A run over these segments in which nothing is converted yet, for a single map; segment n is `segments[n]`."""
    text = "\r".join((header(kind), *segments)) + "\r"
    return Run(Er7.parse(text.encode()), options or Choices(), NOW)


def extensions(element: dict[str, Any], url: str) -> list[Any]:
    """The values of the extensions with that URL, or with one that ends so."""
    found = []
    for each in element.get("extension", []):
        if each["url"].endswith(url):
            found += [value for name, value in each.items() if name != "url"]
    return found
