"""The registry: read from the site's files, dated, asked by steps, and never one notice behind itself."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, date, datetime
from itertools import islice
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, create_engine, func, insert, select, update
from sqlalchemy.pool import StaticPool

from engine.journal import Journal
from engine.journal.tables import messages, notices
from engine.registry.files import loading, registry_of
from engine.registry.reads import DatabaseRegistry
from engine.registry.roster_load import RosterLoading
from engine.registry.rosters import COLUMNS, Member, RosterError, read_roster
from engine.registry.site import SiteRegistry
from engine.registry.subscribing import read_subscribers
from engine.registry.tables import member_keys, members, metadata
from schemas.message import Message
from transforms.matching import Model, Name, Person, Verdict, blocking, decide

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
TODAY = NOW.date()
HEADING = "member,family,given,birth_date,sex,phone,authority,identifier,since,until\n"
ROSTER = HEADING + (
    "1,Oxenham,Rosalind,1970-03-12,F,217-555-0123,1.2.3,MRN7,,\n"
    "# who left\n"
    "2,Ward,Peter,19620101,male,,,,2026-01-01,2026-06-01\n"
)
ROSALIND = Person(names=(Name.of("Oxenham", ["Rosalind"]),), birth_date="19700312", sex="F")
PETER = Person(names=(Name.of("Ward", ["Peter"]),), birth_date="19620101", sex="M")


@pytest.fixture
def database() -> Iterator[Engine]:
    engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    with engine.begin() as connection:
        metadata.create_all(connection)
        messages.create(connection)
        notices.create(connection)
    yield engine
    engine.dispose()


def write(site: Path, name: str, text: str) -> None:
    (site / name).parent.mkdir(parents=True, exist_ok=True)
    (site / name).write_text(text)


def load(database: Engine, site: Path, now: datetime = NOW) -> dict[str, tuple[int, ...]]:
    found: dict[str, tuple[int, ...]] = {}
    for work in loading(site, now):
        for step in work.steps():
            with database.begin() as connection:
                step(connection)
        if work.loaded is not None:
            found[work.source] = tuple(work.loaded)
    return found


def ids(registry: DatabaseRegistry, person: Person, on: date) -> list[tuple[str, str]]:
    return [(found.panel, found.member) for found in registry.members(person, on)]


def test_a_roster_is_asked_by_its_members_names_and_days(tmp_path: Path, database: Engine) -> None:
    write(tmp_path, "panels/riverside.csv", ROSTER)
    assert load(database, tmp_path) == {"panel/riverside": (2, 0, 0, 2)}
    registry = DatabaseRegistry(database)
    assert ids(registry, ROSALIND, TODAY) == [("riverside", "1")]
    (found,) = registry.members(ROSALIND, TODAY)
    assert decide(ROSALIND, [(found.member, found.person)], Model()).verdict is Verdict.MATCH
    by_number = Person(identifiers=frozenset({("urn:oid:1.2.3", "MRN7")}))
    assert ids(registry, by_number, TODAY) == [("riverside", "1")]
    assert ids(registry, PETER, TODAY) == [], "he left in June"
    assert ids(registry, PETER, date(2026, 3, 1)) == [("riverside", "2")]


async def test_many_numbers_of_one_patient_are_all_asked_for(tmp_path: Path, journal_url: str) -> None:
    write(tmp_path, "panels/riverside.csv", ROSTER)
    journal = Journal(journal_url)
    await journal.open()
    for work in loading(tmp_path, NOW):
        for step in work.steps():
            await journal.change(step)
    registry = DatabaseRegistry(journal.reading)
    others = frozenset(("OTHER", f"A{n}") for n in range(2_000))
    assert ids(registry, Person(identifiers=others | {("urn:oid:1.2.3", "MRN7")}), TODAY) == [("riverside", "1")]
    assert ids(registry, Person(identifiers=others), TODAY) == []
    assert ids(registry, Person(), TODAY) == []
    await journal.close()


def test_a_key_that_very_many_share_is_passed_over(tmp_path: Path, database: Engine) -> None:
    lines = [f"{n},Oxenham{n},Rosalind,1970-03-12,F,217-555-0123\n" for n in range(301)]
    write(tmp_path, "panels/riverside.csv", HEADING + "".join(lines) + "x,Hale,Ada,1980-01-01,F,217-555-0199\n")
    load(database, tmp_path)
    registry = DatabaseRegistry(database)
    many = Person(names=(Name.of("Hale", ["Rosalind"]),), phones=frozenset({"2175550123"}))
    assert ids(registry, many, TODAY) == []
    assert ids(registry, Person(names=(Name.of("Hale", ["Ada"]),), phones=frozenset({"2175550199"})), TODAY) == [
        ("riverside", "x")
    ]


def test_a_roster_loaded_anew_keeps_the_days_of_who_came_and_went(tmp_path: Path, database: Engine) -> None:
    write(
        tmp_path,
        "panels/riverside.csv",
        HEADING + "1,Oxenham,Rosalind,1970-03-12,F,,,,,\n3,Hale,Ada,1980-01-01,F,,,,,\n",
    )
    load(database, tmp_path, datetime(2026, 10, 1, tzinfo=UTC))
    assert load(database, tmp_path) == {}, "nothing changed, nothing is done"
    write(
        tmp_path, "panels/riverside.csv", HEADING + "3,Hale-Ray,Ada,1980-01-01,F,,,,,\n4,Ward,Peter,1962-01-01,M,,,,,\n"
    )
    assert load(database, tmp_path) == {"panel/riverside": (1, 1, 1, 2)}
    registry = DatabaseRegistry(database)
    assert ids(registry, ROSALIND, TODAY) == []
    assert ids(registry, ROSALIND, date(2026, 10, 15)) == [("riverside", "1")]
    assert ids(registry, PETER, TODAY) == [("riverside", "4")]
    assert ids(registry, PETER, date(2026, 10, 15)) == [], "nobody is told of what was before she was a member"


@pytest.mark.parametrize("cut", [1, 3, 8, 11, 14, 17])
def test_a_load_that_was_cut_off_is_taken_up_again(tmp_path: Path, database: Engine, cut: int) -> None:
    """Wherever it was cut: while members were compared, their keys written, or they themselves."""
    lines = [f"{n},Oxenham{n},Rosalind,1970-03-12,F\n" for n in range(600)]
    write(tmp_path, "panels/riverside.csv", HEADING + "".join(lines))
    _, work = loading(tmp_path, NOW)
    assert isinstance(work, RosterLoading)
    for step in islice(work.steps(), cut):
        with database.begin() as connection:
            step(connection)
    added, *rest = load(database, tmp_path)["panel/riverside"]
    with database.begin() as connection:
        members_there = connection.execute(select(func.count()).select_from(members)).scalar()
        keys_there = connection.execute(select(func.count()).select_from(member_keys)).scalar()
    assert (added <= 600, rest) == (True, [0, 0, 600])
    assert (members_there, keys_there) == (600, sum(len(blocking.keys(read.person)) for read in read_roster(
        tmp_path / "panels/riverside.csv", "riverside")))  # fmt: skip


def test_a_roster_with_a_fault_ends_nobody(tmp_path: Path, database: Engine) -> None:
    write(tmp_path, "panels/riverside.csv", ROSTER)
    load(database, tmp_path)
    write(tmp_path, "panels/riverside.csv", HEADING + "9,Hale,Ada\n9,Hale,Ada\n")
    with pytest.raises(RosterError):
        load(database, tmp_path)
    assert ids(DatabaseRegistry(database), ROSALIND, TODAY) == [("riverside", "1")]


def test_those_who_opted_out_are_asked_apart(tmp_path: Path, database: Engine) -> None:
    write(tmp_path, "registry/optouts.csv", HEADING + "x1,Oxenham,Rosalind,1970-03-12,F,,,,,\n")
    write(tmp_path, "registry/optouts/riverside.csv", HEADING + "x2,Ward,Peter,1962-01-01,M,,,,,\n")
    load(database, tmp_path)
    registry = DatabaseRegistry(database)
    assert [tuple(found[:2]) for found in registry.opted_out(ROSALIND, TODAY)] == [("", "x1")]
    assert [tuple(found[:2]) for found in registry.opted_out(PETER, TODAY)] == [("riverside", "x2")]
    assert ids(registry, ROSALIND, TODAY) == []


def test_what_came_before_somebody_opted_out_is_told_to_nobody_after(tmp_path: Path, database: Engine) -> None:
    """A message that waited for a person, or is replayed, is older than the opt-out."""
    write(tmp_path, "registry/optouts.csv", HEADING + "x1,Ward,Peter,1962-01-01,M,,,,,\n")
    load(database, tmp_path, datetime(2026, 10, 1, tzinfo=UTC))
    write(
        tmp_path,
        "registry/optouts.csv",
        HEADING + "x2,Oxenham,Rosalind,1970-03-12,F,,,,,\nx1,Ward,Peter,1962-01-01,M,,,,,\n",
    )
    load(database, tmp_path, datetime(2026, 11, 1, tzinfo=UTC))
    received = date(2026, 10, 15)
    before, after = (
        DatabaseRegistry(database, lambda day=day: day) for day in (datetime(2026, 10, 31, tzinfo=UTC), NOW)
    )
    assert before.opted_out(ROSALIND, received) == []
    assert [found.member for found in after.opted_out(ROSALIND, received)] == ["x2"]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", r"panel\.csv:1: .*`member`"),
        ("family,given\n", r":1: .*`member`"),
        ("1,Oxenham,Rosalind\n", r":1: .*`member`"),
        ("member,surname\n", r":1: there is no column 'surname'"),
        (HEADING + ",Oxenham\n", ":2: the member has no id"),
        (HEADING + "1,Oxenham\n1,Ward\n", ":3: the member's id stands in an earlier line"),
        (HEADING + "1,Oxenham,R,12/03/1970\n", ":2: birth_date is no day"),
        (HEADING + "1,Oxenham,R,,,,,,soon\n", ":2: since is no day"),
        (HEADING + "1,a,b,c,d,e,f,g,h,i,j,k\n", ":2: 12 cells under 10 columns"),
        (HEADING + '1,"Oxenham\n', "not CSV"),
        (HEADING + "1\0,Oxenham\n", ":2: the member's id holds a NUL"),
        (HEADING + "1,Oxenham" + " " * (1 << 20) + "\n", ":2: a row of more than 1 MB"),
        (HEADING + '"Oxenham\n",' * 120_000 + "\n", ":.*: a row of more than 1 MB"),
    ],
)
def test_what_is_no_roster_is_refused_without_quoting_it(tmp_path: Path, text: str, what: str) -> None:
    write(tmp_path, "panel.csv", text)
    with pytest.raises(RosterError, match=what) as refusal:
        list(read_roster(tmp_path / "panel.csv", "panel.csv"))
    assert "Oxenham" not in str(refusal.value)


SUBSCRIBERS = """\
riverside:
  title: Riverside Family Practice
  npi: 1234567893
  events: [admit, discharge]
  delivery: direct
  address: notify@riverside.example
  quiet: {from: 22:00, to: 07:00}
  zone: America/Chicago
