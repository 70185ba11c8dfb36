"""The journal's tables, one definition for SQLite and PostgreSQL.

`messages` holds a row for each message received and for each child that a route made of it. A row's facts are written
once; only its state (`status`, `open`, `due`, `attempts`, `settled`, `detail`, `reply`) moves on, and what that state
was before is kept in `events`. `kept` is what the ends remember, `notices` who was told of what, `referral_acts` what
was said in referrals. Times are microseconds since 1970-01-01 UTC.
"""

from enum import StrEnum

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, MetaData, String, Table, Text, text


class Status(StrEnum):
    """Where a message stands. The first two words are the journal's own; the rest is the outcome."""

    RECEIVED = "received"  # journaled, not routed yet
    QUEUED = "queued"  # a child that waits for its first delivery
    ROUTED = "routed"
    FILTERED = "filtered"
    REJECTED = "rejected"  # refused on the way in
    DELIVERED = "delivered"
    PENDING = "pending"
    DEFERRED = "deferred"
    REFUSED = "refused"
    FAILED = "failed"  # a step raised, or the retries ran out: the operator's list


TROUBLE = (Status.REJECTED, Status.PENDING, Status.DEFERRED, Status.REFUSED, Status.FAILED)
"""The states that an operator looks for."""

SOUGHT = (*TROUBLE, Status.FILTERED)
"""The states that may be few among many, so that they have an index of their own."""

TYPE, CONTROL_ID, PATIENT_ID = "type", "control id", "patient id"
"""The names of the terms by which a message is found besides the columns of its row: further patients that it names,
and what the messages of a batch, or the parts that a step made of it, are called. The site's own names are beside them.
"""

metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pk",
        "ix": "%(table_name)s_%(column_0_N_name)s",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
    }
)

# SQLite numbers rows by itself only for a column of exactly the type INTEGER.
_Sequence = BigInteger().with_variant(Integer, "sqlite")

messages = Table(
    "messages",
    metadata,
    Column("seq", _Sequence, primary_key=True, autoincrement=True),
    Column("id", String(32), nullable=False),
    Column("queue", String, nullable=False),
    Column("parent", String(32)),
    Column("format", String, nullable=False),
    Column("size", Integer, nullable=False),
    Column("received", BigInteger, nullable=False),
    Column("type", String),
    Column("control_id", String),
    Column("patient_id", String),
    Column("attributes", Text),
    Column("findings", Text),
    Column("order_keys", Text),
    Column("status", String, nullable=False),
    Column("open", Boolean, nullable=False),
    Column("due", BigInteger),
    Column("attempts", Integer, nullable=False),
    Column("first_attempt", BigInteger),
    Column("settled", BigInteger),
    Column("detail", Text),
    Column("reply", LargeBinary),
    Column("body_of", String(32)),
    Column("body", LargeBinary),
    Column("repeat_key", String(32)),
)

events = Table(
    "events",
    metadata,
    Column("seq", _Sequence, primary_key=True, autoincrement=True),
    Column("message", String(32), nullable=False, index=True),
    Column("at", BigInteger, nullable=False),
    Column("kind", String, nullable=False),
    Column("detail", Text),
    Column("reply", LargeBinary),
)

terms = Table(
    "terms",
    metadata,
    Column("name", String, primary_key=True),
    Column("value", String, primary_key=True),
    Column("message", String(32), primary_key=True, index=True),
)

identity = Table("identity", metadata, Column("id", String(32), primary_key=True))

