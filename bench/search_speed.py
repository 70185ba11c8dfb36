"""How long each kind of search, the due query and a history take in a journal of a million messages.

    python -m bench.search_speed [--messages 1000000] [--keep FILE] [--postgresql URL]

Each question is asked five times after a first one; the slowest of the five is shown beside the first.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sqlite3
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from engine.journal import Journal, Status
from engine.journal.entry import microseconds
from engine.journal.history import history
from engine.journal.search import Search, search
from schemas.ids import derived_id, new_id

END = datetime(2026, 3, 1, tzinfo=UTC)
SPAN = timedelta(days=30)
LIMIT = 0.050  # seconds
BODY = (b"MSH|^~\\&|STANNE|HOSPITAL|HIE|HIE|20260301080000||ADT^A08|1|P|2.5\r" + b"ZZZ|" + b"x" * 1030 + b"\r")[:1100]
TYPES = ["ADT^A08"] * 50 + ["ADT^A01"] * 20 + ["ADT^A03"] * 20 + ["ORU^R01"] * 9
COLUMNS = (
    "id", "queue", "parent", "format", "size", "received", "type", "control_id", "patient_id", "attributes", "status",
    "open", "due", "attempts", "settled", "detail", "body_of", "body",
)  # fmt: skip
Row = tuple[object, ...]


def rows(count: int, seed: int = 7) -> Iterator[tuple[list[Row], list[Row]]]:
    """`count` received messages over 30 days in batches, most with two deliveries; and their terms.

    One in 20,000 is an A40, one in 50,000 filtered, one in 10,000 deliveries failed; the last 2 % wait for a partner.
    """
    chance = random.Random(seed)
    made: list[Row] = []
    named: list[Row] = []
    for number in range(count):
        at = END - SPAN + SPAN * (number / count)
        id, time_ = new_id(at, chance.randbytes(10)), microseconds(at)
        channel = "lab" if number % 10 == 9 else "adt"
        type = "ADT^A40" if number % 20_000 == 77 else chance.choice(TYPES)
        status = Status.FILTERED if number % 50_000 == 99 else Status.ROUTED
        keys = (type, f"M{number:08d}", f"{chance.randrange(200_000):07d}")
        made.append(
            (
                id,
                channel,
                None,
                "hl7v2",
                1100,
                time_,
                *keys,
                '{"mllp.peer":"10.0.0.7"}',
                status,
                0,
                None,
                0,
                time_,
                None,
                None,
                BODY,
            )
        )
        named.append(("visit", f"V{number // 3:07d}", id))
        if status is Status.FILTERED:
            continue
        for route in ("archive", "practice"):
            outcome, is_open, due = Status.DELIVERED, 0, None
            if route == "practice" and number > count * 0.98:
                outcome, is_open = (Status.DEFERRED, 1) if number % 100 == 0 else (Status.QUEUED, 1)
                due = time_ if outcome is Status.DEFERRED else None
            elif number % 10_000 == 4321:
                outcome = Status.FAILED
            made.append(
                (derived_id(id, f"{route}/0"), f"{channel}/{route}", id, "hl7v2", 1100, time_, None, None, None,
                 '{"mllp.peer":"10.0.0.7"}', outcome, is_open, due, 1, None if is_open else time_, None, id, None)
            )  # fmt: skip
        if len(made) > 20_000:
            yield made, named
            made, named = [], []
    yield made, named


def fill_sqlite(file: Path, count: int) -> None:
    """Insert `count` messages without the care that the engine takes."""
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA synchronous=OFF")
    insert = f"INSERT INTO messages ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"
    for made, named in rows(count):
        connection.executemany(insert, made)
        connection.executemany("INSERT INTO terms VALUES (?, ?, ?)", named)
        connection.commit()
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def fill_postgresql(url: str, count: int) -> None:
    """Copy `count` messages into the database."""
    import psycopg  # noqa: PLC0415

    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        for made, named in rows(count):
            with cursor.copy(f"COPY messages ({', '.join(COLUMNS)}) FROM STDIN") as copy:
                for row in made:
                    copy.write_row((*row[:11], bool(row[11]), *row[12:]))
            with cursor.copy("COPY terms FROM STDIN") as copy:
                for row in named:
                    copy.write_row(row)
        connection.commit()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")


def questions(journal: Journal, known: str) -> dict[str, Callable[[], Awaitable[object]]]:
    """Every kind of search, and what else an operator and the engine ask."""
    hour = {"since": END - timedelta(days=12, hours=1), "until": END - timedelta(days=12)}
    searches = {
        "the newest": Search(),
        "a page 15 days back": Search(until=END - timedelta(days=15)),
        "an hour, 12 days back": Search(**hour),  # type: ignore[arg-type]
        "channel": Search(channel="lab"),
        "channel, an hour": Search(channel="lab", **hour),  # type: ignore[arg-type]
        "route": Search(route="lab/practice"),
        "route, an hour": Search(route="adt/practice", **hour),  # type: ignore[arg-type]
        "type ADT": Search(type="ADT"),
        "type ADT^A40 (50 messages)": Search(type="ADT^A40"),
        "type A40 and delivered": Search(type="ADT^A40", status=Status.DELIVERED),
        "type that is not there": Search(type="MDM"),
        "control id": Search(control_id="M00012345"),
        "patient id": Search(patient_id="0123456"),
        "patient id and type": Search(patient_id="0123456", type="ADT^A03", channel="adt"),
        "named path (visit)": Search(terms=(("visit", "V0012345"),)),
        **{f"status {status}": Search(status=status) for status in Status},
        "failed on one route": Search(status=Status.FAILED, route="lab/practice"),
        "queued in one channel": Search(status=Status.QUEUED, channel="lab"),
        "failed, of a patient": Search(status=Status.FAILED, patient_id="0123456"),
        "delivered, where none was": Search(
            status=Status.DELIVERED, route="adt/practice", since=END - timedelta(hours=12)
        ),
    }
    asked: dict[str, Callable[[], Awaitable[object]]] = {
        name: lambda wanted=wanted: search(journal, wanted)  # type: ignore[misc]
        for name, wanted in searches.items()
    }
    queues = [f"{channel}{route}" for channel in ("adt", "lab") for route in ("", "/archive", "/practice")]
    asked["history of a message"] = lambda: history(journal, known)
    asked["due, of six queues"] = lambda: journal.due(queues, END, 500)
    asked["waiting, 200 of a backlog"] = lambda: journal.waiting("adt/practice", 0, 200, deferred=True)
    return asked


async def measure(url: str) -> bool:
    """Ask everything, print how long it took; whether every first and later answer kept the limit."""
    journal = Journal(url)
    await journal.open()
    known = (await search(journal, Search(until=END - timedelta(days=20)), limit=1)).rows[0].id
    kept = True
    print(f"{'question':34} {'rows':>5} {'first ms':>9} {'worst of 5':>11}")
    for name, ask in questions(journal, known).items():
        times = []
        for _ in range(6):
            since = time.perf_counter()
            answer = await ask()
            times.append(time.perf_counter() - since)
        found = len(getattr(answer, "rows", ())) or (len(answer) if isinstance(answer, list | dict) else 0)
        more = " (more further back)" if found < 50 and getattr(answer, "before", None) else ""
        late = "  OVER" if max(times) > LIMIT else ""
        kept = kept and not late
        print(f"{name:34} {found:5} {times[0] * 1000:9.1f} {max(times[1:]) * 1000:11.1f}{late}{more}")
    await journal.close()
    return kept


async def schema(url: str) -> None:
    """Make an empty journal at `url`."""
    journal = Journal(url)
    await journal.open()
    await journal.close()


def main() -> int:
    """Fill a journal and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--keep", type=Path, help="fill this SQLite file, or use it when it is there")
    parser.add_argument("--postgresql", help="the URL of an empty database to fill instead")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file = given.keep or Path(folder) / "journal.db"
        url = given.postgresql or f"sqlite:///{file.absolute()}"
        if given.postgresql or not file.exists():
            since = time.perf_counter()
            asyncio.run(schema(url))
            if given.postgresql:
                fill_postgresql(url, given.messages)
            else:
                fill_sqlite(file, given.messages)
            print(f"filled with {given.messages:,} messages in {time.perf_counter() - since:.0f} s")
        return 0 if asyncio.run(measure(url)) else 1


if __name__ == "__main__":
    sys.exit(main())
