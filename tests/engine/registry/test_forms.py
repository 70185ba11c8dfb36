"""Rosters as HL7 v2 and as FHIR: who is a member by them, dated, and what is refused without being quoted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.journal import Journal
from engine.registry.files import loading, registry_of
from engine.registry.reads import DatabaseRegistry
from engine.registry.roster_group import read_group
from engine.registry.roster_hl7 import read_hl7_roster
from engine.registry.roster_load import RosterLoading
from engine.registry.rows import RosterError
from schemas.ids import utc_now
from tests.engine.registry.test_registry import NOW, PETER, ROSALIND, TODAY, ids, write

A_ROSALIND = "17^^^RIV^MR~4711^^^STANNE||Oxenham^Rosalind||19700312|F|||1 Main St^^Springfield^IL^62701"
A_PETER = "18^^^RIV^MR||Ward^Peter||19620101|M"


def adt(event: str, pid: str, evn: str = "", after: str = "", kind: str = "ADT") -> str:
    """A message of that event."""
    return f"MSH|^~\\&|EHR|RIV|||20261120||{kind}^{event}|1|P|2.5.1\rEVN||20261120||||{evn}\rPID|1||{pid}\r{after}"


def batch(*messages: str, count: int | None = None) -> str:
    """A file with one batch."""
    declared = len(messages) if count is None else count
    return f"FHS|^~\\&\rBHS|^~\\&\r{''.join(messages)}BTS|{declared}\rFTS|1\r"


def of_hl7(folder: Path, text: str) -> list[tuple[str, int | None, int | None]]:
    write(folder, "a.hl7", text)
    return [(each.member, each.since, each.until) for each in read_hl7_roster(folder / "a.hl7", "a.hl7")]


MRG = "MRG|17^^^RIV\r"


@pytest.mark.parametrize(
    ("text", "members"),
    [
        (adt("A28", A_ROSALIND) + adt("A04", A_PETER), [("17", None, None), ("18", None, None)]),
        (batch(adt("A31", A_ROSALIND), adt("A01", A_PETER)), [("17", None, None), ("18", None, None)]),
        (batch(), []),
        (adt("A28", A_ROSALIND, "20261001"), [("17", 20261001, None)]),
        (adt("A28", A_ROSALIND, "20261001") + adt("A31", A_ROSALIND, "20261101"), [("17", 20261001, None)]),
        (adt("A28", A_ROSALIND) + adt("A29", A_ROSALIND, "20261102"), [("17", None, 20261102)]),
        (adt("A28", A_ROSALIND) + adt("A29", A_ROSALIND), [("17", None, 20261120)]),
        (adt("A29", A_ROSALIND) + adt("A28", A_ROSALIND), [("17", None, None)]),
        (adt("A28", A_ROSALIND) + adt("A40", A_PETER, after=MRG), [("18", None, None)]),
        (adt("A28", A_ROSALIND) + adt("A23", A_ROSALIND) + adt("A03", A_PETER), [("17", None, None)]),
        (adt("A28", "4711^^^STANNE~17^^^RIV||A") + adt("A28", A_ROSALIND), [("4711", None, None)]),
        (adt("A28", "1^^^RIV&1.2.3&ISO||A") + adt("A28", "2^^^&1.2.3||B"), [("1", None, None), ("2", None, None)]),
        (batch(adt("A28", A_ROSALIND)).replace("\r", "\r\n"), [("17", None, None)]),
        (f"\x0b{adt('A28', A_ROSALIND)}\x1c\r", [("17", None, None)]),
    ],
)
def test_the_last_message_about_a_person_counts(
    tmp_path: Path, text: str, members: list[tuple[str, int | None, int | None]]
) -> None:
    assert of_hl7(tmp_path, text) == members


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "a.hl7: the file has no message"),
        ("member,family\r1,Oxenham\r", "a.hl7:1: the line belongs to no message"),
        (batch(adt("A28", A_ROSALIND), count=2), "a.hl7:6: BTS-1 declares 2 messages, 1 are there"),
        (batch(adt("A28", A_ROSALIND)).partition("BTS")[0], "BHS has no trailer; the file was cut off"),
        (batch(adt("A28", A_ROSALIND)).partition("FTS")[0], "FHS has no trailer"),
        (adt("A28", A_ROSALIND) + "BTS|1\r", "a.hl7:4: BTS without its BHS"),
        (batch(adt("A28", A_ROSALIND)).replace("FTS|1", "FTS|3"), "FTS-1 declares 3 batches, 1 are there"),
        (adt("R01", A_ROSALIND, kind="ORU"), "a.hl7:1: the message is no ADT"),
        (adt("A28", A_ROSALIND) + adt("A28", "||Oxenham"), "a.hl7:4: PID-3 has no number"),
        (adt("A28", A_ROSALIND) + adt("A28", "5^^^STANNE||Oxenham"), "a.hl7:4: PID-3 has no number of the authority"),
        (adt("A40", A_ROSALIND), "a.hl7:1: PID and MRG must be there"),
        (adt("A40", A_ROSALIND, after="MRG|17^^^STANNE\r"), "MRG-1 has no number"),
        (adt("A28", A_ROSALIND, after="PID|2||1||Oxenham\r"), "a.hl7:1: PID must be there, and once"),
        (adt("A28", f"{A_ROSALIND}{'x' * (1 << 20)}"), "a message of more than 1 MB"),
    ],
)
def test_what_is_no_roster_of_hl7_is_refused_at_its_line(tmp_path: Path, text: str, what: str) -> None:
    with pytest.raises(RosterError) as refusal:
        of_hl7(tmp_path, text)
    assert what in str(refusal.value)
    assert "Oxenham" not in str(refusal.value)


def patient(id: str, mrn: str = "", **more: Any) -> dict[str, Any]:
    """Rosalind, as a Patient."""
    made = {"resourceType": "Patient", "id": id, "name": [{"family": "Oxenham", "given": ["Rosalind"]}]}
    numbers = {
        "identifier": [{"system": "urn:x", "value": "card"}, {"value": mrn, "type": {"coding": [{"code": "MR"}]}}]
    }
    return {**made, "birthDate": "1970-03-12", "gender": "female", **(numbers if mrn else {}), **more}


def member(reference: str, start: str = "", end: str = "", **more: Any) -> dict[str, Any]:
    """One `Group.member`."""
    period = {name: value for name, value in (("start", start), ("end", end)) if value}
    return {"entity": {"reference": reference}, **({"period": period} if period else {}), **more}


def group(*members: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A Group of persons."""
    made = {"resourceType": "Group", "type": "person", "actual": True, **more}
    return {**made, "member": list(members)} if members else made


