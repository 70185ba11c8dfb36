"""Who was told of what, and the registry: rosters with their members, subscribers, providers, a person's decisions."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_SEQUENCE = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "notices",
        sa.Column("message", sa.String(32), nullable=False),
        sa.Column("received_as", sa.String(32), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("queue", sa.String, nullable=False),
        sa.Column("subscriber", sa.String, nullable=False),
        sa.Column("key", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("event", sa.String, nullable=False),
        sa.Column("digest", sa.String, nullable=False),
        sa.Column("patient_id", sa.String),
        sa.Column("member", sa.String),
        sa.Column("sender", sa.String),
        sa.Column("outcome", sa.String),
        sa.Column("outcome_at", sa.BigInteger),
        sa.Column("detail", sa.Text),
        sa.PrimaryKeyConstraint("message", name="notices_pk"),
    )
    op.create_index("notices_at", "notices", ["at"])
    op.create_index("notices_key", "notices", ["subscriber", "key"])
    op.create_index("notices_patient_id", "notices", ["patient_id", "at"])
    op.create_table(
        "rosters",
        sa.Column("name", sa.String, nullable=False),
        sa.Column("digest", sa.String, nullable=False),
        sa.Column("loaded", sa.BigInteger, nullable=False),
        sa.Column("entries", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("name", name="rosters_pk"),
    )
    op.create_table(
        "members",
        sa.Column("seq", _SEQUENCE, nullable=False, autoincrement=True),
        sa.Column("roster", sa.String, nullable=False),
        sa.Column("member", sa.String, nullable=False),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("since", sa.Integer),
        sa.Column("until", sa.Integer),
        sa.PrimaryKeyConstraint("seq", name="members_pk"),
    )
    op.create_index("members_roster", "members", ["roster", "member"])
    op.create_table(
        "member_keys",
        sa.Column("key", sa.BigInteger, nullable=False),
        sa.Column("member", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("key", "member", name="member_keys_pk"),
        sqlite_with_rowid=False,
    )
    for name, key in (("subscribers", "name"), ("providers", "npi")):
        op.create_table(
            name,
            sa.Column(key, sa.String, nullable=False),
            sa.Column("source", sa.String, nullable=False),
            sa.Column("data", sa.Text, nullable=False),
            sa.PrimaryKeyConstraint(key, name=f"{name}_pk"),
        )
        op.create_index(f"{name}_source", name, ["source"])
    op.create_table(
        "provider_terms",
        sa.Column("term", sa.String, nullable=False),
        sa.Column("npi", sa.String, nullable=False),
        sa.PrimaryKeyConstraint("term", "npi", name="provider_terms_pk"),
    )
    op.create_index("provider_terms_npi", "provider_terms", ["npi"])
    op.create_table(
        "links",
        sa.Column("roster", sa.String, nullable=False),
        sa.Column("member", sa.String, nullable=False),
        sa.Column("identifier", sa.String, nullable=False),
        sa.Column("same", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("roster", "member", "identifier", name="links_pk"),
    )
    op.create_index("links_identifier", "links", ["identifier"])
    op.create_table(
        "changes",
        sa.Column("seq", _SEQUENCE, nullable=False, autoincrement=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("who", sa.String, nullable=False),
        sa.Column("what", sa.String, nullable=False),
        sa.Column("subject", sa.String, nullable=False),
        sa.Column("detail", sa.Text),
        sa.PrimaryKeyConstraint("seq", name="changes_pk"),
    )
