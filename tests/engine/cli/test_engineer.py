"""What an engineer asks before anything runs: check, test, try, schema, validate."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine.cli.conftest import Hie
from tests.engine.harness import adt
from tests.schemas.ccda.documents import VALID

CHANNEL = """\
channel: adt
inbound:
  mllp: {listen: 127.0.0.1:2575}
steps:
  - keep: {MSH-9.1: ADT}
routes:
  - route: archive
    outbound:
      file: {folder: out}
  - route: practice
    when: {MSH-9.2: A01}
    outbound:
      file: {folder: practice}
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A site with one channel, and a message."""
    (tmp_path / "channels").mkdir()
    (tmp_path / "channels" / "adt.yaml").write_text(CHANNEL)
    (tmp_path / "message.hl7").write_bytes(adt("C1", "4711"))
    return tmp_path


def test_a_good_site_passes_the_check(hie: Hie, site: Path) -> None:
    ran = hie("check", site)
    assert (ran.status, ran.out) == (0, "")
    assert "1 channels can run; 0 errors, 0 warnings" in ran.err


def test_the_check_names_file_line_number_and_hint(hie: Hie, site: Path) -> None:
    (site / "channels" / "adt.yaml").write_text(CHANNEL.replace("keep:", "kepe:"))
    ran = hie("check", site)
    assert ran.status == 1
    assert ran.out.startswith("channels/adt.yaml:5: HIE203 there is no step 'kepe' (did you mean keep?)")
    told = hie("check", site, "--json")
    assert told.status == 1
    assert [each["code"] for each in told.json["findings"]] == ["HIE203"]


def test_a_warning_fails_the_check_only_when_it_is_strict(hie: Hie, site: Path) -> None:
    (site / "channels" / "adt.yaml").write_text(CHANNEL.replace("127.0.0.1", "0.0.0.0"))
    ran = hie("check", site)
    assert ran.status == 0
    assert "HIE402 warning: " in ran.out
    assert hie("check", site, "--strict").status == 1


def test_a_site_that_is_not_there_fails_the_check(hie: Hie) -> None:
    ran = hie("check", "/nowhere")
    assert ran.status == 1
    assert "HIE101" in ran.out


def test_cases_pass_and_fail(hie: Hie, site: Path) -> None:
    ran = hie("test", site)
    assert ran.status == 0
    assert "no case covers adt/practice" in ran.out
    told = hie("test", site, "--json", "--channel", "adt")
    assert told.json["uncovered"] == ["adt/archive", "adt/practice"]
    assert hie("test", site, "--channel", "nope").status == 1


def test_the_way_of_a_message_is_shown(hie: Hie, site: Path) -> None:
    ran = hie("try", "adt", site / "message.hl7", "--site", site)
    assert ran.status == 0
    assert "-> practice: when MSH-9.2: A01" in ran.out
    told = hie("try", "adt", site / "message.hl7", "--site", site, "--json", "--attribute", "mllp.peer=10.0.0.7")
    assert [way["taken"] for way in told.json["ways"]] == [True, True]


def test_what_came_before_a_message_is_known_when_it_is_tried(hie: Hie, site: Path) -> None:
    told = (site / "channels" / "adt.yaml").read_text()
    notices = (
        "channel: notices\ninbound:\n  mllp: {listen: 127.0.0.1:2599}\nsteps: [notify_event, match_panel, tell_once]\n"
    )
    (site / "channels" / "notices.yaml").write_text(notices + told[told.index("routes:") :])
    (site / "panels").mkdir()
    (site / "panels" / "riverside.csv").write_text("member,authority,identifier\n1,STANNE,4711\n")
    (site / "registry").mkdir()
    (site / "registry" / "subscribers.yaml").write_text("riverside: {delivery: file}\n")
    body = (
        "MSH|^~\\&|A|STANNE|||20240101||ADT^A01|M1|P|2.5\rPID|1||4711^^^STANNE||Ames^Ada\r"
        "PV1|1|I|W1||||||||||||||||V1\r"
    )
    (site / "a01.hl7").write_text(body)
    ran = hie("try", "notices", site / "a01.hl7", "--site", site)
    assert "-> practice" in ran.out
    ran = hie("try", "notices", site / "a01.hl7", "--site", site, "--before", site / "a01.hl7")
    assert ran.status == 0
    assert "-> practice" not in ran.out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("adt /nowhere.hl7 --site {site}", "name a file with one message"),
        ("lab {site}/message.hl7 --site {site}", "channels are adt"),
        ("adt {site}/message.hl7 --site /nowhere", "hie check /nowhere"),
        ("adt {site}/message.hl7 --site {site} --before /nowhere.hl7", "name a file with one message"),
    ],
)
def test_mistakes_of_try_are_told(hie: Hie, site: Path, arguments: str, told: str) -> None:
    ran = hie("try", *arguments.format(site=site).split())
    assert ran.status == 1
    assert told in ran.err


def test_schemas_are_printed(hie: Hie, site: Path) -> None:
    (site / "extensions").mkdir()
    (site / "extensions" / "own.py").write_text(
        "from schemas.message import Message\nfrom transforms.step import step\n\n\n@step\n"
        'def shout(message: Message) -> Message:\n    """Shout."""\n    return message\n'
    )
    assert "inbound" in hie("schema", "--site", site).json["properties"]
    assert "shout" in hie("schema", "--site", site).out
    assert "retention" in hie("schema", "site").json["properties"]
    assert hie("schema", "panel").status == 2


def test_files_are_validated_message_by_message(hie: Hie, root: Path, tmp_path: Path) -> None:
    good = root / "samples" / "hl7v2" / "adt_a01.hl7"
    assert hie("validate", good).status == 0
    folder = tmp_path / "folder" / "deep"
    folder.mkdir(parents=True)
    (folder / "bad.hl7").write_bytes(good.read_bytes().replace(b"|P|2.5.1", b"||2.5.1") + adt("C2", "4711"))
    (folder / "notes.txt").write_text("no message at all")
    (folder / ".hidden").write_bytes(adt("C3", "4711"))
    ran = hie("validate", tmp_path / "folder")
    assert ran.status == 1
    assert f"{folder}/bad.hl7 message 1 (line 1): MSH-11: V2-301" in ran.out
    assert "bad.hl7 message 2" in ran.out
    assert "notes.txt" not in ran.out
    assert ".hidden" not in ran.out
    told = hie("validate", tmp_path / "folder", "--json")
    assert told.json["passed"] is False
    assert [each["message"] for each in told.json["messages"]] == [1, 2]


def test_a_profile_adds_to_the_standard(hie: Hie, root: Path, tmp_path: Path) -> None:
    profile = tmp_path / "profile.yaml"
    profile.write_text("profile: St. Anne's\nplaces:\n  PID-99: {usage: R}\n")
    good = root / "samples" / "hl7v2" / "adt_a01.hl7"
    ran = hie("validate", good, "--profile", profile)
    assert ran.status == 1
    assert "PID-99: V2-501" in ran.out
    profile.write_text("plces: {}")
    ran = hie("validate", good, "--profile", profile)
    assert ran.status == 1
    assert "docs/validate.md describes profiles" in ran.err


def test_fhir_is_validated_in_json_and_xml(hie: Hie, tmp_path: Path) -> None:
    (tmp_path / "good.json").write_text('{"resourceType": "Patient", "gender": "female"}')
    assert hie("validate", tmp_path).status == 0
    (tmp_path / "bad.json").write_text('{"resourceType": "Patient", "gender": "F"}')
    (tmp_path / "bad.xml").write_text('<Patient xmlns="http://hl7.org/fhir"><gender value="F"/></Patient>')
    (tmp_path / "torn.xml").write_text('<Patient xmlns="http://hl7.org/fhir"><gender')
    ran = hie("validate", tmp_path)
    assert ran.status == 1
    assert f"{tmp_path}/bad.json: Patient.gender: FHIR-306" in ran.out
    assert f"{tmp_path}/bad.xml: Patient.gender: FHIR-306" in ran.out
    assert f"{tmp_path}/torn.xml: Resource: FHIR-300" in ran.out
    assert "4 messages: 3 errors" in ran.err
    ran = hie("validate", tmp_path / "good.json", "--profile", "us-core")
    assert ran.status == 1
    assert "Patient.identifier: FHIR-311" in ran.out
    assert hie("validate", tmp_path / "good.json", "--profile", "us-corps").status == 1


def test_what_is_no_message_is_told(hie: Hie, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no message at all")
    ran = hie("validate", tmp_path / "notes.txt")
    assert ran.status == 1
    assert "V2-000" in ran.out
    assert hie("validate", tmp_path / "nothing.hl7").status == 2
    (tmp_path / "empty").mkdir()
    ran = hie("validate", tmp_path / "empty")
    assert ran.status == 1
    assert "name files that begin with MSH" in ran.err


def test_clinical_documents_are_validated_and_shown(hie: Hie, tmp_path: Path) -> None:
    file = tmp_path / "summary.xml"
    file.write_text(VALID)
    assert hie("validate", str(file)) == (0, "", "1 messages: 0 errors, 0 warnings\n")
    code, shown, _ = hie("show", "--html", str(file))
    assert code == 0
    assert shown.startswith("<!DOCTYPE html>")
    assert "Ann Vale" in shown
    file.write_text(VALID.replace("<title>Summary</title>", ""))
    code, found, _ = hie("validate", str(file))
    assert code == 1
    assert "/ClinicalDocument (line 2): CCDA-303 exactly one title is wanted" in found
    file.write_text("<!DOCTYPE x><ClinicalDocument/>")
    code, found, _ = hie("show", "--html", str(file))
    assert code != 0