def bundle(*resources: dict[str, Any], url: str = "urn:uuid:{}") -> dict[str, Any]:
    """A Bundle whose entries are called by their ids."""
    entries = [{"fullUrl": url.format(each.get("id", "g")), "resource": each} for each in resources]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


def of_fhir(folder: Path, content: object) -> list[tuple[str, int | None, int | None]]:
    write(folder, "a.json", content if isinstance(content, str) else json.dumps(content))
    return [(each.member, each.since, each.until) for each in read_group(folder / "a.json", "a.json")]


@pytest.mark.parametrize(
    ("content", "members"),
    [
        (bundle(group(member("Patient/a")), patient("a", "17")), [("17", None, None)]),
        (bundle(patient("a", "17"), group(member("urn:uuid:a"))), [("17", None, None)]),
        (bundle(patient("a"), patient("b"), group(member("Patient/a"))), [("a", None, None)]),
        (bundle(group(member("http://x/fhir/Patient/a")), patient("a"), url="http://x/fhir/Patient/{}"),
         [("a", None, None)]),
        (group(member("#a"), contained=[patient("a")]), [("a", None, None)]),
        (bundle(patient("a"), group(member("Patient/a", "2026-10-01", "2026-12-31"))), [("a", 20261001, 20270101)]),
        (bundle(patient("a"), group(member("Patient/a", "2026", "2026-11"))), [("a", 20260101, 20261201)]),
        (bundle(patient("a"), group(member("Patient/a", "2026-10-01T08:00:00Z", "2026"))), [("a", 20261001, 20270101)]),
        (bundle(patient("a"), group(member("Patient/a", "2026"), member("Patient/a", "2020", "2021"))),
         [("a", 20260101, None)]),
        (bundle(patient("a"), patient("b"), group(member("Patient/a", inactive=True), member("Patient/b"))),
         [("b", None, None)]),
        (bundle(patient("a"), group(member("Patient/a"), active=False)), []),
        (bundle(group()), []),
        (bundle(patient("a", name=[{"family": "x" * (3 << 20)}]), group(member("Patient/a"))), [("a", None, None)]),
    ],
)  # fmt: skip
def test_who_is_a_member_of_the_group(
    tmp_path: Path, content: object, members: list[tuple[str, int | None, int | None]]
) -> None:
    assert of_fhir(tmp_path, content) == members


