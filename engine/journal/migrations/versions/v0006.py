"""What was said in referrals."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_SEQUENCE = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "referral_acts",
        sa.Column("seq", _SEQUENCE, nullable=False, autoincrement=True),
        sa.Column("message", sa.String(32), nullable=False),
        sa.Column("received_as", sa.String(32), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("queue", sa.String, nullable=False),
        sa.Column("end", sa.String),
        sa.Column("referral", sa.String, nullable=False),
        sa.Column("act", sa.String, nullable=False),
        sa.Column("verdict", sa.String, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("written", sa.BigInteger, nullable=False),
        sa.Column("digest", sa.String, nullable=False),
        sa.Column("control_id", sa.String, nullable=False),
        sa.Column("form", sa.String, nullable=False),
        sa.Column("sender", sa.String, nullable=False),
        sa.Column("to_form", sa.String, nullable=False),
        sa.Column("to_address", sa.String, nullable=False),
        sa.Column("patient", sa.String, nullable=False),
        sa.Column("patients", sa.Text, nullable=False),
        sa.Column("filler", sa.String, nullable=False),
        sa.Column("party", sa.String, nullable=False),
        sa.Column("npi", sa.String, nullable=False),
        sa.Column("appointment", sa.BigInteger),
        sa.Column("outcome", sa.String),
        sa.Column("outcome_at", sa.BigInteger),
        sa.Column("detail", sa.Text),
        sa.PrimaryKeyConstraint("seq", name="referral_acts_pk"),
    )
    op.create_index("referral_acts_message", "referral_acts", ["message"], unique=True)
    op.create_index("referral_acts_referral", "referral_acts", ["referral", "seq"])
    op.create_index("referral_acts_patient", "referral_acts", ["patient", "seq"])
