"""Resources that nobody here wrote: the open corpus at `HIE_CORPUS`, where it is."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from channels.formats import sniff
from schemas.fhir import Resource
from schemas.fhir.check import readable_path
from schemas.fhir.compare import differences
from schemas.fhir.error import FhirError
from schemas.fhir.path import FhirPath, text_of
from schemas.fhir.read import read_exact
from schemas.fhir.types import RESOURCES
from schemas.message import FHIR

CORPUS = Path(os.environ.get("HIE_CORPUS") or Path(__file__).resolve().parents[4] / "shared" / "corpus")
MOST_BYTES = 60_000


def leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Every value in `value` that has no parts, with its path."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if not name.startswith("_"):
                yield from leaves(inner, f"{path}.{name}")
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from leaves(inner, f"{path}[{number}]")
    elif value is not None:
        yield path, value


def of_r4(resource: Resource) -> bool:
    """Whether each resource in `resource` is of a type of R4; some guides show those of later releases."""
    inner = [entry.get("resource") for entry in resource.get("entry", ()) if isinstance(entry, dict)]
    types = [each.get("resourceType") for each in (resource, *inner) if isinstance(each, dict)]
    return None not in inner and all(type in RESOURCES for type in types)


@pytest.mark.timeout(300)
def test_every_value_of_the_corpus_is_found_by_its_path(capsys: pytest.CaptureFixture[str]) -> None:
    files = sorted((CORPUS / "fhir-ig-examples").rglob("*.json"))
    resources = values = 0
    for file in files:
        body = file.read_bytes()
        try:
            resource = read_exact(body)
        except FhirError:
            continue  # a listing of a package, and whatever else is no resource
        assert sniff(body) == FHIR
        assert differences(body, body) == []
        if len(body) > MOST_BYTES or not of_r4(resource):
            continue
        resources += 1
        for path, value in leaves(resource, resource["resourceType"]):
            values += 1
            place = FhirPath.parse.__wrapped__(path)  # type: ignore[attr-defined] # the cache is for a channel's paths
            assert [text_of(each) for each in place.select(resource)] == [text_of(value)], f"{file}: {path}"
            readable_path(path)
    with capsys.disabled():
        print(f"\n{resources} of {len(files)} FHIR files of the corpus, {values} values by their paths")
    assert resources > 100 or not files
