"""DSNs: what mail servers say, recipient by recipient, and which message it is about."""

from __future__ import annotations

import pytest

from channels.direct.notices import Notice, NoticeError, NoticeKind, read_dsn

ID = "20261125.1@sender.direct.example"

POSTFIX = (
    b"Reporting-MTA: dns; mail.example\r\nX-Postfix-Queue-ID: 4F1\r\n"
    b"Arrival-Date: Wed, 25 Nov 2026 04:00:00 +0000 (UTC)\r\n\r\n"
    b"Final-Recipient: rfc822; Nobody@receiver.example\r\nOriginal-Recipient: rfc822;nobody@alias.example\r\n"
    b"Action: failed\r\nStatus: 5.1.1\r\nRemote-MTA: dns; mx.receiver.example\r\n"
    b"Diagnostic-Code: smtp; 550 5.1.1 <nobody@receiver.example>: Recipient address\r\n    rejected: User unknown\r\n"
)
RETURNED = b"Return-Path: <a@sender.direct.example>\r\nSubject: x\r\nMessage-ID:\r\n <%s>\r\n\r\nMessage-ID: <no@x>\r\n"


@pytest.mark.row("N10", "N15")
def test_a_bounce_of_a_mail_server_is_read() -> None:
    assert read_dsn(POSTFIX, RETURNED % ID.encode()) == (
        Notice(
            NoticeKind.FAILED, ID, "nobody@receiver.example", "nobody@alias.example", status="5.1.1",
            reason="smtp; 550 5.1.1 <nobody@receiver.example>: Recipient address rejected: User unknown",
            reporter="dns; mail.example",
        ),
    )  # fmt: skip


@pytest.mark.row("N18")
def test_each_recipient_has_a_notice_of_its_own() -> None:
    report = (
        b"reporting-mta : dns; m.example\n\n\n"
        b"final-recipient : rfc822;one@x.example\naction : Failed (no such user)\nstatus: 5.1.1 (unknown)\n\n"
        b"final-recipient: rfc822;two@x.example\naction: delivered\nstatus: 2.0.0\n\n \n"
        b"final-recipient: rfc822;three@x.example\naction: delayed\nstatus: 4.4.7\n"
    )
    notices = read_dsn(report, RETURNED % ID.encode())
    assert [(each.kind, each.recipient, each.status) for each in notices] == [
        (NoticeKind.FAILED, "one@x.example", "5.1.1"),
        (NoticeKind.DELIVERED, "two@x.example", "2.0.0"),
        (NoticeKind.DELAYED, "three@x.example", "4.4.7"),
    ]
    assert {each.message_id for each in notices} == {ID}


@pytest.mark.parametrize(
    ("report", "returned", "about"),
    [
        pytest.param(b"Original-Message-ID: <a@x>\r\n\r\n" + POSTFIX, b"", "a@x", id="in a field of the report"),
        pytest.param(b"X-Original-Message-ID: <a@x>\r\n\r\n" + POSTFIX, b"", "a@x", id="in a field with an X"),
        pytest.param(POSTFIX + b"X-Original-Message-ID: <a@x>\r\n", b"", "a@x", id="in a field of the recipient"),
        pytest.param(POSTFIX, b"\r\nSubject: x\r\nMESSAGE-ID: <a@x>", "a@x", id="in the returned headers"),
        pytest.param(POSTFIX, b"Subject: x\n\nMessage-ID: <a@x>\n", "", id="not in the returned body"),
        pytest.param(POSTFIX, b"", "", id="nowhere"),
    ],
)
def test_the_message_it_is_about_is_found(report: bytes, returned: bytes, about: str) -> None:
    assert read_dsn(report, returned)[0].message_id == about


def test_a_failure_that_has_only_its_status_is_a_failure() -> None:
    assert read_dsn(b"Final-Recipient: rfc822; a@x.example\r\nStatus: 5.4.4\r\n")[0].kind is NoticeKind.FAILED


@pytest.mark.parametrize(
    ("report", "code"),
    [
        (b"", "notice-recipients"),
        (b"Reporting-MTA: dns; m.example\r\n", "notice-recipients"),
        (b"Final-Recipient: rfc822; a@x.example\r\nStatus: 4.4.4\r\n", "notice-action"),
        (b"Final-Recipient: rfc822; a@x.example\r\nAction: exploded\r\n", "notice-action"),
        (b"Final-Recipient: rfc822; a@x.example\r\nAction: failed\r\nAction: delivered\r\n", "notice-ambiguous"),
        (b"X" * 300_000, "notice-too-long"),
    ],
)
def test_a_report_that_says_nothing_is_refused(report: bytes, code: str) -> None:
    with pytest.raises(NoticeError) as caught:
        read_dsn(report)
    assert caught.value.code == code
