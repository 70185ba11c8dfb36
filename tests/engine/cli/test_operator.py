"""What an operator asks: messages, show, replay, prune."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from engine.cli.seeking import STATUSES
from engine.journal import Entry, Journal, Keys, Status
from schemas.message import Message
from tests.engine.cli.conftest import Hie, Site
from tests.engine.journal.stored import BODY, START, delivery, received


@pytest.fixture(autouse=True)
def _zone() -> Iterator[None]:
    """The operator sits in Kolkata."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "Asia/Kolkata")
        time.tzset()
        yield
    time.tzset()


def test_messages_are_listed_newest_first_with_what_became_of_them(hie: Hie, site: Site) -> None:
    ran = hie("messages", "--site", site.folder)
    assert (ran.status, ran.err) == (0, "")
    head, *lines = ran.out.splitlines()
    assert " ".join(head.split()) == "RECEIVED CHANNEL TYPE CONTROL ID PATIENT ID STATUS DELIVERIES ID"
    assert [line.split()[-1] for line in lines] == [site.ids[name] for name in ("trouble", "filtered", "well")]
    assert lines[0].startswith("2026-03-01 13:32:00+05:30  lab ")
    assert "archive refused, practice failed" in lines[0]
    assert "archive delivered, practice delivered" in lines[2]


def test_text_from_a_message_cannot_steer_the_terminal(hie: Hie, site: Site) -> None:
    for ran in (hie("messages", "--site", site.folder), hie("show", site.ids["trouble"], "--site", site.folder)):
        assert "\x1b" not in ran.out
        assert "C3\\x1b[31m" in ran.out


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ("--channel lab", ["trouble"]),
        ("--route practice", ["trouble", "well"]),
        ("--route adt/practice", ["well"]),
        ("--type ADT", ["filtered", "well"]),
        ("--type ADT^A08", ["filtered"]),
        ("--control-id C1", ["well"]),
        ("--patient-id 4712", ["trouble"]),
        ("--status filtered", ["filtered"]),
        ("--status refused --route archive", ["trouble"]),
        ("--find visit=V1", ["well"]),
        ("--since 2026-03-01T13:31", ["trouble", "filtered"]),
        ("--until 2026-03-01T08:01:00Z", ["well"]),
        ("--since 10m", []),
        ("--channel nowhere", []),
    ],
)
def test_options_narrow_the_search(hie: Hie, site: Site, options: str, names: list[str]) -> None:
    ran = hie("messages", "--site", site.folder, "--json", *options.split())
    assert [row["id"] for row in ran.json["messages"]] == [site.ids[name] for name in names]
    assert ran.status == 0


def test_a_listing_says_how_to_go_on(hie: Hie, site: Site) -> None:
    first = hie("messages", "--site", site.folder, "--limit", 2)
    assert len(first.out.splitlines()) == 3
    place = first.err.split("--before ")[1].strip()
    second = hie("messages", "--site", site.folder, "--before", place)
    assert second.out.splitlines()[1].endswith(site.ids["well"])
    assert second.err == ""


def test_json_has_times_in_utc(hie: Hie, site: Site) -> None:
    (row,) = hie("messages", "--site", site.folder, "--find", "visit=V1", "--json").json["messages"]
    assert row["received"] == START.isoformat()
    assert row["deliveries"][0] == {"route": "archive", "status": "delivered", "count": 1, "attempts": 1}


def test_show_tells_the_whole_history(hie: Hie, site: Site) -> None:
    ran = hie("show", site.ids["trouble"], "--site", site.folder, "--body")
    assert (ran.status, ran.err) == (0, "")
    for line in (
        f"message {site.ids['trouble']}",
        "  received    2026-03-01 13:32:00.000+05:30 by channel lab",
        "  patient id  4712",
        "  mllp.peer   10.0.0.7",
        f"delivery {delivery(site.ids['trouble'], 'practice')} on route practice",
        "  failed      at 2026-03-01 13:32:00.000+05:30, attempt 1",
        "              it is failed",
        "              | MSA|AA|1",
        "PID|1||4711||Duck^Donald",
    ):
        assert line in ran.out.splitlines()