ONE = bundle(group(member("Patient/a")), patient("a"))


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("", "a.json: a.json: not JSON"),
        ("[]", "not JSON as it should be"),
        ("{}", "no FHIR Bundle"),
        (json.dumps(ONE)[:-20], "not JSON"),
        (json.dumps(ONE) + "x", "text after its end"),
        (json.dumps(ONE).replace('"Rosalind"', "NaN"), "Bundle.entry[1].resource: not JSON"),
        (json.dumps(ONE).replace('"Rosalind"', "1" * 5_000), "Bundle.entry[1].resource: a number of thousands"),
        (json.dumps(ONE).replace('"Rosalind"', '"\\ud800"'), "Bundle.entry[1].resource: not JSON"),
        (json.dumps(ONE).replace('"Rosalind"', "[" * 100_000), "Bundle.entry[1].resource: n"),
        (json.dumps(ONE).replace('"id": "a"', '"id": "a", "id": "b"'), "an element stands twice"),
        (bundle(patient("a")), "a.json: the file has no Group"),
        (bundle(group(), group()), "Bundle.entry[1].resource: a second Group"),
        (bundle({**group(member("Patient/a")), "actual": False}, patient("a")), "type person that is actual"),
        (bundle({**group(member("Patient/a")), "type": "device"}, patient("a")), "type person that is actual"),
        (bundle(group(member("Patient/b")), patient("a")), "1 members whose Patient is not in the file"),
        (bundle(group(member("Patient/a"), {"entity": {"display": "Oxenham"}})), ".member[1].entity: has no literal"),
        (bundle(group({"inactive": "no", "entity": {}})), "Bundle.entry[0].resource.member[0].inactive: "),
        (bundle(group(member("Patient/a", "soon")), patient("a")), ".resource.member[0].period.start: "),
        (bundle(group(member("Patient/a")), patient("a", birthDate="12/03/1970")), "entry[1].resource.birthDate: "),
        (bundle(group(member("Patient/a")), patient("a", name="Oxenham")), "entry[1].resource.name: "),
        (bundle(group(member("Patient/a"), member("Patient/b")), patient("a", "17"), patient("b", "17")),
         "entry[2].resource: an earlier Patient has the member's id"),
    ],
)  # fmt: skip
def test_what_is_no_roster_of_fhir_is_refused_at_its_entry(tmp_path: Path, content: object, what: str) -> None:
    with pytest.raises(RosterError) as refusal:
        of_fhir(tmp_path, content)
    assert what in str(refusal.value)
    assert "Oxenham" not in str(refusal.value)


