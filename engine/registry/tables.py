"""The registry's tables, beside the journal's in one database.

A roster is a panel (`panel/riverside`) or those who want nothing told (`optout/`, `optout/riverside`). What the site's
files say is under their `source`; days are numbers as 20261125.
"""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, MetaData, String, Table, Text

metadata = MetaData(naming_convention={"pk": "%(table_name)s_pk", "ix": "%(table_name)s_%(column_0_N_name)s"})

_Sequence = BigInteger().with_variant(Integer, "sqlite")

rosters = Table(
    "rosters",
    metadata,
    Column("name", String, primary_key=True),
    Column("digest", String, nullable=False),
    Column("loaded", BigInteger, nullable=False),
    Column("entries", Integer, nullable=False),
)
"""What was loaded of each roster: the digest of the file that it came from."""

members = Table(
    "members",
    metadata,
    Column("seq", _Sequence, primary_key=True, autoincrement=True),
    Column("roster", String, nullable=False),
    Column("member", String, nullable=False),
    Column("person", Text, nullable=False),
    Column("since", Integer),
    Column("until", Integer),
)
"""`until` is the first day on which the member is none any more."""

member_keys = Table(
    "member_keys",
    metadata,
    Column("key", BigInteger, primary_key=True),
    Column("member", BigInteger, primary_key=True),
    sqlite_with_rowid=False,
)

subscribers = Table(
    "subscribers",
    metadata,
    Column("name", String, primary_key=True),
    Column("source", String, nullable=False, index=True),
    Column("data", Text, nullable=False),
)

providers = Table(
    "providers",
    metadata,
    Column("npi", String, primary_key=True),
    Column("source", String, nullable=False, index=True),
    Column("data", Text, nullable=False),
)

provider_terms = Table(
    "provider_terms",
    metadata,
    Column("term", String, primary_key=True),
    Column("npi", String, primary_key=True, index=True),
)

links = Table(
    "links",
    metadata,
    Column("roster", String, primary_key=True),
    Column("member", String, primary_key=True),
    Column("identifier", String, primary_key=True, index=True),
    Column("same", Boolean, nullable=False),
)
"""What a person decided: whether who has `identifier` (`system|value`) is this member."""

changes = Table(
    "changes",
    metadata,
    Column("seq", _Sequence, primary_key=True, autoincrement=True),
    Column("at", BigInteger, nullable=False),
    Column("who", String, nullable=False),
    Column("what", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("detail", Text),
)
"""Who changed what in the registry."""

subscriptions = Table(
    "subscriptions",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("subscriber", String, nullable=False, index=True),
    Column("base", String, nullable=False),
    Column("resource", Text, nullable=False),
    Column("filters", Text, nullable=False),
    Column("updated", BigInteger, nullable=False),
    Column("status", String, nullable=False),
    Column("version", Integer, nullable=False),
    Column("verified", Boolean, nullable=False),
    Column("started", BigInteger),
    Column("ends", BigInteger),
    Column("due", BigInteger, index=True),
    Column("failures", Integer, nullable=False),
    Column("failing", BigInteger),
    Column("error", String, nullable=False),
    Column("detail", Text, nullable=False),
)
"""The FHIR subscriptions, as `channels.subscriptions.Subscribed` describes them."""

Index("members_roster", members.c.roster, members.c.member)
