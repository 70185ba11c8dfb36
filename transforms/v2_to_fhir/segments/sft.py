"""SFT: the software that a message came through."""

from __future__ import annotations

from schemas.fhir import Element, Resource
from transforms.elements import R5, absent, add_extension, put
from transforms.v2_to_fhir.datatypes.authorities import xon_organization, xon_string
from transforms.v2_to_fhir.datatypes.times import put_date_time
from transforms.v2_to_fhir.run import Run
from transforms.v2_to_fhir.source import SourceSegment


def sft_message_header(sft: SourceSegment, run: Run) -> None:
    """SFT[MessageHeader]: name and version of the software that sends, which is the first that the message names."""
    source: Element = run.header.setdefault("source", {})
    put(source, "software", sft.text(3))
    put(source, "version", sft.text(2))


def sft_device(sft: SourceSegment, run: Run) -> Resource:
    """SFT[Device]: the software, the same whichever message came through it."""
    vendor = sft.first(1)
    name, version, binary = sft.text(3), sft.text(2), sft.text(4)
    device = run.add("Device", run.sender, "software", xon_string(vendor), name, version, binary)
    device["type"] = {"text": "software"}
    put(device, "manufacturer", xon_string(vendor))
    owner = xon_organization(vendor, run) if vendor is not None and vendor.has(10) else None
    put(device, "owner", owner)
    if name:
        device["deviceName"] = [{"name": name, "type": "manufacturer-name"}]
    put(device, "modelNumber", binary)
    if version or sft.has(6):
        device["version"] = [_version(sft, version, run)]
    note = sft.text(5)
    if note:
        device["note"] = [{"text": note}]
    return device


def _version(sft: SourceSegment, version: str, run: Run) -> Element:
    element: Element = {"value": version} if version else {"_value": absent("unknown")}
    if sft.has(6):
        installed: Element = {"url": f"{R5}Device.version.installDate"}
        put_date_time(installed, "valueDateTime", sft.text(6), run, sft.where(6))
        add_extension(element, installed)
    return element