def test_show_says_why_a_message_was_filtered(hie: Hie, site: Site) -> None:
    assert "practice: not met: PV1-3.1: W2" in hie("show", site.ids["filtered"], "--site", site.folder).out


def test_show_takes_a_delivery_or_the_beginning_of_an_id(hie: Hie, site: Site) -> None:
    child = delivery(site.ids["well"], "archive")
    for asked, id in ((child, child), (child[:20], child), (site.ids["well"][:12], site.ids["well"])):
        told = hie("show", asked, "--site", site.folder, "--json", "--body").json
        assert told["asked"] == id
        assert told["message"]["id"] == site.ids["well"]
        assert told["body"].startswith("MSH|^~\\&|STANNE")
        assert [each["route"] for each in told["deliveries"]] == ["practice", "archive"]


def test_show_lays_a_fhir_body_out(hie: Hie, site: Site) -> None:
    body = b'{"resourceType":"Observation","valueQuantity":{"value":7.10}}'
    id = site.journal(lambda journal: received(journal, 99, type="Observation", body=body, format="fhir"))
    ran = hie("show", id, "--body", "--site", site.folder)
    assert ran.out.endswith('  "valueQuantity": {\n    "value": 7.10\n  }\n}\n')
    assert hie("show", id, "--body", "--json", "--site", site.folder).json["body"] == body.decode()


def test_a_delivery_is_replayed(hie: Hie, site: Site) -> None:
    child = delivery(site.ids["trouble"], "practice")
    ran = hie("replay", child, "--site", site.folder)
    assert ran == (0, f"{child} is delivered again on lab/practice (was failed)\n", "")
    again = hie("replay", child, site.ids["well"], "--site", site.folder)
    assert again.status == 1
    assert "is routed again (was routed)" in again.out
    assert "waits for its first delivery already" in again.err
    assert "replay      at" in hie("show", child, "--site", site.folder).out


