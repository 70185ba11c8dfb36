"""SFT: the software that the message came through."""

from __future__ import annotations

from transforms.elements import R5
from transforms.fhir_node import Node
from transforms.fhir_to_v2.datatypes.authorities import xon_of
from transforms.fhir_to_v2.datatypes.times import dtm_of
from transforms.fhir_to_v2.line import Line
from transforms.fhir_to_v2.run import Run


def sfts_of(run: Run) -> None:
    """Device[SFT]: each software that the Provenance of the message names."""
    for provenance in run.of_type("Provenance"):
        for entity in provenance.all("entity"):
            what = entity.one("what")
            device = run.resolve(what) if what.has("reference") else what
            if device.peek("resourceType") == "Device" and device.path not in run.done:
                sft_of(device, run)


def sft_of(device: Node, run: Run) -> Line:
    """Device[SFT]."""
    sft = run.line("SFT", device)
    device.one("type").text("text")
    name = device.text("manufacturer")
    sft.put(1, xon_of(device.one("owner"), run) if device.has("owner") else name)
    version = device.one("version")
    sft.put(2, version.text("value"))
    label = device.one("deviceName")
    label.text("type")
    sft.put(3, label.text("name"))
    sft.put(4, device.text("modelNumber"))
    sft.put(5, device.one("note").text("text"))
    sft.put(6, dtm_of(version.extension(f"{R5}Device.version.installDate"), "valueDateTime", run))
    return sft
