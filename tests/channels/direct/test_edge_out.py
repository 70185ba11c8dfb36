"""The outbound end at an edge: the mail that goes to the HISP, and what makes a delivery delivered."""

from __future__ import annotations

import email
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from channels.direct.compose import Package
from channels.direct.correspondence import Correspondence, for_anybody
from channels.direct.mime import Entity
from channels.direct.noticed import notices_of
from channels.direct.smtp.relay import Relay, Relayed
from channels.direct.xdm import read_xdm
from channels.ends import OutcomeCode
from tests.channels.direct.edge import DOCUMENT, OURS, THEIRS, Engine, Hub, mdn

HOUR = timedelta(hours=1)


async def tell(engine: Engine, notice: bytes) -> None:
    (said,) = notices_of(Entity.parse(notice))
    await Correspondence(engine.context).apply(said, for_anybody, notice)


@pytest.mark.row("M2", "N17", "MT 17", "MT 45", "MT 46")
async def test_the_mail_says_who_to_whom_and_asks_for_notices() -> None:
    engine = Engine()
    async with Hub().open() as hub:
        end = hub.outbound(engine, to="{subscriber.address}, {subscriber.other}", wait_for="delivered")
        message = engine.message(subscriber__address=f"Dr. May <dr.may@{THEIRS}>", subscriber__other=f"b@{THEIRS}")
        outcomes = [
            await end.deliver(message),
            await end.deliver(engine.message(subscriber__address=f"c@{THEIRS}", subscriber__other=f"d@{THEIRS}")),
        ]
        await end.close()
    assert [outcome.code for outcome in outcomes] == [OutcomeCode.PENDING] * 2
    assert outcomes[0].until == engine.time + HOUR
    envelope, sent = hub.taken[0]
    assert (envelope.sender, envelope.recipients) == (f"notify@{OURS}", (f"dr.may@{THEIRS}", f"b@{THEIRS}"))
    mail = email.message_from_bytes(sent)
    assert (mail["From"], mail["To"]) == (f"notify@{OURS}", f"dr.may@{THEIRS}, b@{THEIRS}")
    assert mail["Message-ID"].startswith(f"<{message.id}.")
    assert mail["Disposition-Notification-Options"] == "X-DIRECT-FINAL-DESTINATION-DELIVERY=optional,true"
    text, document = mail.get_payload()
    assert text.get_payload() == "A clinical document is attached."
    assert (document.get_content_type(), document.get_payload(decode=True)) == ("text/xml", DOCUMENT)
    assert len({email.message_from_bytes(sent)["Message-ID"] for _, sent in hub.taken}) == 2


async def test_a_text_is_what_the_mail_says_unless_it_is_to_be_a_file() -> None:
    engine = Engine()
    notice = replace(engine.message(), format="text", body="Notice of admission\nPatient: José\n".encode())
    async with Hub().open() as hub:
        for options in ({}, {"file": "notice.txt"}):
            end = hub.outbound(engine, to=f"a@{THEIRS}", **options)
            await end.deliver(replace(notice, id=engine.message().id))
            await end.close()
    read, attached = (email.message_from_bytes(sent) for _, sent in hub.taken)
    assert read.get_content_type() == "text/plain"
    assert read.get_payload(decode=True).decode().splitlines() == ["Notice of admission", "Patient: José"]
    assert [part.get_filename() for part in attached.get_payload()] == [None, "notice.txt"]


async def test_a_text_in_another_encoding_is_a_file_byte_for_byte() -> None:
    body = "Patient: José\n".encode("latin-1")
    engine = Engine()
    async with Hub().open() as hub:
        end = hub.outbound(engine, to=f"a@{THEIRS}")
        await end.deliver(replace(engine.message(), format="text", body=body))
        await end.close()
    (mail,) = (email.message_from_bytes(sent) for _, sent in hub.taken)
    assert [part.get_payload(decode=True) for part in mail.get_payload()][1] == body


