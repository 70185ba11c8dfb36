"""`hie registry` as an operator calls it."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.journal import Journal
from engine.registry.files import loading
from engine.registry.loader import Loader
from schemas.ids import utc_now
from tests.engine.cli.conftest import Hie, Site

FILES = {
    "panels/riverside.csv": "member,family,given,birth_date,sex,authority,identifier\n"
    "17,Oxenham,Rosalind,1970-03-12,F,STANNE,4711\n",
    "registry/subscribers.yaml": "riverside: {delivery: direct, address: a@riverside.example}\n",
    "registry/providers.csv": 'npi,name,direct,city\n1234567893,"Hale, Ada",ada@direct.example,Peoria\n',
}
PID = b"MSH|^~\\&|ADT1|STANNE|||20261125||ADT^A01|M1|P|2.5.1\rPID|1||%s||%s||19700312|F\r"


@pytest.fixture
def loaded(site: Site) -> Site:
    for name, text in FILES.items():
        (site.folder / name).parent.mkdir(exist_ok=True)
        (site.folder / name).write_text(text)

    async def load(journal: Journal) -> None:
        for work in loading(site.folder, utc_now()):
            for step in (work,) if callable(work) else work.steps():
                await journal.change(step)

    site.journal(load)
    return site


def test_what_was_loaded_is_listed_and_audited(hie: Hie, loaded: Site) -> None:
    at = ("--site", loaded.folder)
    told = hie("registry", "list", *at, "--json").json
    assert [(each["name"], each["entries"]) for each in told["rosters"]] == [
        ("panel/riverside", 1), ("registry/providers.csv", 1)]  # fmt: skip
    assert [each["address"] for each in told["subscribers"]] == ["a@riverside.example"]
    assert "a@riverside.example" in hie("registry", "list", *at).out
    audited = hie("registry", "changes", *at, "--json").json
    assert [(each["what"], each["subject"], each["detail"]) for each in audited] == [
        ("load", "panel/riverside", "1 added, 0 changed, 0 ended"),
        ("load", "registry/providers.csv", "1 added, 0 changed, 0 ended"),
    ]
    assert len(hie("registry", "changes", "--limit", "1", *at).out.splitlines()) == 2


def test_providers_are_found(hie: Hie, loaded: Site) -> None:
    at = ("--site", loaded.folder)
    assert "direct ada@direct.example" in hie("registry", "providers", "--npi", "1234567893", *at).out
    assert [each["npi"] for each in hie("registry", "providers", "--name", "hale", *at, "--json").json] == [
        "1234567893"
    ]
    assert "nobody like that" in hie("registry", "providers", "--place", "Springfield", *at).err
    assert hie("registry", "providers", *at).status == 2


@pytest.mark.parametrize(
    ("number", "name", "status", "verdicts"),
    [
        (b"4711^^^STANNE", b"Oxenham^Rosalind", 0, ["match"]),
        (b"4712^^^STANNE", b"Oxenham^Rosalind", 0, ["review"]),
        (b"9^^^STJOHN", b"Hale^Bernard", 1, []),
    ],
)
def test_whose_patient_it_is_is_said_with_what_decided(
    hie: Hie, loaded: Site, number: bytes, name: bytes, status: int, verdicts: list[str]
) -> None:
    file = loaded.folder / "message.hl7"
    file.write_bytes(PID % (number, name))
    ran = hie("registry", "match", file, "--site", loaded.folder, "--json")
    assert (ran.status, [each["verdict"] for each in ran.json]) == (status, verdicts)
    text = hie("registry", "match", file, "--site", loaded.folder)
    assert ("riverside" in text.out) is bool(verdicts)


HEADING = "member,family,given,birth_date,sex\n"
MANY = HEADING + "".join(f"{n},Family{n},Given{n},19620101,M\n" for n in range(50))
GROUP = """{"resourceType": "Group", "type": "person", "actual": true, "member": [{"entity": {"reference": "#a"}}],
"contained": [{"resourceType": "Patient", "id": "a", "name": [{"family": "Oxenham"}]}]}"""
PRACTITIONERS = """{"resourceType": "Bundle", "type": "collection", "entry": [{"resource": {"resourceType":
"Practitioner", "identifier": [{"system": "http://hl7.org/fhir/sid/us-npi", "value": "1234567893"}],
"name": [{"family": "Hale"}]}}]}"""
ENDPOINTS = '"NPI","Endpoint Type","Endpoint"\n"1234567893","DIRECT","a@direct.example"\n'


@pytest.mark.parametrize(
    ("name", "text", "options", "place", "source"),
    [
        ("riverside.csv", MANY, (), "panels/riverside.csv", "panel/riverside"),
        ("export.csv", MANY, ("--name", "hillside"), "panels/hillside.csv", "panel/hillside"),
        ("riverside.hl7", PID.decode() % ("7", "Oxenham"), (), "panels/riverside.hl7", "panel/riverside"),
        ("hillside.json", GROUP, (), "panels/hillside.json", "panel/hillside"),
        ("out.csv", MANY, ("--opt-outs",), "registry/optouts.csv", "optout/"),
        ("out.csv", MANY, ("--opt-outs", "--name", "hillside"), "registry/optouts/hillside.csv", "optout/hillside"),
        ("providers.csv", FILES["registry/providers.csv"], (), "registry/providers.csv", "registry/providers.csv"),
        ("region.csv", FILES["registry/providers.csv"], (), "registry/providers/region.csv",
         "registry/providers/region.csv"),
        ("region.json", PRACTITIONERS, (), "registry/providers/region.json", "registry/providers/region.json"),
        ("endpoints.csv", ENDPOINTS, (), "registry/providers/endpoints.csv", "registry/providers/endpoints.csv"),
        ("any.yaml", FILES["registry/subscribers.yaml"], (), "registry/subscribers.yaml", "registry/subscribers.yaml"),
    ],
)  # fmt: skip
def test_a_file_is_taken_to_where_it_belongs_and_audited(
    hie: Hie, loaded: Site, tmp_path: Path, name: str, text: str, options: tuple[str, ...], place: str, source: str
) -> None:
    (tmp_path / name).write_text(text)
    ran = hie("registry", "import", tmp_path / name, *options, "--who", "ada", "--site", loaded.folder, "--json")
    assert [(each["name"], each["file"]) for each in ran.json] == [(source, place)]
    assert (loaded.folder / place).read_bytes() == text.encode()
    last = hie("registry", "changes", "--site", loaded.folder, "--json").json[0]
    assert (last["who"], last["what"], last["subject"]) == ("ada", "import", source)
    other = {"panels/riverside.hl7": "panels/riverside.csv"}.get(place)
    assert other is None or not (loaded.folder / other).exists(), "one roster has one form"
    assert not list(loaded.folder.rglob("*.part"))


@pytest.mark.parametrize(
    ("name", "text", "options", "what"),
    [
        ("riverside.csv", MANY + "1,Oxenham\n", (), "riverside.csv:52: the member's id stands in an earlier line"),
        ("riverside.csv", HEADING, (), "0 entries where 1 are loaded"),
        ("x.csv", "npi,name\n1234567890,Ada\n", (), "x.csv:2: the NPI's check digit is wrong"),
        ("x.yaml", "a: {}\n", (), "HIE205"),
        ("x.txt", "", (), "a file is .csv, .hl7, .json or .yaml"),
        ("x.json", "[]", (), "not JSON as it should be"),
        ("x.csv", MANY, ("--name", "../x"), "a name is letters"),
    ],
)
def test_what_is_wrong_is_not_taken(
    hie: Hie, loaded: Site, tmp_path: Path, name: str, text: str, options: tuple[str, ...], what: str
) -> None:
    (tmp_path / name).write_text(text)
    (tmp_path / "good.csv").write_text(MANY)
    files = [tmp_path / name] if options else [tmp_path / "good.csv", tmp_path / name]
    before = {path: path.read_bytes() for path in loaded.folder.rglob("*.*") if path.parent.name != "var"}
    ran = hie("registry", "import", *files, *options, "--site", loaded.folder)
    assert (ran.status, what in ran.err, "Oxenham" in ran.err) == (1, True, False)
    after = {path: path.read_bytes() for path in loaded.folder.rglob("*.*") if path.parent.name != "var"}
    assert after == before


def load_again(loaded: Site) -> None:
    """Load the site's files as a running engine does."""

    async def load(journal: Journal) -> None:
        await Loader(journal, utc_now).take_up(loaded.folder, 50)

    loaded.journal(load)