def test_what_a_search_finds_is_replayed_after_asking(hie: Hie, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr("click.confirm", lambda text, **_: asked.append(text))
    ran = hie("replay", "--status", "failed", "--route", "practice", "--site", site.folder, "--json")
    assert asked == ["replay 1?"]
    assert [each["id"] for each in ran.json["replayed"]] == [delivery(site.ids["trouble"], "practice")]
    ran = hie("replay", "--status", "filtered", "--yes", "--site", site.folder)
    assert ran.out == f"{site.ids['filtered']} is routed again (was filtered)\n"
    assert len(asked) == 1
    ran = hie("replay", "--status", "failed", "--yes", "--site", site.folder)
    assert (ran.status, ran.out) == (1, "")
    assert "nothing is like that" in ran.err


def test_one_message_of_a_batch_is_found_shown_and_replayed_alone(hie: Hie, site: Site) -> None:
    parts = {name: delivery(site.ids["well"], f"practice-{name}") for name in ("B1", "B2")}

    async def split(journal: Journal) -> None:
        at = START
        for name, id in parts.items():
            part = Message(id, "adt", "hl7v2", BODY, at, site.ids["well"])
            keys = Keys("ADT^A40", name, "", (("control id", name), ("patient id", f"{name}-GONE")))
            await journal.append([Entry(part, "adt/practice", Status.FAILED, False, keys, settled=at)])

    site.journal(split)
    for option in ("--control-id", "B2"), ("--patient-id", "B2-GONE"):
        (row,) = hie("messages", *option, "--site", site.folder, "--json").json["messages"]
        assert row["id"] == site.ids["well"]
    told = hie("show", parts["B2"], "--site", site.folder).out.splitlines()
    assert "  patient id  B1-GONE" in told
    assert "  control id  B2" in told[told.index(f"delivery {parts['B2']} on route practice  <- asked for") :]
    ran = hie("replay", "--status", "failed", "--control-id", "B2", "--yes", "--site", site.folder)
    assert ran.out == f"{parts['B2']} is delivered again on adt/practice (was failed)\n"


def test_prune_removes_by_the_retention_of_hie_yaml(hie: Hie, site: Site) -> None:
    ran = hie("prune", site.folder, "--json")
    assert (ran.json["messages"], ran.json["rows"]) == (2, 4)  # the lab keeps its messages for ten years
    ran = hie("prune", site.folder, "--older-than", "1d", "--compact")
    assert ran.out.splitlines()[0] == "removed 1 messages with their deliveries (3 rows)"
    assert ran.out.splitlines()[-1] == "compacted"
    assert "no message is like that" in hie("messages", "--site", site.folder).err


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        ("messages --site /nowhere", 1, "name its folder, or set HIE_SITE"),
        ("messages --site {site} --find vist=V1", 1, "it has visit"),
        ("messages --site {site} --find visit", 2, "is not NAME=VALUE"),
        ("messages --site {site} --status lost", 2, "'failed'"),
        ("messages --site {site} --since yesterday", 2, "write 90m, 3d, 14:30, 2026-03-01"),
        ("messages --site {site} --limit 0", 2, "--limit"),
        ("messages --stie x", 2, "--site"),
        ("mesages", 2, "did you mean `hie messages`?"),
        ("frobnicate", 2, "see `hie --help`"),
        ("show --site {site}", 2, "ID"),
        ("show zzz --site {site}", 1, "as `hie messages` lists them"),
        ("show 00000000 --site {site}", 1, "no message has an id that begins with 00000000"),
        ("show 01 --site {site}", 1, "write more of it"),
        ("replay --site {site}", 2, "name an ID"),
        ("replay --route practice --site {site}", 2, "--status"),
        ("replay 0123 --status failed --site {site}", 2, "not both"),
        ("prune {site} --older-than forever", 2, "a duration is a number and a unit"),
    ],
)
def test_mistakes_are_told_with_what_to_do_next(hie: Hie, site: Site, arguments: str, status: int, told: str) -> None:
    ran = hie(*arguments.format(site=site.folder).split())
    assert ran.status == status
    assert told in ran.err
    assert "Traceback" not in ran.err + ran.out
    assert ran.out == ""


def test_a_site_without_a_journal_is_told_apart_from_an_empty_one(hie: Hie, site: Site) -> None:
    (site.folder / "hie.yaml").write_text("journal: sqlite:///elsewhere.db\n")
    ran = hie("messages", "--site", site.folder)
    assert ran.status == 1
    assert "there is no journal at" in ran.err
    assert "start the site once" in ran.err
    assert not (site.folder / "elsewhere.db").exists()


def test_a_mistake_in_hie_yaml_is_told_with_its_line(hie: Hie, site: Site) -> None:
    (site.folder / "hie.yaml").write_text("serach: {}\n")
    ran = hie("messages", "--site", site.folder)
    assert ran.status == 1
    assert "hie.yaml:1: HIE201" in ran.err


def test_a_database_that_does_not_answer_is_told(hie: Hie, site: Site) -> None:
    (site.folder / "hie.yaml").write_text("journal: postgresql://nobody@127.0.0.1:1/nothing\n")
    ran = hie("messages", "--site", site.folder)
    assert ran.status == 1
    assert "the journal's database does not answer" in ran.err


def test_the_site_comes_from_the_environment(hie: Hie, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HIE_SITE", str(site.folder))
    assert len(hie("messages", "--json").json["messages"]) == 3
    assert hie("prune", "--json").json["messages"] == 2


def test_every_state_can_be_asked_for() -> None:
    assert set(STATUSES) == set(Status)
