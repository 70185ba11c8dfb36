"""The journal's schema, brought up to date when it is opened (Alembic)."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from engine.journal.database import JournalError

HEAD = "0010"
"""The schema version that this code reads and writes: the newest file in `migrations/versions/`."""

_LOCK = 0x686965  # several engines may start at once on one PostgreSQL


def migrate(engine: Engine) -> None:
    """Bring the schema to this version's; raises `JournalError` for a journal written by a newer version."""
    with engine.connect() as connection:
        if _version(connection) == HEAD:
            return
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
        current = _version(connection)
        if current is not None and current > HEAD:
            raise JournalError("the journal was written by a newer version", "upgrade this engine to that version")
        _upgrade(connection)


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _upgrade(connection: Connection) -> None:
    # Alembic costs more to import than everything else at a start, and is needed once in a journal's life.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, HEAD)
