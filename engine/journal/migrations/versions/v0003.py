"""What the ends remember from one message to another."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "kept",
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("key", sa.String, nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("expires", sa.BigInteger, nullable=False),
        sa.Column("due", sa.BigInteger),
        sa.PrimaryKeyConstraint("kind", "key", name="kept_pk"),
    )
    op.create_index("kept_expires", "kept", ["expires"])
    coming = sa.text("due IS NOT NULL")
    op.create_index("kept_due", "kept", ["kind", "due"], sqlite_where=coming, postgresql_where=coming)
