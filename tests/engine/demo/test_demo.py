"""The demo plays to its end without a terminal, leaves nothing behind, and notices when something is not as it says."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from engine.demo.claims import Evidence, claims
from engine.demo.run import play, run_demo
from engine.demo.screen import Screen

HOME = Path(__file__).parents[3]
Change = Callable[[Evidence], Evidence]


@pytest.fixture(scope="module")
def evidence() -> Evidence:
    found = play(
        Screen(), {**os.environ, "HIE_JOURNAL": "postgresql://nobody@127.0.0.1:1/none", "HIE_BACKBONE": "none"}
    )
    assert found is not None
    return found


def wrong(evidence: Evidence) -> list[str]:
    return [claim.text for claim in claims(evidence) if not claim.holds]


def test_everything_is_as_the_demo_says(evidence: Evidence) -> None:
    assert wrong(evidence) == []


def test_demo_shows_failure_recovery_filter_rejection_and_repeat(evidence: Evidence) -> None:
    attempts = [one.attempts for each in evidence.histories for one in each.deliveries if one.route == "eastmere"]
    assert sum(tries > 1 for tries in attempts) >= 2  # answered AE once, gone once
    statuses = {str(each.message.status) for each in evidence.histories}
    assert {"routed", "filtered", "rejected"} <= statuses


def without_last(name: str) -> Change:
    return lambda e: replace(e, **{name: getattr(e, name)[:-1]})


def reordered(evidence: Evidence) -> Evidence:
    return replace(evidence, eastmere=evidence.eastmere[::-1])


def unrejected(evidence: Evidence) -> Evidence:
    return replace(evidence, sent=[replace(each, code="AA") for each in evidence.sent])


def told_a_secret(evidence: Evidence) -> Evidence:
    leaked = (HOME / "samples" / "hl7v2" / "adt_a01_optout.hl7").read_bytes()
    return replace(evidence, eastmere=[*evidence.eastmere, leaked])


def not_delivered(evidence: Evidence) -> Evidence:
    first, *others = evidence.notices
    return replace(evidence, notices=[replace(first, outcome="failed"), *others])


def unheld(evidence: Evidence) -> Evidence:
    kept = [each for each in evidence.histories if not any("superseded" in one.detail for one in each.deliveries)]
    return replace(evidence, histories=kept)


def of_letters(**changed: object) -> Change:
    return lambda e: replace(e, letters=replace(e.letters, **changed))  # type: ignore[arg-type]


def without_results(evidence: Evidence) -> Evidence:
    return replace(evidence, mail=[each for each in evidence.mail if not each.sender.startswith("results@")])


def of_referrals(**changed: object) -> Change:
    return lambda e: replace(e, referrals=replace(e.referrals, **changed))  # type: ignore[arg-type]


def undelivered(evidence: Evidence) -> Evidence:
    thread, *others = evidence.referrals.threads
    last = replace(thread.events[-1], deliveries=())
    return of_referrals(threads=[replace(thread, events=(*thread.events[:-1], last)), *others])(evidence)


def in_clear(evidence: Evidence) -> Evidence:
    got = [replace(each, wire=each.wire + b"<ClinicalDocument/>") for each in evidence.letters.got]
    return of_letters(got=got)(evidence)


@pytest.mark.parametrize(
    ("change", "noticed"),
    [
        (of_letters(filed=[b"x"]), "Eastmere's note was filed by St. Anne's byte for byte"),
        (of_letters(notices=[]), "Eastmere was told that it is processed, and then dispatched"),
        (of_letters(got=[]), "St. Anne's summary was opened by Eastmere byte for byte"),
        (in_clear, "nothing of it could be read on its way"),
        (of_letters(histories=[]), "it was pending until Eastmere's notices, and then delivered"),
        (lambda e: replace(e, eastmere=e.eastmere[1:]), "Eastmere was told by HL7 v2 of exactly its patients' events"),
        (without_last("alerts"), "Harbour was told by FHIR messages of exactly its patients' events"),
        (without_last("reports"), "Harbour has the report of its patient in FHIR"),
        (without_results, "the cardiologist's copies are PDFs"),
        (lambda e: replace(e, mail=e.mail[1:]), "Northgate was told by Direct, in a clinical document each time"),
        (told_a_secret, "nobody was told of who opted out, a test patient, or somebody else's patient"),
        (not_delivered, "the evidence (hie notified) says the same, and what became of each"),
        (reordered, "the patient's notices reached Eastmere in their order, through both failures"),
        (reordered, "another patient passed the one who had to wait"),
        (unheld, "the late preliminary result was withheld, with the reason"),
        (without_last("histories"), "Eastmere has each result once, the newest version last"),
        (without_last("listed"), "who and what nobody could place waited for a person"),
        (of_referrals(threads=[]), "both referrals are completed"),
        (of_referrals(threads=[]), "each thread is request, accept, complete"),
        (of_referrals(asked=[]), "the cardiologist had a Referral Note with each request"),
        (of_referrals(tasks=[]), "Harbour was told in FHIR: accepted, completed"),
        (of_referrals(answers=[]), "Eastmere was told in HL7 v2: accepted, completed"),
        (of_referrals(outcomes=[b"x", b"x"]), "both have the consultation note byte for byte"),
        (undelivered, "every message of them arrived, by mail with its notice"),
        (unrejected, "15 sound messages answered AA or CA, the damaged one AR"),
        (lambda e: replace(e, histories=e.histories[1:]), "every message is in the journal, the damaged one too"),
        (lambda e: replace(e, status=1), "the engine stopped in good order"),
        (lambda e: replace(e, folder=Path(__file__).parent), "nothing is left behind"),
    ],
)
def test_demo_notices_what_is_wrong(evidence: Evidence, change: Change, noticed: str) -> None:
    assert noticed in wrong(change(evidence))


def test_wrong_claim_gives_status_1(
    evidence: Evidence, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("engine.demo.run.play", lambda *_: replace(evidence, status=9))
    assert run_demo({}) == 1
    assert "WRONG the engine stopped in good order" in capsys.readouterr().out


def test_engine_that_does_not_start_gives_status_1_and_its_own_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "hie.yaml").write_text("log: {level: info}\n")
    monkeypatch.setattr("engine.demo.stage._SITE", tmp_path)
    assert run_demo(os.environ) == 1
    assert "no channel can run" in capsys.readouterr().out


def test_command_works_without_a_terminal_and_leaves_nothing_behind(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "engine", "demo"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env={**os.environ, "TMPDIR": str(tmp_path), "LC_ALL": "C"},
        cwd=tmp_path,
        timeout=100,
        check=False,
    )
    output = done.stdout.decode()
    assert done.returncode == 0, output + done.stderr.decode()
    assert "\x1b" not in output
    assert max(map(len, output.splitlines())) <= 120
    assert done.stderr == b""
    assert "filtered: not met: MSH-11.1: P" in output
    assert list(tmp_path.iterdir()) == []
