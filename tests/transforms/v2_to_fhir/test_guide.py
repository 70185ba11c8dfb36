"""HL7's v2-to-FHIR guide, row by row: each that names a FHIR target is done, or `deviations.csv` says why it is not."""

import importlib
import pkgutil
from collections import Counter

import pytest

from tests.transforms.v2_to_fhir.guide_walk import is_done
from transforms.v2_to_fhir import datatypes, messages, segments
from transforms.v2_to_fhir.guide import Row, deviations, rows

pytestmark = pytest.mark.timeout(600)  # a minute of work, on a machine that may have other work

IN_PLACE = {
    "CWE[code]": "put_code",
    "DLD[Location-Discharge]": "dld_location",
    "EI[Identifier-DefaultAssigner]": "ei_identifier",
    "EI[Identifier-Organization]": "ei_identifier",
    "EIP[Identifier-FillerAssignedIdentifier]": "group_numbers",
    "EIP[Identifier-PlacerAssignedIdentifier]": "group_numbers",
    "HD[uri]": "system_of",
    "ID[CodeableConcept-UniversalID]": "hd_organization_resource",
    "ID[code]": "put_code",
    "ID[string]": "text",
    "MSG[code]": "msh_encounter",
    "ST[Identifier]": "text",
    "TS[dateTime]": "put_date_time",
}
"""Maps of a single part that have no function of their own, and what does them."""
KINDS = ("message", "segment", "datatype")


def shown(row: Row) -> str:
    return f"{row.map} {row.identifier} -> {row.path} {row.assignment}".strip()


@pytest.mark.parametrize("kind", KINDS)
def test_every_row_is_done_or_has_a_stated_reason(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    counts: Counter[str] = Counter()
    neither = []
    for row in rows():
        if row.kind != kind:
            continue
        state = "done" if is_done(row) else "stated reason" if row.deviation else "neither"
        counts[state] += 1
        if state == "neither":
            neither.append(shown(row))
    with capsys.disabled():
        print(f"\nguide: {counts.total()} rows of {kind} maps: {dict(counts)}")
    assert neither == []


def test_every_deviation_is_of_a_row_that_is_not_done_and_has_its_reason(capsys: pytest.CaptureFixture[str]) -> None:
    assert [each for each in deviations() if not each.reason or not any(each.covers(row) for row in rows())] == []
    over = [each for each in deviations() if all(is_done(row) for row in rows() if each.covers(row))]
    with capsys.disabled():
        print(f"\nguide: {len(deviations())} deviations")
    assert over == []


def test_every_map_is_a_function_of_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    names = {
        name
        for package in (datatypes, segments, messages)
        for module in pkgutil.iter_modules(package.__path__, package.__name__ + ".")
        for name in vars(importlib.import_module(module.name))
    }
    wanted = {row.map: row.function for row in rows()}
    missing = sorted(map for map, function in wanted.items() if function not in names)
    stated = {row.map for row in rows() if row.deviation} | IN_PLACE.keys()
    with capsys.disabled():
        print(f"\nguide: {len(wanted)} maps, {len(wanted) - len(missing)} of them functions of their name")
    assert [map for map in missing if map not in stated] == []