kept = Table(
    "kept",
    metadata,
    Column("kind", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("value", Text, nullable=False),
    Column("expires", BigInteger, nullable=False, index=True),
    Column("due", BigInteger),
)

notices = Table(
    "notices",
    metadata,
    Column("message", String(32), primary_key=True),
    Column("received_as", String(32), nullable=False),
    Column("at", BigInteger, nullable=False, index=True),
    Column("queue", String, nullable=False),
    Column("subscriber", String, nullable=False),
    Column("key", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("event", String, nullable=False),
    Column("digest", String, nullable=False),
    Column("patient_id", String),
    Column("member", String),
    Column("sender", String),
    Column("end", String),
    Column("outcome", String),
    Column("outcome_at", BigInteger),
    Column("detail", Text),
    Column("told_in", String(32), index=True),
)
"""What each subscriber was told, by which end (`direct`). The outcome is that of the message, or of the digest that it
was `told_in`, and put here when that is removed."""

referral_acts = Table(
    "referral_acts",
    metadata,
    Column("seq", _Sequence, primary_key=True, autoincrement=True),
    Column("message", String(32), nullable=False),
    Column("received_as", String(32), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("queue", String, nullable=False),
    Column("end", String),
    Column("referral", String, nullable=False),
    Column("act", String, nullable=False),
    Column("verdict", String, nullable=False),
    Column("state", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("written", BigInteger, nullable=False),
    Column("digest", String, nullable=False),
    Column("control_id", String, nullable=False),
    Column("form", String, nullable=False),
    Column("sender", String, nullable=False),
    Column("to_form", String, nullable=False),
    Column("to_address", String, nullable=False),
    Column("patient", String, nullable=False),
    Column("patients", Text, nullable=False),
    Column("filler", String, nullable=False),
    Column("party", String, nullable=False),
    Column("npi", String, nullable=False),
    Column("appointment", BigInteger),
    Column("outcome", String),
    Column("outcome_at", BigInteger),
    Column("detail", Text),
)
"""What was said in each referral, a row for each delivery that was made of it, in the order of the commits; `state` is
where the referral stood then. The outcome is that of the message, and put here when that is removed."""

subscription_events = Table(
    "subscription_events",
    metadata,
    Column("subscription", String(32), primary_key=True),
    Column("number", BigInteger, primary_key=True),
    Column("message", String(32), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("focus", String),
)
"""The events of each FHIR subscription, numbered from 1 without a gap by the commit that makes the message."""

processes = Table(
    "processes",
    metadata,
    Column("name", String, primary_key=True),
    Column("beat", BigInteger, nullable=False),
    Column("host", String),
    Column("pid", Integer),
    Column("started", BigInteger),
)

owners = Table(
    "owners",
    metadata,
    Column("queue", String, primary_key=True),
    Column("process", String),
)

# SQLite sees that such an index serves `status = 'failed'` where its terms are joined by OR, and not in an IN.
_sought = text(" OR ".join(f"status = '{status}'" for status in SOUGHT))

Index("messages_id", messages.c.id, unique=True)
# Ids are in the order of time, so that an index that ends in the id serves a search within a span of time.
Index("messages_queue", messages.c.queue, messages.c.id)
Index("messages_open", messages.c.queue, messages.c.seq, sqlite_where=text("open = 1"), postgresql_where=text("open"))
Index(
    "messages_due",
    messages.c.queue,
    messages.c.due,
    sqlite_where=text("due IS NOT NULL"),
    postgresql_where=text("due IS NOT NULL"),
)
Index("messages_sought", messages.c.status, messages.c.id, sqlite_where=_sought, postgresql_where=_sought)
_coming = text("due IS NOT NULL")
Index("kept_due", kept.c.kind, kept.c.due, sqlite_where=_coming, postgresql_where=_coming)
Index("subscription_events_message", subscription_events.c.message, unique=True)
Index("subscription_events_focus", subscription_events.c.focus, subscription_events.c.subscription)
Index("notices_key", notices.c.subscriber, notices.c.key)
Index("notices_patient_id", notices.c.patient_id, notices.c.at)
Index("referral_acts_message", referral_acts.c.message, unique=True)
Index("referral_acts_referral", referral_acts.c.referral, referral_acts.c.seq)
Index("referral_acts_patient", referral_acts.c.patient, referral_acts.c.seq)
_keyed = text("repeat_key IS NOT NULL")
Index("messages_repeat_key", messages.c.repeat_key, unique=True, sqlite_where=_keyed, postgresql_where=_keyed)
for _name in ("type", "control_id", "patient_id", "parent"):
    _present = text(f"{_name} IS NOT NULL")
    Index(f"messages_{_name}", messages.c[_name], messages.c.id, sqlite_where=_present, postgresql_where=_present)
