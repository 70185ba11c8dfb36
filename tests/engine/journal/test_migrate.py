"""A journal that an earlier version wrote is brought to this version's schema, with all that is in it."""

from __future__ import annotations

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text

from engine.journal import Journal
from engine.journal import migrate as module
from engine.journal.search import Search, search
from engine.journal.tables import metadata
from engine.registry.tables import metadata as registry
from tests.engine.journal.stored import received

_ROW = (
    "insert into messages (id, queue, format, size, received, control_id, status, open, attempts) "
    "values ('00000000000000000000000000000001', 'adt', 'hl7v2', 0, 0, 'OLD', 'routed', false, 0)"
)


@pytest.mark.parametrize("version", ["0001", "0002", "0003", "0004", "0005"])
async def test_an_earlier_journal_is_migrated_at_the_start(
    journal_url: str, version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(module, "HEAD", version)
        old = Journal(journal_url)
        await old.open()
        await old.change(lambda connection: connection.execute(text(_ROW)))
        await old.close()
    journal = Journal(journal_url)
    await journal.open()
    await received(journal, control_id="NEW")
    page = await search(journal, Search(channel="adt"))
    assert [row.control_id for row in page.rows] == ["NEW", "OLD"]

    def differences(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), [metadata, registry]))

    assert await journal.read(differences) == []
    await journal.close()