@pytest.mark.row("N13", "N15")
async def test_it_is_delivered_when_each_recipients_notice_came_and_told_once() -> None:
    engine = Engine()
    async with Hub().open() as hub:
        end = hub.outbound(engine, to=f"a@{THEIRS}, b@{THEIRS}")
        message = engine.message()
        await end.deliver(message)
        about = email.message_from_bytes(hub.taken[0][1])["Message-ID"][1:-1]
        for recipient in (f"a@{THEIRS}", f"a@{THEIRS}", f"b@{THEIRS}", f"b@{THEIRS}"):
            await tell(engine, mdn(about, recipient=recipient))
        await end.close()
    codes = [outcome.code for id, outcome in engine.settled if id == message.id]
    assert codes.count(OutcomeCode.DELIVERED) == 1
    assert codes[-1] is OutcomeCode.DELIVERED


@pytest.mark.row("N11", "N16")
async def test_without_a_notice_in_time_it_is_refused_and_a_replay_sends_it_anew() -> None:
    engine = Engine()
    async with Hub().open() as hub:
        end = hub.outbound(engine, processed_within=timedelta(minutes=5), delivered_within=timedelta(minutes=5))
        message = engine.message()
        until = (await end.deliver(message)).until
        assert until == engine.time + timedelta(minutes=5)
        engine.after(timedelta(minutes=4))
        assert (await end.deliver(message)).until == until  # asked too early: nothing goes out twice
        engine.after(timedelta(minutes=1))
        outcome = await end.deliver(message)
        assert (outcome.code, outcome.detail) == (
            OutcomeCode.REFUSED, "failed for 1 recipient of 1: no processed notice came in time")  # fmt: skip
        assert len(hub.taken) == 1
        assert (await end.deliver(message)).code is OutcomeCode.PENDING
        ids = {email.message_from_bytes(sent)["Message-ID"] for _, sent in hub.taken}
        assert len(ids) == len(hub.taken) == 2
        await end.close()


@pytest.mark.row("N12")
async def test_a_notice_after_the_time_changes_nothing() -> None:
    engine = Engine()
    async with Hub().open() as hub:
        end = hub.outbound(engine)
        message = engine.message()
        await end.deliver(message)
        about = email.message_from_bytes(hub.taken[0][1])["Message-ID"][1:-1]
        engine.after(HOUR)
        assert (await end.deliver(message)).code is OutcomeCode.REFUSED
        await tell(engine, mdn(about))
        await end.close()
    assert engine.settled == []


@pytest.mark.row("N18")
async def test_what_the_relay_does_not_take_for_one_recipient_fails_for_that_one() -> None:
    engine = Engine()
    async with Hub().open() as hub:
        hub.refused = {f"b@{THEIRS}"}
        end = hub.outbound(engine, to=f"a@{THEIRS}, b@{THEIRS}")
        assert (await end.deliver(engine.message())).code is OutcomeCode.PENDING
        assert hub.taken[0][0].recipients == (f"a@{THEIRS}",)
        about = email.message_from_bytes(hub.taken[0][1])["Message-ID"][1:-1]
        await tell(engine, mdn(about, recipient=f"a@{THEIRS}"))
        outcome = engine.settled[-1][1]
        assert outcome.code is OutcomeCode.REFUSED
        assert outcome.detail == "failed for 1 recipient of 2: the relay refuses it (550 5.1.1)"
        await end.close()


@pytest.mark.parametrize(
    ("reply", "code"),
    [("451 4.3.0 full", OutcomeCode.DEFERRED), ("554 5.7.1 no", OutcomeCode.REFUSED), ("250 OK", OutcomeCode.PENDING)],
)
async def test_the_relays_answer_decides_what_is_tried_again_under_the_same_id(reply: str, code: OutcomeCode) -> None:
    engine = Engine()
    async with Hub().open() as hub:
        end = hub.outbound(engine)
        message = engine.message()
        hub.reply = reply
        assert (await end.deliver(message)).code is code
        engine.after(3 * HOUR)
        if code is OutcomeCode.DEFERRED:
            kept = await Correspondence(engine.context).find(message.id)
            hub.reply = "250 OK"
            outcome = await end.deliver(message)
            assert (outcome.code, outcome.until) == (OutcomeCode.PENDING, engine.time + HOUR)
            assert kept is not None
            assert email.message_from_bytes(hub.taken[0][1])["Message-ID"] == f"<{kept.tracking.message_id}>"
        await end.close()


