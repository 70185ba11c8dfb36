"""The provider directory: the site's own file, NPPES's, and FHIR Bundles, on either database."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from engine.journal import Journal
from engine.registry.directory import COLUMNS, read_directory
from engine.registry.directory_fhir import read_fhir_directory
from engine.registry.directory_load import DirectoryLoading
from engine.registry.files import loading, registry_of
from engine.registry.reads import DatabaseRegistry
from engine.registry.rosters import RosterError

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
OWN = "npi,kind,name,specialties,organizations,direct,city,postal_code\n"
HALE = '1234567893,,"Hale, Ada",207Q00000X;Family Medicine,1245319599,ada@direct.example,Springfield,62701\n'
CLINIC = "1245319599,organization,Riverside Clinic,,,,Springfield,62701\n"
NPPES = (
    '"NPI","Entity Type Code","Provider Organization Name (Legal Business Name)","Provider Last Name (Legal Name)",'
    '"Provider First Name","Provider Business Practice Location Address City Name",'
    '"Healthcare Provider Taxonomy Code_1","NPI Deactivation Date","NPI Reactivation Date"\n'
    '"1234567893","1","","HALE","ADA","SPRINGFIELD","207Q00000X","",""\n'
    '"1245319599","2","RIVERSIDE CLINIC","","","SPRINGFIELD","261Q00000X","",""\n'
    '"1003000126","1","","GONE","GUS","PEORIA","","01/02/2020",""\n'
)


def write(site: Path, text: str, name: str = "registry/providers.csv") -> None:
    (site / name).parent.mkdir(parents=True, exist_ok=True)
    (site / name).write_text(text)


async def load(journal: Journal, site: Path) -> tuple[int, ...] | None:
    """Load the site's one directory file: added, changed, left, entries; None where it is the same."""
    (work,) = (each for each in loading(site, NOW) if isinstance(each, DirectoryLoading))
    for step in work.steps():
        await journal.change(step)
    return None if work.loaded is None else tuple(work.loaded)


async def test_what_changes_in_the_file_changes_in_the_directory(journal_url: str, tmp_path: Path) -> None:
    journal = Journal(journal_url)
    await journal.open()
    write(tmp_path, OWN + HALE + CLINIC)
    assert await load(journal, tmp_path) == (2, 0, 0, 2)
    assert await load(journal, tmp_path) is None
    registry = DatabaseRegistry(journal.reading)
    ada = registry.provider("1234567893")
    assert ada is not None
    assert (ada.name, ada.kind, ada.organizations) == ("Hale, Ada", "practitioner", ("1245319599",))
    assert ada.endpoints == {"direct": "ada@direct.example"}
    assert [each.npi for each in registry.providers(place="springfield", name="clinic")] == ["1245319599"]
    assert [each.npi for each in registry.providers(specialty="family medicine")] == ["1234567893"]
    write(tmp_path, OWN + HALE.replace("Springfield", "Peoria"))
    assert await load(journal, tmp_path) == (0, 1, 1, 1)
    assert registry.provider("1245319599") is None
    assert [each.npi for each in registry.providers(place="peoria")] == ["1234567893"]
    assert registry.providers(place="springfield") == []
    await journal.close()


def test_nppes_is_read_as_it_comes(tmp_path: Path) -> None:
    write(tmp_path, NPPES, "registry/providers/nppes.csv")
    registry = registry_of(tmp_path)
    ada, clinic = registry.provider("1234567893"), registry.provider("1245319599")
    assert ada is not None
    assert clinic is not None
    assert (ada.name, ada.specialties, ada.city) == ("HALE, ADA", ("207Q00000X",), "SPRINGFIELD")
    assert (clinic.kind, clinic.name) == ("organization", "RIVERSIDE CLINIC")
    assert registry.provider("1003000126") is None, "it was deactivated"


ENDPOINTS = (
    '"NPI","Endpoint Type","Endpoint Type Description","Endpoint","Affiliation"\n'
    '"1234567893","DIRECT","Direct Messaging Address","ada@direct.example","N"\n'
    '"1234567893","DIRECT","Direct Messaging Address","other@direct.example","N"\n'
    '"1234567893","FHIR","FHIR URL","https://fhir.example/r4","N"\n'
    '"1234567893","REST","RESTful","https://rest.example","N"\n'
    '"1245319599","FHIR","FHIR URL","ask the front desk","N"\n'
)


async def test_nppes_endpoints_are_those_of_its_providers(journal_url: str, tmp_path: Path) -> None:
    journal = Journal(journal_url)
    await journal.open()
    write(tmp_path, NPPES, "registry/providers/npidata_pfile.csv")
    assert await load(journal, tmp_path) == (2, 0, 0, 2)
    write(tmp_path, ENDPOINTS, "registry/providers/endpoint_pfile.csv")
    assert await load(journal, tmp_path) == (0, 1, 0, 2)
    registry = DatabaseRegistry(journal.reading)
    ada, clinic = registry.provider("1234567893"), registry.provider("1245319599")
    assert ada is not None
    assert clinic is not None
    assert ada.endpoints == {"direct": "ada@direct.example", "fhir": "https://fhir.example/r4"}
    assert clinic.endpoints == {}
    await journal.close()


NPI = "http://hl7.org/fhir/sid/us-npi"


def resource(kind: str, id: str, npi: str = "", **more: Any) -> dict[str, Any]:
    """A resource with an NPI."""
    return {"resourceType": kind, "id": id, **({"identifier": [{"system": NPI, "value": npi}]} if npi else {}), **more}