hillside:
  delivery: mllp
  panel: riverside
"""


def test_subscribers_are_read_with_their_preferences(tmp_path: Path) -> None:
    write(tmp_path, "registry/subscribers.yaml", SUBSCRIBERS)
    found, findings = read_subscribers(tmp_path)
    assert findings == []
    assert [(each.name, each.panel, each.delivery) for each in found] == [
        ("riverside", "riverside", "direct"),
        ("hillside", "riverside", "mllp"),
    ]
    assert found[0].quiet is not None
    assert (str(found[0].quiet.start), found[0].zone) == ("22:00:00", "America/Chicago")
    registry = registry_of(tmp_path)
    assert [each.name for each in registry.subscribers("riverside")] == ["hillside", "riverside"]
    assert registry.subscribers("riverside")[1] == found[0]


def test_where_no_engine_runs_who_subscribes_by_fhir_has_subscribed_to_everything(tmp_path: Path) -> None:
    text = "riverside: {delivery: subscription}\nhillside: {delivery: direct}\n"
    write(tmp_path, "registry/subscribers.yaml", text)
    registry = registry_of(tmp_path)
    assert [each.filters for each in registry.subscriptions("riverside", NOW)] == [()]
    assert registry.subscriptions("hillside", NOW) == []


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Riverside: {delivery: direct}\n", "HIE208"),
        ("a: {delivery: direct, npi: 1234567890}\n", "HIE206"),
        ("a: {}\n", "HIE205"),
        ("a: {delivery: direct, quiet: {from: 25:00, to: 07:00}}\n", "HIE206"),
        ("a: {delivery: direct, zone: Springfield}\n", "HIE206"),
        ("a: {delivery: direct, events: [admits]}\n", "HIE206"),
        ("a: {delivery: direct, colour: red}\n", "HIE204"),
    ],
)
def test_what_is_wrong_with_a_subscriber_has_its_line(tmp_path: Path, text: str, code: str) -> None:
    write(tmp_path, "registry/subscribers.yaml", text)
    found, findings = read_subscribers(tmp_path)
    assert (found, [each.code for each in findings]) == ([], [code])
    assert findings[0].where == "registry/subscribers.yaml:1"


def _notice(root: Message, subscriber: str) -> Message:
    facts = {"subscriber.id": subscriber, "notice.key": "visit 9", "notice.kind": "new", "notice.event": "admit"}
    return root.derive(subscriber, attributes={**facts, "notice.digest": "d"})


def test_what_is_told_is_known_from_the_moment_it_is_planned(database: Engine) -> None:
    registry = SiteRegistry(lambda: DatabaseRegistry(database))
    first, second = (Message(f"{n:032}", "adt", "hl7v2", b"", NOW) for n in (1, 2))
    registry.take(first, [_notice(first, "riverside")])
    assert [told.message for told in registry.told("riverside", "visit 9", second.id)] == [first.id]
    assert registry.told("riverside", "visit 9", first.id) == [], "its own notice is not another's"
    assert registry.told("hillside", "visit 9", second.id) == []
    registry.let_go(first.id)
    assert registry.told("riverside", "visit 9", second.id) == [], "it was never committed: nobody was told"
    with database.begin() as connection:
        _commit(connection, first.id)
    registry.take(first, [_notice(first, "riverside")])
    assert len(registry.told("riverside", "visit 9", second.id)) == 1, "committed and in hand is told once"


@pytest.mark.parametrize(
    ("status", "kept", "is_lost"),
    [
        ("queued", None, False),
        ("delivered", None, False),
        ("pending", None, False),
        ("refused", None, True),
        ("failed", None, True),
        (None, "delivered", False),
        (None, "refused", True),
        (None, None, False),
    ],
)
def test_what_is_told_and_never_arrived_is_known_as_lost(
    database: Engine, status: str | None, kept: str | None, is_lost: bool
) -> None:
    with database.begin() as connection:
        _commit(connection, "1" * 32)
        connection.execute(update(notices).values(outcome=kept))
        if status is not None:
            row = {"id": "c" * 32, "queue": "adt/x", "format": "hl7v2", "size": 0, "received": 0, "attempts": 1}
            connection.execute(insert(messages).values(**row, status=status, open=False))
    assert [each.lost for each in DatabaseRegistry(database).told("riverside", "visit 9", "2" * 32)] == [is_lost]


def _commit(connection: Connection, root: str) -> None:
    row = {"message": "c" * 32, "received_as": root, "at": 0, "queue": "adt/x", "subscriber": "riverside"}
    connection.execute(insert(notices).values(**row, key="visit 9", kind="new", event="admit", digest="d"))


def test_the_manual_names_every_column_of_a_roster() -> None:
    text = (Path(__file__).parents[3] / "docs/matching.md").read_text()
    assert [name for name, meaning in COLUMNS.items() if f"| `{name}` | {meaning} |" not in text] == []


async def test_a_large_roster_leaves_no_large_log_behind_where_nothing_else_is_written(tmp_path: Path) -> None:
    journal = Journal(f"sqlite:///{tmp_path}/journal.db")
    await journal.open()
    entries = (Member(str(n), Person(ssn4=f"{n:04}", birth_date="19700101"), None, None) for n in range(20_000))
    for step in RosterLoading("panel/large", lambda: "1", entries, NOW).steps():
        await journal.change(step)
    database = tmp_path / "journal.db"
    async with asyncio.timeout(20):
        while database.stat().st_size <= 1_000_000:  # noqa: ASYNC110 - until the log is copied, beside the writer
            await asyncio.sleep(0.02)
    await journal.close()