async def test_a_relay_that_is_away_or_not_trusted_holds_the_route(tmp_path: object) -> None:
    engine = Engine()
    async with Hub().open() as hub:
        end = hub.outbound(engine, relay=hub.options.model_copy(update={"security": "starttls"}))
        outcome = await end.deliver(engine.message())
        assert (outcome.code, outcome.unreachable) == (OutcomeCode.DEFERRED, True)
        assert "STARTTLS" in outcome.detail
        gone = hub.outbound(engine)
    outcome = await gone.deliver(engine.message())
    assert (outcome.code, outcome.unreachable) == (OutcomeCode.DEFERRED, True)


@pytest.mark.parametrize("to", ["", "nobody", f"a@{THEIRS}<mallory@evil.example>", "{subscriber.address}"])
async def test_without_a_clear_recipient_nothing_goes_out(to: str) -> None:
    engine = Engine()
    async with Hub().open() as hub:
        outcome = await hub.outbound(engine, to=to).deliver(engine.message())
        assert outcome.code is OutcomeCode.REFUSED
        assert hub.taken == []


async def test_where_nothing_is_waited_for_the_relays_word_counts() -> None:
    engine = Engine()
    async with Hub().open() as hub:
        end = hub.outbound(engine, wait_for="nothing")
        assert (await end.deliver(engine.message())).code is OutcomeCode.DELIVERED
        hub.refused = {f"dr.may@{THEIRS}"}
        assert (await end.deliver(engine.message())).code is OutcomeCode.REFUSED
        await end.close()


async def test_what_the_relay_refused_at_the_first_attempt_is_not_delivered_by_the_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine, tried = Engine(), []
    answers = [Relayed({f"a@{THEIRS}": (550, "5.1.1"), f"b@{THEIRS}": (451, "4.2.1")}), Relayed()]

    async def send(_relay: Relay, _sender: str, recipients: Sequence[str], _mail: bytes) -> Relayed:
        tried.append(tuple(recipients))
        return answers.pop(0)

    monkeypatch.setattr(Relay, "send", send)
    end = Hub().outbound(engine, to=f"a@{THEIRS}, b@{THEIRS}", wait_for="nothing")
    message = engine.message()
    assert (await end.deliver(message)).code is OutcomeCode.DEFERRED
    outcome = await end.deliver(message)
    assert tried == [(f"a@{THEIRS}", f"b@{THEIRS}"), (f"b@{THEIRS}",)]
    assert (outcome.code, outcome.detail) == (
        OutcomeCode.REFUSED, "not sent to 1 recipients: the relay refuses it (550 5.1.1)")  # fmt: skip


@pytest.mark.row("M17")
async def test_a_package_says_what_it_is_in_the_subject_and_holds_the_document() -> None:
    engine = Engine()
    async with Hub().open() as hub:
        end = hub.outbound(engine, xdm=Package(source_id="1.2.3"), subject="Referral", file="ccd.zip")
        assert (await end.deliver(engine.message())).code is OutcomeCode.PENDING
        await end.close()
    mail = email.message_from_bytes(hub.taken[0][1])
    _, package = mail.get_payload()
    assert (mail["Subject"], package.get_content_type(), package.get_filename()) == (
        "XDM/1.0/DDM Referral", "application/zip", "ccd.zip")  # fmt: skip
    read = read_xdm(package.get_payload(decode=True))
    assert [document.data for document in read.documents] == [DOCUMENT]
    assert read.submissions[0].recipients == (f"||^^Internet^dr.may@{THEIRS}",)