def endpoint(id: str, connection: str, address: str, status: str = "active") -> dict[str, Any]:
    """An Endpoint."""
    return resource("Endpoint", id, connectionType={"code": connection}, address=address, status=status)


def to(kind: str, id: str) -> dict[str, str]:
    """A reference."""
    return {"reference": f"{kind}/{id}"}


ADA = resource("Practitioner", "ada", "1234567893", name=[{"family": "Hale", "given": ["Ada"]}])
HOUSE = resource("Organization", "house", "1245319599", name="Riverside Clinic", endpoint=[to("Endpoint", "f")])
ROLE = resource(
    "PractitionerRole",
    "r",
    practitioner=to("Practitioner", "ada"),
    organization=to("Organization", "house"),
    location=[to("Location", "l")],
    endpoint=[to("Endpoint", "old"), to("Endpoint", "d"), to("Endpoint", "m")],
    specialty=[{"coding": [{"code": "207Q00000X", "display": "Family Medicine"}]}],
)
BUNDLE: list[dict[str, Any]] = [
    ROLE,
    ADA,
    HOUSE,
    endpoint("old", "direct-project", "gone@direct.example", "off"),
    endpoint("d", "direct-project", "mailto:ada@direct.example"),
    endpoint("f", "hl7-fhir-rest", "https://fhir.example/r4"),
    endpoint("m", "hl7v2-mllp", "mllp://10.0.0.1:2575"),
    resource("Location", "l", address={"line": ["1 Main St"], "city": "Springfield", "postalCode": "62701"},
             telecom=[{"system": "phone", "value": "217-555-0100"}]),
    resource("Practitioner", "gus", "1003000126", name=[{"family": "Gone"}], active=False),
    resource("Practitioner", "student", name=[{"family": "Young"}]),
]  # fmt: skip


def bundle(*resources: dict[str, Any]) -> str:
    """A Bundle as it stands in the site's folder."""
    entries = [{"fullUrl": f"https://x/{each['resourceType']}/{each['id']}", "resource": each} for each in resources]
    return json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries})


async def test_a_bundle_is_read_with_what_its_providers_refer_to(journal_url: str, tmp_path: Path) -> None:
    journal = Journal(journal_url)
    await journal.open()
    write(tmp_path, bundle(*BUNDLE), "registry/providers.json")
    assert await load(journal, tmp_path) == (2, 0, 0, 2)
    registry = DatabaseRegistry(journal.reading)
    (ada,), (house,) = registry.providers(name="hale"), registry.providers(name="riverside")
    assert (ada.npi, ada.kind, ada.name, ada.organizations) == (
        "1234567893", "practitioner", "Hale, Ada", ("1245319599",))  # fmt: skip
    assert ada.endpoints == {"direct": "ada@direct.example", "mllp": "10.0.0.1:2575"}
    assert (ada.specialties, ada.city, ada.phone) == (("207Q00000X", "Family Medicine"), "Springfield", "217-555-0100")
    assert [each.npi for each in registry.providers(specialty="family medicine", place="62701")] == ["1234567893"]
    assert [each.npi for each in registry.providers(specialty="family medicine", place="springfield")] == ["1234567893"]
    assert (house.kind, house.endpoints) == ("organization", {"fhir": "https://fhir.example/r4"})
    await journal.close()


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (bundle({**ADA, "identifier": [{"system": NPI, "value": "1234567890"}]}),
         "Bundle.entry[0].resource.identifier: the NPI's check digit is wrong"),
        (bundle(ADA, HOUSE, ADA), "Bundle.entry[2].resource: an earlier entry has the NPI already"),
        (bundle({**HOUSE, "name": ""}), "Bundle.entry[0].resource"),
        (bundle(resource("Organization", "o", "1245319599")), "Bundle.entry[0].resource: the provider has no name"),
        (bundle({**ROLE, "specialty": "medicine"}), "Bundle.entry[0].resource.specialty: "),
        (bundle(ADA)[:-9], "not JSON"),
    ],
)  # fmt: skip
def test_what_is_no_directory_of_fhir_is_refused_at_its_entry(tmp_path: Path, text: str, what: str) -> None:
    write(tmp_path, text, "providers.json")
    with pytest.raises(RosterError, match=re.escape(what)):
        list(read_fhir_directory(tmp_path / "providers.json", "providers.json"))


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", r"csv:1: .*`npi` and `name`"),
        ("npi,surname\n", "there is no column 'surname'"),
        (OWN + HALE.replace("7893", "7894"), ":2: the NPI's check digit is wrong"),
        (OWN + HALE + HALE, ":3: the NPI stands in an earlier line"),
        (OWN + HALE.replace("1245319599", "12"), ":2: an NPI has ten digits"),
        (OWN + CLINIC.replace("organization", "clinic"), ":2: kind is"),
        (OWN + CLINIC.replace("Riverside Clinic", ""), ":2: the provider has no name"),
        (OWN + "a,b,c,d,e,f,g,h,i\n", ":2: 9 cells under 8 columns"),
    ],
)
def test_what_is_no_directory_is_refused_at_its_line(tmp_path: Path, text: str, what: str) -> None:
    write(tmp_path, text, "providers.csv")
    with pytest.raises(RosterError, match=what):
        list(read_directory(tmp_path / "providers.csv", "providers.csv"))


def test_the_manual_names_every_column() -> None:
    text = (Path(__file__).parents[3] / "docs/notifications.md").read_text()
    assert [name for name, meaning in COLUMNS.items() if f"| `{name}` | {meaning} |" not in text] == []
