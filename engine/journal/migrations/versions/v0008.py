"""Keys of members are found by their key alone: an index the other way cost more than all else in loading a roster.

A journal that came to 0004 by its later form never had it, and has no free page instead of it.
"""

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.execute("DROP INDEX IF EXISTS member_keys_member")
