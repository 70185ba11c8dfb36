"""`hie test`: cases run through the engine's own plan; what differs is shown element by element."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.config.cases import CaseReport, run_cases
from engine.config.site import load_site

CHANNEL = """
channel: adt
inbound:
  mllp: {listen: 127.0.0.1:2575, senders: [ADT1]}
steps:
  - keep: {MSH-9.1: ADT, MSH-9.2: [A01, A03, A40]}
  - set: {PV1-3.4: STANNE}
routes:
  - route: practice-a
    when: {PV1-3.1: W1}
    outbound:
      file: {folder: out/a}
  - route: archive
    outbound:
      file: {folder: out/archive}
"""
ADT = "MSH|^~\\&|ADT1|STANNE|||20240101||ADT^A01|M1|P|2.5\nPID|1||4711||Ames\nPV1|1|I|W1^2\n"
SENT = ADT.replace("W1^2", "W1^2^^STANNE")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "channels").mkdir()
    (tmp_path / "channels/adt.yaml").write_text(CHANNEL)
    (tmp_path / "adt_a01.hl7").write_text(ADT.replace("\n", "\r"))
    (tmp_path / "expected.hl7").write_text(SENT)
    return tmp_path


def run(folder: Path, cases: str, only: str | None = None) -> CaseReport:
    (folder / "channels/adt.cases.yaml").write_text(cases)
    return run_cases(load_site(folder, {}), only)


def case(expect: str, more: str = "") -> str:
    lines = (
        [f"    {line}" for line in more.splitlines()]
        + ["    expect:"]
        + [f"      {line}" for line in expect.splitlines()]
    )
    return "cases:\n  - case: an admission\n    message: adt_a01.hl7\n" + "\n".join(lines) + "\n"


def wrong(report: CaseReport) -> list[str]:
    assert report.findings == ()
    return [str(each) for result in report.results for each in result.mismatches]


@pytest.mark.parametrize(
    ("expect", "more"),
    [
        ("receipt: AA", ""),
        ("receipt: accepted", ""),
        ("routes: {practice-a: 1, archive: 1}", ""),
        ("routes: {practice-a: any, archive: any}", ""),
        ("routes: {practice-a: {PV1-3.4: STANNE}, archive: [{MSH-10: M1, PID-3.1: {exists: true}}]}", ""),
        ("routes: {practice-a: {file: expected.hl7}, archive: any}", ""),
        (
            "routes: {practice-a: {file: expected.hl7, ignore: [MSH-10, PID-5, PV1-3]}, archive: any}",
            "with: {MSH-10: M2, PID-5.1: Ode, PV1-3.2: 7}",
        ),
        ("routes: {practice-a: none, archive: 1}", "with: {PV1-3.1: W2}"),
        ("filtered: true", "with: {MSH-9.2: A08}"),
        ('filtered: "MSH-9.2: [A01, A03, A40]"', "with: {MSH-9.2: A08}"),
        ("receipt: AA\nfiltered: true\nroutes: {}", "with: {MSH-9.2: A08}"),
        ("receipt: AR", "with: {MSH-3: OTHER}"),
        ("receipt: AR\nroutes: {}", 'with: {MSH-10: ""}'),
    ],
)
def test_a_case_that_holds(expect: str, more: str, folder: Path) -> None:
    report = run(folder, case(expect, more))
    assert wrong(report) == []
    assert report.passed
    assert [(each.channel, each.case, each.where) for each in report.results] == [
        ("adt", "an admission", "channels/adt.cases.yaml:2")
    ]


@pytest.mark.parametrize(
    ("expect", "more", "expected"),
    [
        ("receipt: AR", "", ["receipt: expected AR, found accepted"]),
        ("receipt: AA", "with: {MSH-3: OTHER}", ["receipt: expected AA, found rejected: the sender is not allowed"]),
        (
            "routes: {practice-a: 1}",
            "with: {MSH-9: ''}",
            [
                "receipt: expected accepted, found rejected: MSH-9 is missing",
                "practice-a: expected one message, found no message",
            ],
        ),
        ("filtered: true", "", ["filtered: expected the message filtered, found it was not"]),
        (
            "filtered: PV1",
            "with: {MSH-9.2: A08}",
            [
                "filtered: expected PV1, found keep: {MSH-9.1: ADT, MSH-9.2: [A01, A03, A40]}: "
                "not met: MSH-9.2: [A01, A03, A40]"
            ],
        ),
        ("failed: true", "", ["failed: expected the message failed, found it was not"]),
        (
            "routes: {practice-a: none, archive: 2}",
            "",
            ["practice-a: expected no message, found one message", "archive: expected 2 messages, found one message"],
        ),
        ("routes: {practice-a: 1}", "", ["archive: expected no message, found one message"]),
        (
            "routes:\n  practice-a: [{PV1-3.4: EAST, MSH-9.2: [A02, A03]}]\n"
            "  archive: {ZPI-1: {exists: true}, PV1-3.4: {not: STANNE}}",
            "",
            [
                "practice-a PV1-3.4: expected EAST, found STANNE",
                "practice-a MSH-9.2: expected one of A02, A03, found A01",
                "archive ZPI-1: expected exists true, found nothing",
                "archive PV1-3.4: expected not STANNE, found STANNE",
            ],
        ),
        (
            "routes: {practice-a: {file: expected.hl7}, archive: {file: adt_a01.hl7}}",
            "with: {PID-5.1: Ode}",
            [
                "practice-a PID-5: expected Ames, found Ode",
                "archive PID-5: expected Ames, found Ode",
                "archive PV1-3.4: expected nothing, found STANNE",
            ],
        ),
    ],
)
def test_a_case_that_does_not_hold_says_where(expect: str, more: str, expected: list[str], folder: Path) -> None:
    report = run(folder, case(expect, more))
    assert wrong(report) == expected
    assert not report.passed


def test_a_failing_step_fails_the_case_unless_it_is_expected(folder: Path) -> None:
    (folder / "extensions").mkdir()
    (folder / "extensions/bed.py").write_text(
        "from transforms import StepError, step\n\n"
        "@step\ndef bed(message):\n    '''Refuse.'''\n    raise StepError('no bed')\n"
    )
    (folder / "channels/adt.yaml").write_text(CHANNEL.replace("  - set", "  - bed\n  - set"))
    assert wrong(run(folder, case("receipt: AA"))) == ["failed: expected no failure, found bed: no bed"]
    assert run(folder, case("failed: no bed")).passed
    assert run(folder, case("failed: true\nroutes: {}")).passed
    assert wrong(run(folder, case("failed: a ward"))) == ["failed: expected a ward, found bed: no bed"]


def test_a_message_written_in_the_case_and_attributes_of_the_end(folder: Path) -> None:
    (folder / "channels/adt.yaml").write_text(CHANNEL.replace("{PV1-3.1: W1}", "{mllp.peer: 10.0.0.1}"))
    text = ADT.replace("\n", "\n      ")
    more = "from: {mllp.peer: 10.0.0.1}"
    cases = case("routes: {practice-a: {file: expected.hl7}, archive: 1}", more)
    cases = cases.replace("message: adt_a01.hl7", f"message: |\n      {text}")
    assert wrong(run(folder, cases)) == []


def test_what_is_not_hl7_is_compared_line_by_line(folder: Path) -> None:
    (folder / "channels/adt.yaml").write_text(
        "channel: notes\ninbound:\n  file: {folder: in}\n"
        "routes:\n  - route: out\n    outbound:\n      file: {folder: out}\n"
    )
    (folder / "note.txt").write_text("one\ntwo\n")
    (folder / "other.txt").write_text("one\nthree\n")
    cases = "cases:\n  - case: a note\n    message: note.txt\n    expect:\n      routes: {out: {file: NAME}}\n"
    assert wrong(run(folder, cases.replace("NAME", "note.txt"))) == []
    (mismatch,) = wrong(run(folder, cases.replace("NAME", "other.txt")))
    assert "-three\n+two" in mismatch


PATIENT = '{"resourceType":"Patient","id":"p1","active":true,"name":[{"family":"Ames"}],"multipleBirthInteger":2}'


@pytest.mark.parametrize(
    ("expect", "more", "wrongs"),
    [
        ("{Patient.name.family: Ames, Patient.active: true}", "", []),
        ("{Patient.name.family: Amis}", "", ["all Patient.name.family: expected Amis, found Ames"]),
        ("{Patient.birthDate: 1980}", "", ["all Patient.birthDate: expected 1980, found nothing"]),
        ("{file: expected.json}", "", []),
        (
            "{file: expected.json}",
            'with: {"Patient.name[0].family": Amis, Patient.gender: male}',
            [
                "all Patient.name[0].family: expected Ames, found Amis",
                "all Patient.gender: expected nothing, found male",
            ],
        ),
        ("{file: expected.json, ignore: [Patient.name, Patient.gender]}", "with: {Patient.gender: male}", []),
        ("{file: adt_a01.hl7}", "", ["all: expected adt_a01.hl7, found the body is no JSON"]),
        ("{}", "with: {Patient.active: perhaps}", ["with: expected elements that can be changed, found"]),
        ("{}", "with: {PID-8: F}", ["with: expected elements that can be changed, found"]),
    ],
)
def test_fhir_is_compared_by_value_and_path(expect: str, more: str, wrongs: list[str], folder: Path) -> None:
    (folder / "channels/adt.yaml").write_text(
        "channel: adt\ninbound: {file: {folder: in}}\nroutes: [{route: all, outbound: {file: {folder: out}}}]\n"
    )
    laid_out = PATIENT.replace(",", ",\n  ").replace(":", ": ")
    (folder / "expected.json").write_text(laid_out)
    for message in ("p.json", f"'{PATIENT}'"):
        (folder / "p.json").write_text(PATIENT)
        cases = case(f"routes: {{all: {expect}}}", more).replace("adt_a01.hl7\n", f"{message}\n", 1)
        found = wrong(run(folder, cases))
        assert len(found) == len(wrongs)
        assert all(each.startswith(start) for each, start in zip(found, wrongs, strict=True)), found


def test_routes_without_a_case_are_reported_and_do_not_fail(folder: Path) -> None:
    report = run(folder, case("routes: {practice-a: none, archive: 1}", "with: {PV1-3.1: W2}"))
    assert report.passed
    assert report.uncovered == ("adt/practice-a",)
    (folder / "channels/adt.cases.yaml").unlink()
    assert run_cases(load_site(folder, {})).uncovered == ("adt/practice-a", "adt/archive")


@pytest.mark.parametrize(
    ("cases", "line", "what"),
    [
        ("cases: none", 1, "cases is a list"),
        ("tests: []", 1, "no 'tests'"),
        (case("receipt: OK"), 5, "no receipt 'OK'"),
        (case("routes: {practice: 1}"), 5, "no route 'practice'"),
        (case("routes: {archive: some}"), 5, "none, any, a number"),
        (case("routes: {archive: {PID.3: 1}}"), 5, "no path"),
        (case("routes: {archive: {PID-3: {near: 1}}}"), 5, "unknown test"),
        (case("routes: {archive: {file: none.hl7}}"), 5, "none.hl7: No such file"),
        (case("routes: {archive: {ignore: [MSH-7]}}"), 5, "without file"),
        (case("receipt: AA", "with: {Patient.gendre: male}"), 4, "no element 'gendre'"),
        (
            case("routes: {archive: {file: expected.hl7, ignore: [Patient.name.where(use='a')]}}"),
            5,
            "names and indexes",
        ),
        (case("receipt: AA", "with: {mllp.peer: x}"), 4, "with names elements"),
        (case("receipt: AA", "from: {PID-3: x}"), 4, "from names attributes"),
        (case("receipt: AA", "when: {PID-3: x}"), 4, "no 'when'"),
        (case("{}"), 5, "expects nothing"),
        (case("receipt: AA").replace("adt_a01", "adt_a99"), 3, "adt_a99.hl7: No such file"),
        (case("receipt: AA") + case("receipt: AA").removeprefix("cases:\n"), 6, "already"),
        ("cases:\n  - message: adt_a01.hl7\n    expect: {receipt: AA}\n", 2, "case is missing"),
    ],
)
def test_a_mistake_in_a_case_has_its_line(cases: str, line: int, what: str, folder: Path) -> None:
    report = run(folder, cases)
    (finding,) = report.findings
    assert (finding.code, finding.where) == ("HIE501", f"channels/adt.cases.yaml:{line}")
    assert what in finding.what
    assert not report.passed


def test_a_broken_channel_fails_the_test(folder: Path) -> None:
    (folder / "channels/adt.yaml").write_text(CHANNEL.replace("keep", "kep"))
    report = run(folder, case("receipt: AA"))
    assert not report.passed
    assert report.results == ()
    assert {each.code for each in report.findings} >= {"HIE203", "HIE502"}


def test_cases_of_one_channel_only(folder: Path) -> None:
    (folder / "channels/other.yaml").write_text(
        CHANNEL.replace("channel: adt", "channel: other").replace(":2575", ":2576")
    )
    (folder / "channels/other.cases.yaml").write_text(case("receipt: AR"))
    cases = case("receipt: AA\nroutes: {practice-a: 1, archive: 1}")
    assert [each.channel for each in run(folder, cases, "adt").results] == ["adt"]
    assert run(folder, cases, "adt").passed
    assert not run(folder, cases).passed
    (finding,) = run(folder, cases, "adtt").findings
    assert finding.code == "HIE502"


def test_cases_without_a_channel_are_found(folder: Path) -> None:
    (folder / "channels/lab.cases.yaml").write_text(case("receipt: AA"))
    (finding,) = run(folder, case("receipt: AA")).findings
    assert (finding.code, finding.where) == ("HIE502", "channels/lab.cases.yaml")


def test_the_report_as_text_and_as_json(folder: Path) -> None:
    report = run(folder, case("receipt: AR\nroutes: {practice-a: {PV1-3.4: EAST}, archive: none}"))
    assert list(report.lines()) == [
        "adt",
        "  FAIL  an admission (channels/adt.cases.yaml:2)",
        "        receipt: expected AR, found accepted",
        "        practice-a PV1-3.4: expected EAST, found STANNE",
        "        archive: expected no message, found one message",
        "1 cases, 1 failed, 0 errors, 0 routes without a case",
    ]
    shown = report.to_json()
    assert shown["passed"] is False
    assert shown["cases"][0]["mismatches"][1] == {"where": "practice-a PV1-3.4", "expected": "EAST", "found": "STANNE"}


def test_the_cases_that_the_manual_shows_are_cases(folder: Path) -> None:
    manual = (Path(__file__).parents[3] / "docs/testing-channels.md").read_text()
    shown = manual.partition("```yaml\n")[2].partition("```")[0]
    (folder / "samples/expected").mkdir(parents=True)
    (folder / "samples/adt_a01.hl7").write_text(ADT)
    (folder / "samples/expected/adt_a01.hl7").write_text(SENT.replace("20240101", "20240102"))
    report = run(folder, shown.replace("MSH-9.2: A02", "MSH-9.2: A03"))
    assert wrong(report) == []
    assert len(report.results) == 3


NOTICES = """
channel: adt
inbound:
  mllp: {listen: 127.0.0.1:2575}
