"""FHIR subscriptions, and the events of each."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "subscriptions",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("subscriber", sa.String, nullable=False),
        sa.Column("base", sa.String, nullable=False),
        sa.Column("resource", sa.Text, nullable=False),
        sa.Column("filters", sa.Text, nullable=False),
        sa.Column("updated", sa.BigInteger, nullable=False),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("verified", sa.Boolean, nullable=False),
        sa.Column("started", sa.BigInteger),
        sa.Column("ends", sa.BigInteger),
        sa.Column("due", sa.BigInteger),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("failing", sa.BigInteger),
        sa.Column("error", sa.String, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="subscriptions_pk"),
    )
    op.create_index("subscriptions_subscriber", "subscriptions", ["subscriber"])
    op.create_index("subscriptions_due", "subscriptions", ["due"])
    op.create_table(
        "subscription_events",
        sa.Column("subscription", sa.String(32), nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("message", sa.String(32), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("subscription", "number", name="subscription_events_pk"),
    )
    op.create_index("subscription_events_message", "subscription_events", ["message"], unique=True)
