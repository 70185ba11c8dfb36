"""What each event of a subscription is about."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.add_column("subscription_events", sa.Column("focus", sa.String))
    op.create_index("subscription_events_focus", "subscription_events", ["focus", "subscription"])
