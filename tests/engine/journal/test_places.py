"""Places across processes: a reader that goes by places passes over none, however long another's commit takes."""

from __future__ import annotations

import asyncio

import psycopg

from engine.journal import Entry, Journal, Status
from schemas.ids import new_id
from schemas.message import HL7V2, Message
from tests.engine.journal.stored import BODY, START

_SLOW = """
create function slow() returns trigger language plpgsql as $$ begin perform pg_sleep(0.5); return new; end $$;
create trigger slow after insert on messages for each row when (new.queue = 'slow') execute function slow();
"""


def entry(queue: str) -> Entry:
    message = Message(new_id(START), queue, HL7V2, BODY, START)
    return Entry(message, queue, Status.RECEIVED, True)


async def test_a_place_committed_late_is_not_passed_over(postgresql_database: str) -> None:
    one, other = Journal(postgresql_database), Journal(postgresql_database)
    await one.open()
    await other.open()
    with psycopg.connect(postgresql_database, autocommit=True) as connection:
        connection.execute(_SLOW)
        late = one.append([entry("adt"), entry("slow")])
        async with asyncio.timeout(10):
            sleeping = "select 1 from pg_stat_activity where wait_event = 'PgSleep'"
            while connection.execute(sleeping).fetchone() is None:  # noqa: ASYNC110 - a server's state has no event
                await asyncio.sleep(0.01)
    writing = asyncio.gather(late, *(other.append([entry("adt")]) for _ in range(3)))
    read: list[int] = []
    async with asyncio.timeout(10):
        while len(read) < 4:
            done = writing.done()
            found = await one.waiting("adt", read[-1] if read else 0, 100, deferred=True)
            read.extend(waiting.seq for waiting in found)
            assert not done or len(read) == 4, f"of four places the reader saw only {read}"
    await writing
    await one.close()
    await other.close()