steps: [notify_event, match_panel, tell_once]
routes:
  - route: practice
    outbound:
      file: {folder: out}
"""
VISIT = (
    "MSH|^~\\&|ADT1|STANNE|||20240101||ADT^A01|M1|P|2.5\n"
    "PID|1||4711^^^STANNE||Ames^Ada||19700312|F\nPV1|1|I|W1||||||||||||||||V1\n"
)


@pytest.fixture
def notices(folder: Path) -> Path:
    """A site that tells a practice of its patients' visits, in the daytime."""
    (folder / "channels/adt.yaml").write_text(NOTICES)
    (folder / "adt_a01.hl7").write_text(VISIT.replace("\n", "\r"))
    (folder / "panels").mkdir()
    (folder / "panels/riverside.csv").write_text("member,authority,identifier\n1,STANNE,4711\n")
    (folder / "registry").mkdir()
    quiet = 'riverside: {delivery: file, quiet: {from: "22:00", to: "07:00"}}\n'
    (folder / "registry/subscribers.yaml").write_text(quiet)
    return folder


@pytest.mark.parametrize(
    ("more", "expect"),
    [
        ("", "routes: {practice: {notice.kind: new}}"),
        ("before: [adt_a01.hl7]", "filtered: tell_once"),
        ("before: [adt_a01.hl7]\nwith: {MSH-9.2: A11}", "routes: {practice: {notice.kind: withdrawal}}"),
        ("with: {MSH-9.2: A11}", "filtered: tell_once"),
        (
            "before:\n  - {message: adt_a01.hl7, with: {PV1-19: V2}, channel: adt}\n  - adt_a01.hl7",
            "filtered: tell_once",
        ),
        ("before:\n  - {message: adt_a01.hl7, with: {PV1-19: V2}}", "routes: {practice: {notice.kind: new}}"),
        (
            'received: "2024-01-01T23:00:00Z"',
            'routes: {practice: {deliver.after: "2024-01-02T07:00:00+00:00"}}',
        ),
    ],
)
def test_what_came_before_and_when_it_comes_decides(notices: Path, more: str, expect: str) -> None:
    assert wrong(run(notices, case(expect, more))) == []


