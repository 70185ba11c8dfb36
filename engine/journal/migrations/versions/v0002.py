"""Where each process runs, and a key that two equal messages cannot both have."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    for column in (sa.Column("host", sa.String), sa.Column("pid", sa.Integer), sa.Column("started", sa.BigInteger)):
        op.add_column("processes", column)
    op.add_column("messages", sa.Column("repeat_key", sa.String(32)))
    present = sa.text("repeat_key IS NOT NULL")
    op.create_index(
        "messages_repeat_key",
        "messages",
        ["repeat_key"],
        unique=True,
        sqlite_where=present,
        postgresql_where=present,
    )
