"""A notice that waited goes out if its subscriber may still hear of the patient."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select

from engine import late
from engine.journal.tables import messages
from schemas.ids import utc_now
from schemas.message import Message
from tests.engine.harness import Hand, Script, adt, at_work, channel, no_registry, route
from tests.engine.test_digests import settled
from tests.transforms.notify.fakes import FakeRegistry
from transforms.matching import Name, Person
from transforms.registry import Membership, Subscriber
from transforms.step import Step

JANE = Person(identifiers=frozenset({("STANNE", "7")}), names=(Name.of("Doe", ["Jane"]),))
SOON = timedelta(seconds=0.5)
_CHILDREN = select(messages.c.status, messages.c.detail).where(messages.c.parent.is_not(None)).order_by(messages.c.seq)


def tell(message: Message) -> Message:
    """A notice to riverside that waits for the end of its quiet hours, or for its digest."""
    facts = {"subscriber.id": "riverside", "subscriber.member": "17", "match.panel": "riverside"}
    facts |= {"notice.key": "V1 arrival", "notice.kind": "new", "notice.event": "admit", "notice.digest": "d"}
    return message.derive("tell", attributes={**facts, "deliver.after": (utc_now() + SOON).isoformat()})


def tell_together(message: Message) -> Message:
    """The same for a digest."""
    return tell(message).derive("together", attributes={"deliver.digest": "riverside"})


def nothing(_known: FakeRegistry) -> None:
    """All stays as it was."""


def opts_out(known: FakeRegistry) -> None:
    """Jane wants nobody told any more."""
    known.opted.append(Membership("", "x1", JANE))


def opts_out_of_another(known: FakeRegistry) -> None:
    """Jane wants another one not told."""
    known.opted.append(Membership("hillside", "x1", JANE))


def leaves(known: FakeRegistry) -> None:
    """Jane is riverside's patient no more."""
    known.rosters.clear()


def ends(known: FakeRegistry) -> None:
    """Riverside subscribes no more."""
    known.known.clear()


@pytest.mark.parametrize(("step", "becomes"), [(tell, ["delivered"]), (tell_together, ["routed", "delivered"])])
@pytest.mark.parametrize(
    ("meanwhile", "why"),
    [
        (nothing, ""),
        (opts_out_of_another, ""),
        (opts_out, "not sent: the patient has opted out"),
        (leaves, "not sent: the patient is no member of the panel any more"),
        (ends, "not sent: its subscriber is none of the panel any more"),
    ],
)
async def test_what_changed_while_a_notice_waited_counts(
    journal_url: str,
    monkeypatch: pytest.MonkeyPatch,
    meanwhile: Callable[[FakeRegistry], None],
    why: str,
    step: Callable[[Message], Message],
    becomes: list[str],
) -> None:
    monkeypatch.setattr(late, "LATE", timedelta(0))
    known = FakeRegistry([Subscriber("riverside", panel="riverside")], [Membership("riverside", "17", JANE)])
    registry = no_registry()
    registry.use(known)
    hand, script = Hand(), Script()
    telling = channel(hand, route(script), steps=(Step("tell", step),))
    async with at_work(journal_url, telling, hand, registry=registry) as stand:
        await hand.send(adt("M1", "7"))
        meanwhile(known)
        await settled(stand.journal)
        rows = await stand.journal.read(lambda connection: connection.execute(_CHILDREN).all())
    assert [row.status for row in rows] == (["refused"] if why else becomes)
    assert rows[-1].detail == (why or "AA")
    assert bool(script.tried) is not bool(why)