@given(
    content=st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(["resourceType", "entry", "resource", "member", "entity", "contained"]), inner
            )
        ),
    )
)
def test_any_json_is_a_roster_or_refused(tmp_path_factory: pytest.TempPathFactory, content: object) -> None:
    folder = tmp_path_factory.getbasetemp()
    with pytest.raises(RosterError):
        of_fhir(folder, content)
    with pytest.raises(RosterError):
        of_fhir(folder, {"resourceType": "Bundle", "entry": [{"resource": content}]})


@pytest.mark.parametrize(
    ("name", "text", "later"),
    [
        ("a.hl7", adt("A28", A_ROSALIND) + adt("A28", A_PETER),
         adt("A28", A_ROSALIND) + adt("A29", A_PETER, "20261110")),
        ("a.json", json.dumps(bundle(group(member("Patient/17"), member("Patient/18")), patient("17"),
                                     patient("18", name=[{"family": "Ward", "given": ["Peter"]}], gender="male",
                                             birthDate="1962-01-01"))),
         json.dumps(bundle(group(member("Patient/17"), member("Patient/18", end="2026-11-09")), patient("17"),
                           patient("18", name=[{"family": "Ward", "given": ["Peter"]}], gender="male",
                                   birthDate="1962-01-01")))),
    ],
    ids=["HL7", "FHIR"],
)  # fmt: skip
async def test_adds_and_removals_are_dated_on_either_database(
    journal_url: str, tmp_path: Path, name: str, text: str, later: str
) -> None:
    journal = Journal(journal_url)
    await journal.open()

    async def load() -> tuple[int, ...] | None:
        (work,) = (each for each in loading(tmp_path, NOW) if isinstance(each, RosterLoading))
        for step in work.steps():
            await journal.change(step)
        return None if work.loaded is None else tuple(work.loaded)

    write(tmp_path, f"panels/{name}", text)
    assert await load() == (2, 0, 0, 2)
    registry = DatabaseRegistry(journal.reading)
    assert ids(registry, ROSALIND, TODAY) == [("a", "17")]
    assert ids(registry, PETER, TODAY) == [("a", "18")]
    write(tmp_path, f"panels/{name}", later)
    assert await load() == (0, 1, 0, 2)
    assert ids(registry, PETER, TODAY) == []
    assert ids(registry, PETER, TODAY.replace(day=5)) == [("a", "18")]
    write(tmp_path, f"panels/{name}", later + "\n")
    assert await load() == (0, 0, 0, 2), "who has ended is not added a second time"
    await journal.close()


@pytest.mark.parametrize("most", range(1, 6))
def test_a_look_at_the_beginning_of_a_roster_refuses_none_that_is_right(tmp_path: Path, most: int) -> None:
    people = [patient(id) for id in "abc"]
    write(tmp_path, "a.json", json.dumps(bundle(*people, group(*(member(f"Patient/{id}") for id in "abc")))))
    write(tmp_path, "a.hl7", batch(adt("A28", A_ROSALIND), adt("A28", A_PETER)))
    assert len(list(read_group(tmp_path / "a.json", "a.json", most))) <= 3
    assert len(list(read_hl7_roster(tmp_path / "a.hl7", "a.hl7", most))) == min(most, 2)


def test_opt_outs_come_in_the_same_forms(tmp_path: Path) -> None:
    write(tmp_path, "registry/optouts.hl7", adt("A28", A_ROSALIND))
    write(tmp_path, "registry/optouts/riverside.json", json.dumps(ONE))
    found = registry_of(tmp_path).opted_out(ROSALIND, utc_now().date())
    assert sorted((each.panel, each.member) for each in found) == [("", "17"), ("riverside", "a")]


def test_one_roster_in_two_forms_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "panels/a.hl7", adt("A28", A_ROSALIND))
    write(tmp_path, "panels/a.csv", "member\n1\n")
    with pytest.raises(RosterError, match=r"panels/a\.hl7 is the same roster"):
        registry_of(tmp_path)
