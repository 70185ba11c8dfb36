"""In which digest a notice was told."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.add_column("notices", sa.Column("told_in", sa.String(32)))
    op.create_index("notices_told_in", "notices", ["told_in"])