def test_what_came_before_one_case_is_unknown_to_the_next(notices: Path) -> None:
    first = case("filtered: tell_once", "before: [adt_a01.hl7]")
    second = case("routes: {practice: 1}").replace("cases:\n", "").replace("an admission", "another")
    assert wrong(run(notices, first + second)) == []


@pytest.mark.parametrize(
    ("more", "what"),
    [
        ("before: adt_a01.hl7", "before is a list of messages"),
        ("before: [nobody.hl7]", "nobody.hl7: No such file or directory"),
        ("before:\n  - {message: adt_a01.hl7, channel: lab}", "there is no channel 'lab'"),
        ("before:\n  - {message: adt_a01.hl7, expect: 1}", "a message that came before has no 'expect'"),
        ("received: yesterday", "yesterday is no time with an offset"),
        ("received: 2024-01-01T12:00:00", "2024-01-01T12:00:00 is no time with an offset"),
    ],
)
def test_mistakes_about_what_came_before_are_findings(notices: Path, more: str, what: str) -> None:
    report = run(notices, case("filtered: true", more))
    assert [(each.code, each.what) for each in report.findings] == [("HIE501", what)]


def test_what_came_before_and_is_not_taken_fails_the_case(notices: Path) -> None:
    body = case("routes: {practice: 1}", "before:\n  - {message: adt_a01.hl7, with: {MSH-9.1: ORU}}")
    assert wrong(run(notices, body)) == []  # filtered is taken
    (notices / "half.txt").write_text("no header")
    [mismatch] = wrong(run(notices, case("routes: {practice: 1}", "before: [half.txt]")))
    assert mismatch.startswith("before: expected messages that are taken, found message 1 before is not taken: notify_")