def test_a_confirmed_file_is_loaded_whoever_leaves(hie: Hie, loaded: Site, tmp_path: Path) -> None:
    (tmp_path / "riverside.csv").write_text(HEADING)
    assert hie("registry", "import", tmp_path / "riverside.csv", "--shrink", "--site", loaded.folder).status == 0
    load_again(loaded)
    held = hie("registry", "list", "--site", loaded.folder, "--json").json["rosters"]
    assert [each["entries"] for each in held if each["name"] == "panel/riverside"] == [0]


def test_a_roster_is_taken_out(hie: Hie, loaded: Site) -> None:
    at = ("--site", loaded.folder)
    assert "panels/riverside.csv" in hie("registry", "remove", "riverside", "--who", "ada", *at).out
    load_again(loaded)
    assert [each["name"] for each in hie("registry", "list", *at, "--json").json["rosters"]] == [
        "registry/providers.csv"
    ]
    audited = hie("registry", "changes", *at, "--json").json
    assert [(each["who"], each["what"]) for each in audited[:2]] == [("site files", "remove"), ("ada", "confirm")]
    assert hie("registry", "remove", "riverside", *at).status == 1


def test_all_that_is_known_goes_by_one_name(hie: Hie, loaded: Site) -> None:
    at = ("--site", loaded.folder)
    found = hie("registry", "show", "riverside", *at, "--json").json
    assert [(each["name"], each["members"], each["former"], each["subscribers"]) for each in found["rosters"]] == [
        ("panel/riverside", 1, 0, ["riverside"])
    ]
    assert [each["subscriber"]["address"] for each in found["subscribers"]] == ["a@riverside.example"]
    assert (found["members"], [each["what"] for each in found["changes"]]) == ([], ["load"])
    text = hie("registry", "show", "riverside", *at).out
    assert "a@riverside.example" in text
    assert "Oxenham" not in text, "members are counted"
    member = hie("registry", "show", "riverside", "--member", "17", *at, "--json").json["members"]
    assert [(each["member"], each["person"]["birth_date"]) for each in member] == [("17", "19700312")]
    assert "19700312" in hie("registry", "show", "panel/riverside", "--member", "17", *at).out
    provider = hie("registry", "show", "1234567893", *at, "--json").json["providers"]
    assert [(each["provider"]["name"], each["source"]) for each in provider] == [
        ("Hale, Ada", "registry/providers.csv")
    ]
    assert "ada@direct.example" in hie("registry", "show", "1234567893", *at).out
    assert hie("registry", "show", "registry/providers.csv", *at, "--json").json["rosters"][0]["members"] == 1
    assert hie("registry", "show", "nobody", *at).status == 1
    assert hie("registry", "show", "riverside", "--member", "18", *at).status == 1
