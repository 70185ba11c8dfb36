"""MDNs: what is read of those that partners write, and that ours are what the validators ask for."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default as email_policy

import pytest

from channels.direct.notices import (
    ASKS_FINAL_DELIVERY,
    Mdn,
    Notice,
    NoticeError,
    NoticeKind,
    read_mdn,
    wants_final_delivery,
    write_mdn,
)

NOW = datetime(2026, 11, 25, 4, 0, tzinfo=UTC)
ID = "20261125.1@sender.direct.example"
ALICE = "alice@receiver.direct.example"
AUTOMATIC = "automatic-action/MDN-sent-automatically"


def report(*lines: str, end: str = "\r\n") -> bytes:
    return end.join((*lines, "")).encode()


PLAIN = (
    "Reporting-UA: hisp.example; product",
    f"Final-Recipient: rfc822; {ALICE}",
    f"Original-Message-ID: <{ID}>",
    f"Disposition: {AUTOMATIC}; processed",
)


@pytest.mark.row("N6")
# What the generators of the Edge Testing Tool and the messages of the reference implementation do to an MDN.
@pytest.mark.parametrize(
    "lines",
    [
        pytest.param(PLAIN, id="as the RFC has it"),
        pytest.param(tuple(re.sub(r"^\w", lambda m: m[0].lower(), each) for each in PLAIN), id="names begin small"),
        pytest.param(tuple(each.upper() for each in PLAIN[:2]) + PLAIN[2:3] + (PLAIN[3].upper(),), id="all capitals"),
        pytest.param(tuple(each.replace(":", " :", 1) for each in PLAIN), id="a space before the colon"),
        pytest.param(tuple(each.replace(": ", ":", 1) for each in PLAIN), id="no space after the colon"),
        pytest.param(tuple(each.replace("; ", ";\r\n ") for each in PLAIN), id="folded after the semicolon"),
        pytest.param(tuple(each.replace("; ", ";\r\n\t  ") for each in PLAIN), id="folded with tabs"),
        pytest.param(tuple(each.replace("; ", ";") for each in PLAIN), id="no space after the semicolon"),
        pytest.param(tuple(each.replace(";", " ; ") for each in PLAIN), id="spaces around the semicolon"),
        pytest.param((PLAIN[0], PLAIN[1].replace("rfc822; ", ""), *PLAIN[2:]), id="no address type"),
        pytest.param((PLAIN[0], PLAIN[1].replace(ALICE, f"<{ALICE}>"), *PLAIN[2:]), id="the address in brackets"),
        pytest.param((PLAIN[0], PLAIN[1].replace("rfc822", "RFC822"), *PLAIN[2:]), id="the address type in capitals"),
        pytest.param(("", *PLAIN), id="a blank line before the first field"),
        pytest.param(("", "", *PLAIN[:2], "", *PLAIN[2:]), id="blank lines within"),
        pytest.param(
            (*PLAIN[:2], f"Original-Message-ID:\r\n <20261125.1\r\n @{ID.partition('@')[2]}>", PLAIN[3]),
            id="the id folded",
        ),
        pytest.param((*PLAIN[:2], f"Original-Message-ID: < {ID} >", PLAIN[3]), id="spaces within the id"),
        pytest.param((*PLAIN[:2], f"Original-Message-ID: {ID}", PLAIN[3]), id="the id without brackets"),
        pytest.param((*PLAIN[:3], "Disposition: processed"), id="a disposition without its mode"),
        pytest.param((*PLAIN[:3], f"Disposition: {AUTOMATIC};processed/warning", "Warning: slow"), id="a warning"),
        pytest.param((*PLAIN, PLAIN[3]), id="a field twice, the same"),
        pytest.param((*PLAIN, "no field at all", "X-Other: 1"), id="more than is asked for"),
    ],
)
@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_every_way_to_write_a_processed_notice_is_read(lines: tuple[str, ...], end: str) -> None:
    notice = read_mdn("".join(f"{line}\r\n" for line in lines).replace("\r\n", end).encode())
    assert (notice.kind, notice.message_id, notice.recipient) == (NoticeKind.PROCESSED, ID, ALICE)


@pytest.mark.row("N15")
@pytest.mark.parametrize(
    ("disposition", "kind"),
    [
        ("processed", NoticeKind.PROCESSED),
        ("dispatched", NoticeKind.DISPATCHED),
        ("displayed", NoticeKind.DISPLAYED),
        ("deleted", NoticeKind.DELETED),
        ("failed", NoticeKind.FAILED),
        ("denied", NoticeKind.FAILED),
        ("error", NoticeKind.FAILED),
        ("processed/error", NoticeKind.FAILED),
        ("processed/Error", NoticeKind.FAILED),
        ("processed/failed:delivery", NoticeKind.PROCESSED),
        ("dispatched/warning, error", NoticeKind.FAILED),
        ("failed/failure", NoticeKind.FAILED),
    ],
)
def test_a_disposition_is_understood(disposition: str, kind: NoticeKind) -> None:
    lines = (*PLAIN[:3], f"Disposition: {AUTOMATIC};{disposition}")
    assert read_mdn(report(*lines)).kind is kind


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        pytest.param(PLAIN[:3], "notice-disposition", id="no disposition"),
        pytest.param((*PLAIN[:3], "Disposition: a/b; vanished"), "notice-disposition", id="an unknown disposition"),
        pytest.param((*PLAIN, "Disposition: a/b; failed"), "notice-ambiguous", id="two dispositions"),
        pytest.param((*PLAIN, "Original-Message-ID: <other@x>"), "notice-ambiguous", id="two messages"),
        pytest.param((*PLAIN, "Final-Recipient: rfc822; bob@x.example"), "notice-ambiguous", id="two recipients"),
        pytest.param((*PLAIN, f"X-Long: {'x' * 300_000}"), "notice-too-long", id="a huge report"),
        pytest.param((), "notice-disposition", id="nothing"),
    ],
)
def test_what_says_nothing_or_two_things_is_refused(lines: tuple[str, ...], code: str) -> None:
    with pytest.raises(NoticeError) as caught:
        read_mdn(report(*lines))
    assert caught.value.code == code
    assert ALICE not in str(caught.value)


@pytest.mark.parametrize(
    "value",
    ["rfc822; a@b@c.example", "rfc822; a@x.example <b@y.example> <c@z.example>", "rfc822; two words@x.example",
     'rfc822; "a@b"@x.example', "rfc822; é@x.example", f"rfc822; {'a' * 300}@x.example", "rfc822;", "x400; c=us"],
)  # fmt: skip
def test_an_address_that_could_be_two_is_none(value: str) -> None:
    notice = read_mdn(report(PLAIN[0], f"Final-Recipient: {value}", *PLAIN[2:]))
    assert notice.recipient == ""


def test_a_failed_notice_keeps_its_reason_and_status() -> None:
    lines = (*PLAIN[:3], f"Disposition: {AUTOMATIC};failed", "Failure: 5.7.1 no trust")
    notice = read_mdn(report(*lines))
    assert (notice.status, notice.reason) == ("5.7.1", "5.7.1 no trust")


@pytest.mark.row("N8", "N9")
@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        (ASKS_FINAL_DELIVERY, True),
        ("x-direct-final-destination-delivery = optional , TRUE", True),
        ("X-DIRECT-FINAL-DESTINATION-DELIVERY=optional,\r\n true", True),
        ("X-DIRECT-FINAL-DESTINATION-DELIVERY=required,true", True),
        ("signed-receipt-micalg=optional,sha256; X-DIRECT-FINAL-DESTINATION-DELIVERY=optional,true", True),
        ("", False),
        ("X-DIRECT-FINAL-DESTINATION-DELIVERY", False),
        ("X-DIRECT-FINAL-DESTINATION-DELIVERY=true", False),
        ("X-DIRECT-FINAL-DESTINATION-DELIVERY=optional", False),
        ("X-DIRECT-FINAL-DESTINATION-DELIVERY=optional,false", False),
        ("X-DIRECT-FINAL-DESTINATION-DELIVERY=optional,true,false", False),
        ("X-DIRECT-FINAL-DESTINATION-DELIVERY=maybe,true", False),
        ("X-DIRECT-FINAL-DESTINATION-DELIVERYX=optional,true", False),
        ("X-DIRECT-FINAL-DESTINATION-DELIVERY=optional,true; and so on", False),
        (f"{ASKS_FINAL_DELIVERY}; {ASKS_FINAL_DELIVERY}", False),
        ("x" * 5000, False),
    ],
)
def test_only_a_right_options_header_asks_for_dispatched(options: str, wanted: bool) -> None:
    assert wants_final_delivery(options) is wanted


@pytest.mark.row(
    "N4", "N5", "N8", "DTS 452", "DTS 456", "DTS 457", "DTS 458", "DTS 459", "DTS 460", "DTS 461", "DTS 462"
)
@pytest.mark.parametrize("kind", [NoticeKind.PROCESSED, NoticeKind.DISPATCHED, NoticeKind.FAILED])
def test_our_notices_are_what_the_validators_ask_for(kind: NoticeKind) -> None:
    failure = "5.1.1 no such address here" if kind is NoticeKind.FAILED else ""
    written = write_mdn(
        Mdn(kind, ALICE, "bob@sender.direct.example", ID, "receiver.direct.example", failure),
        NOW,
        "n1@receiver.direct.example",
    )
    assert all(len(line) <= 998 for line in written.split(b"\r\n"))
    assert written.count(b"\n") == written.count(b"\r\n")
    mail = message_from_bytes(written, policy=email_policy)
    assert not mail.defects
    assert mail.get_content_type() == "multipart/report"
    assert mail.get_param("report-type") == "disposition-notification"
    assert (mail["From"], mail["To"], mail["Message-ID"]) == (
        ALICE, "bob@sender.direct.example", "<n1@receiver.direct.example>"
    )  # fmt: skip
    assert mail["In-Reply-To"] == f"<{ID}>"
    assert mail["Auto-Submitted"] == "auto-replied"
    assert mail["Date"].datetime == NOW
    assert "Disposition-Notification-To" not in mail
    assert "Disposition-Notification-Options" not in mail
    words, fields = mail.iter_parts()
    assert words.get_content_type() == "text/plain"
    assert fields.get_content_type() == "message/disposition-notification"
    text = (
        written.partition(b"message/disposition-notification\r\n")[2].partition(b"\r\n\r\n")[2].partition(b"\r\n--")[0]
    )
    lines = text.decode().splitlines()
    assert lines[:4] == [
        "Reporting-UA: receiver.direct.example; hie",
        f"Final-Recipient: rfc822; {ALICE}",
        f"Original-Message-ID: <{ID}>",
        f"Disposition: {AUTOMATIC}; {kind}",
    ]
    assert ("X-DIRECT-FINAL-DESTINATION-DELIVERY: " in lines) == (kind is NoticeKind.DISPATCHED)
    assert read_mdn(text) == Notice(
        kind, ID, ALICE, final=kind is NoticeKind.DISPATCHED, status=failure[:5], reason=failure,
        reporter="receiver.direct.example; hie",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("mdn", "message_id"),
    [
        pytest.param(
            Mdn(NoticeKind.PROCESSED, "a@x.example\r\nBcc: m@y.example", "b@y.example", ID, "x"), "n@x", id="sender"
        ),
        pytest.param(
            Mdn(NoticeKind.PROCESSED, "a@x.example", "b@y.example, c@y.example", ID, "x"), "n@x", id="two readers"
        ),
        pytest.param(Mdn(NoticeKind.PROCESSED, "a@x.example", "b@y.example", "i\r\n@x", "x"), "n@x", id="about"),
        pytest.param(Mdn(NoticeKind.PROCESSED, "a@x.example", "b@y.example", ID, "x\ny"), "n@x", id="reporter"),
        pytest.param(Mdn(NoticeKind.PROCESSED, "a@x.example", "b@y.example", ID, ""), "n@x", id="no reporter"),
        pytest.param(Mdn(NoticeKind.FAILED, "a@x.example", "b@y.example", ID, "x", "a\nb"), "n@x", id="failure"),
        pytest.param(
            Mdn(NoticeKind.FAILED, "a@x.example", "b@y.example", ID, "x", "é"), "n@x", id="failure in no ASCII"
        ),
        pytest.param(
            Mdn(NoticeKind.PROCESSED, "a@x.example", "b@y.example", ID, "x", "why"), "n@x", id="a reason for nothing"
        ),
        pytest.param(Mdn(NoticeKind.DELIVERED, "a@x.example", "b@y.example", ID, "x"), "n@x", id="kind"),
        pytest.param(Mdn(NoticeKind.PROCESSED, "a@x.example", "b@y.example", ID, "x"), "n>\r\n@x", id="own id"),
    ],
)
def test_nothing_gets_into_the_headers_of_a_notice(mdn: Mdn, message_id: str) -> None:
    with pytest.raises(NoticeError):
        write_mdn(mdn, NOW, message_id)
