"""The messages that ship are what their names say, and valid."""

import re
from pathlib import Path

import pytest

from schemas.hl7v2 import Er7, split_batch
from schemas.hl7v2.validate import validate

FOLDER = Path(__file__).parents[1] / "samples" / "hl7v2"
FILES = sorted(FOLDER.glob("*.hl7"))
DAMAGED = {"damaged_cut_off.hl7"}
EVENTS = (
    *("adt_a01", "adt_a02", "adt_a03", "adt_a04", "adt_a05", "adt_a06", "adt_a08", "adt_a11", "adt_a13", "adt_a17"),
    *("adt_a28", "adt_a31", "adt_a40", "adt_a44", "adt_a60", "bar_p01", "dft_p03"),
    *("omg_o19", "oml_o21", "orm_o01", "oru_r01", "oul_r22"),
    *("mdm_t02", "mdm_t11", "omp_o09", "ppr_pc1", "qbp_q22", "rde_o11", "rds_o13", "ref_i12", "rri_i12", "rsp_k22"),
    *("siu_s12", "siu_s15", "vxu_v04", "ack"),
)


def messages(file: Path) -> list[Er7]:
    return [Er7.parse(each.body) for each in split_batch(file.read_bytes()).messages]


def test_each_event_that_a_hospital_sends_has_a_sample() -> None:
    assert {f"{event}.hl7" for event in EVENTS} <= {file.name for file in FILES}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_sample_is_what_its_name_says(file: Path) -> None:
    named = re.search(r"([a-z]{3})_([a-z]\d\d)", file.stem)
    for message in messages(file):
        if named is not None:
            assert (message.get("MSH-9.1"), message.get("MSH-9.2")) == (named[1].upper(), named[2].upper())
            assert message.get("MSH-11") == ("T" if file.stem.endswith("_test") else "P")
        assert file.stem.startswith("batch") or len(messages(file)) == 1


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_sample_has_carriage_returns_alone(file: Path) -> None:
    content = file.read_bytes()
    assert content.endswith(b"\r")
    assert b"\n" not in content


@pytest.mark.parametrize("file", [file for file in FILES if file.name not in DAMAGED], ids=lambda file: file.stem)
def test_sample_is_valid(file: Path) -> None:
    for message in messages(file):
        assert [str(finding) for finding in validate(message)] == []


@pytest.mark.parametrize("name", sorted(DAMAGED))
def test_damaged_sample_is_found_out(name: str) -> None:
    (message,) = messages(FOLDER / name)
    assert any(finding.severity == "error" for finding in validate(message))


def test_control_ids_are_told_apart() -> None:
    ids = [message.get("MSH-10") for file in FILES if file.name not in DAMAGED for message in messages(file)]
    assert len(ids) == len(set(ids))
    assert all(0 < len(id) <= 20 for id in ids)  # versions before 2.7 foresee 20 characters


def test_list_of_samples_names_every_file() -> None:
    listed = re.findall(r"^\| `(\S+)` \|", (FOLDER.parent / "README.md").read_text(), re.MULTILINE)
    stems = {file.stem for file in FILES}
    own = [file.name for file in (FOLDER.parent / "fhir").glob("*.json") if file.stem not in stems]
    others = [file.name for kind in ("direct/*.eml", "ccda/*.xml") for file in FOLDER.parent.glob(kind)]
    assert sorted(listed) == sorted([*(file.name for file in FILES), *own, *others])
