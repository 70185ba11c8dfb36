"""The journal's first schema."""

import uuid

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _index(name: str, columns: list[str], where: str = "", *, sqlite: str = "", unique: bool = False) -> None:
    if where:
        op.create_index(
            name, "messages", columns, sqlite_where=sa.text(sqlite or where), postgresql_where=sa.text(where)
        )
    else:
        op.create_index(name, "messages", columns, unique=unique)


def upgrade() -> None:
    op.create_table(
        "messages",
        sa.Column("seq", _SEQUENCE, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("queue", sa.String, nullable=False),
        sa.Column("parent", sa.String(32)),
        sa.Column("format", sa.String, nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("received", sa.BigInteger, nullable=False),
        sa.Column("type", sa.String),
        sa.Column("control_id", sa.String),
        sa.Column("patient_id", sa.String),
        sa.Column("attributes", sa.Text),
        sa.Column("findings", sa.Text),
        sa.Column("order_keys", sa.Text),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("open", sa.Boolean, nullable=False),
        sa.Column("due", sa.BigInteger),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("first_attempt", sa.BigInteger),
        sa.Column("settled", sa.BigInteger),
        sa.Column("detail", sa.Text),
        sa.Column("reply", sa.LargeBinary),
        sa.Column("body_of", sa.String(32)),
        sa.Column("body", sa.LargeBinary),
        sa.PrimaryKeyConstraint("seq", name="messages_pk"),
    )
    _index("messages_id", ["id"], unique=True)
    _index("messages_queue", ["queue", "id"])
    _index("messages_open", ["queue", "seq"], "open", sqlite="open = 1")
    _index("messages_due", ["queue", "due"], "due IS NOT NULL")
    _index(
        "messages_sought",
        ["status", "id"],
        "status = 'rejected' OR status = 'pending' OR status = 'deferred' OR status = 'refused'"
        " OR status = 'failed' OR status = 'filtered'",
    )
    for name in ("type", "control_id", "patient_id", "parent"):
        _index(f"messages_{name}", [name, "id"], f"{name} IS NOT NULL")
    op.create_table(
        "events",
        sa.Column("seq", _SEQUENCE, autoincrement=True, nullable=False),
        sa.Column("message", sa.String(32), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("detail", sa.Text),
        sa.Column("reply", sa.LargeBinary),
        sa.PrimaryKeyConstraint("seq", name="events_pk"),
    )
    op.create_index("events_message", "events", ["message"])
    op.create_table(
        "terms",
        sa.Column("name", sa.String, nullable=False),
        sa.Column("value", sa.String, nullable=False),
        sa.Column("message", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("name", "value", "message", name="terms_pk"),
    )
    op.create_index("terms_message", "terms", ["message"])
    op.create_table(
        "identity", sa.Column("id", sa.String(32), nullable=False), sa.PrimaryKeyConstraint("id", name="identity_pk")
    )
    op.bulk_insert(sa.table("identity", sa.column("id", sa.String)), [{"id": uuid.uuid4().hex}])
    op.create_table(
        "processes",
        sa.Column("name", sa.String, nullable=False),
        sa.Column("beat", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("name", name="processes_pk"),
    )
    op.create_table(
        "owners",
        sa.Column("queue", sa.String, nullable=False),
        sa.Column("process", sa.String),
        sa.PrimaryKeyConstraint("queue", name="owners_pk"),
    )
