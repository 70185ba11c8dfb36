"""By which end somebody was told of what."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("notices", sa.Column("end", sa.String))
