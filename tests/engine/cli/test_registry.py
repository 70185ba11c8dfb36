"""`hie registry` as an operator calls it."""

from __future__ import annotations

import pytest

from engine.journal import Journal
from engine.registry.files import loading
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
