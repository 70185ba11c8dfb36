"""Whatever a referral says, the way from one form to another and back keeps it, but for what is reported."""

from __future__ import annotations

from datetime import UTC, timedelta

import pytest
from hypothesis import HealthCheck, given, settings

from engine.steps import open_referral
from engine.steps.said import said_in
from schemas.message import Message
from tests.engine.steps.exchange import CLINICS, Exchange, arrives, message_of, write
from tests.transforms.refer.strategies import messages
from transforms.refer import Act, ReferralMessage
from transforms.refer.lost import lost_facts

FORMS = ("360x", "ref", "fhir")
OWN = ("control_id", "patient", "clinical", "documents")
"""What is the exchange's own, is told of by the maps of the resources, or is held to more than equality below."""


def opened(message: Message) -> tuple[Message, ReferralMessage]:
    (made,) = open_referral(message, registry=Exchange())
    return made, said_in(made, "", None)


def bridged(message: Message, form: str) -> tuple[Message, set[str]]:
    """The message in another form, as it arrives there, and the facts that were reported as left out."""
    facts = {"referral.to.form": form, "referral.to.address": CLINICS[form]}
    written = write(message.derive("addressed", attributes=facts))
    told = {each.where for each in written.findings if each.code == "REF-201"}
    return message_of(written.body, form, CLINICS[form], message.received), told


@pytest.mark.parametrize(("there", "back"), [(one, other) for one in FORMS for other in FORMS if one != other])
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(sent=messages(*(each for each in Act if each is not Act.INQUIRE)))
def test_a_referral_survives_the_bridge_there_and_back(there: str, back: str, sent: ReferralMessage) -> None:
    at = sent.at.astimezone(UTC) + timedelta(seconds=1)
    first, said = opened(arrives(sent, there, at=at))
    crossing, left = bridged(first, back)
    second, crossed = opened(crossing)
    returning, left_again = bridged(second, there)
    _, returned = opened(returning)
    for each, lost in ((crossed, left), (returned, left | left_again)):
        assert {fact for fact in lost_facts(said, each) if fact.partition(".")[0] not in OWN} <= lost
        assert (each.act, each.referral, each.at) == (said.act, said.referral, said.at)
        assert each.patient["identifier"][0]["value"] == said.patient["identifier"][0]["value"]
        documents = [one.body for one in said.documents]
        notes = 1 if said.act is Act.REQUEST else 0  # what a request without a document gets
        carried = [one.body for one in each.documents]
        assert carried[len(carried) - len(documents) :] == documents
        assert len(carried) <= len(documents) + notes
