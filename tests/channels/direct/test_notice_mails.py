"""Notices as the mails that they are: those of the conformance tool's generators, of mail servers, and ours."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from channels.direct import smime
from channels.direct.error import DirectError
from channels.direct.mime import Entity, MailFacts
from channels.direct.noticed import is_answered, is_notice, notices_of
from channels.direct.notices import Closing, Effect, Mdn, NoticeKind, Tracking, write_mdn
from tests.channels.direct.people import person

NOW = datetime(2026, 11, 25, 4, 0, tzinfo=UTC)
ID = "20261125.1@sender.direct.example"
BOB = "bob@receiver.direct.example"
AUTOMATIC = "automatic-action/MDN-sent-automatically"


def generated(
    *fields: str, report: str = "; report-type=disposition-notification", part: str = "", end: str = "\r\n"
) -> bytes:
    """The mail that JavaMail makes of such fields: a report of two parts in base64 or as they are."""
    lines = (
        f"From: {BOB}",
        "To: alice@sender.direct.example",
        "Date: Wed, 25 Nov 2026 05:00:00 +0100",
        "Message-ID: <123.0.1764043200000.JavaMail.tomcat@receiver.direct.example>",
        "Subject: Processed MDN",
        "MIME-Version: 1.0",
        f'Content-Type: multipart/report{report}; \r\n\tboundary="----=_Part_1_1.1764043200000"',
        "",
        "------=_Part_1_1.1764043200000",
        "Content-Type: text/plain; charset=us-ascii",
        "Content-Transfer-Encoding: 7bit",
        "",
        "Your message was processed.",
        "------=_Part_1_1.1764043200000",
        f"Content-Type: message/disposition-notification{part}",
        "",
        *fields,
        "",
        "------=_Part_1_1.1764043200000--",
        "",
    )
    return end.join(lines).encode()


def fields(disposition: str, *more: str) -> tuple[str, ...]:
    return (
        "Reporting-UA: receiver.direct.example; ETT",
        f"Final-Recipient: rfc822; {BOB}",
        f"Original-Message-ID: <{ID}>",
        f"Disposition: {disposition}",
        *more,
    )


PROCESSED = fields(f"{AUTOMATIC};processed")
DISPATCHED = fields(f"{AUTOMATIC};dispatched", "X-DIRECT-FINAL-DESTINATION-DELIVERY: ")


@pytest.mark.row("N5", "N6", "N15")
@pytest.mark.parametrize(
    ("mail", "kind", "effect"),
    [
        pytest.param(generated(*PROCESSED), "processed", Effect.ADVANCED, id="processed"),
        pytest.param(generated(*DISPATCHED), "dispatched", Effect.ADVANCED, id="dispatched"),
        pytest.param(generated(*DISPATCHED[:4]), "dispatched", Effect.IGNORED, id="not of the final delivery"),
        pytest.param(
            generated(*fields(f"{AUTOMATIC};failed", "Failure: 5.1.1 no such mailbox")),
            "failed", Effect.SETTLED, id="failed",
        ),
        pytest.param(generated(*fields(f"{AUTOMATIC};processed/error")), "failed", Effect.SETTLED, id="an error"),
        pytest.param(
            generated(*(each[0].lower() + each[1:] for each in PROCESSED)), "processed", Effect.ADVANCED,
            id="MDNDifferentCaseGenerator",
        ),
        pytest.param(
            generated(*(each.replace("; ", ";\r\n ") for each in PROCESSED)), "processed", Effect.ADVANCED,
            id="MDNGeneratorExtraLineBreaks",
        ),
        pytest.param(
            generated(*(each.replace(":", " :", 1) for each in PROCESSED)), "processed", Effect.ADVANCED,
            id="MDNWhiteSpaces",
        ),
        pytest.param(
            generated(*(each.replace(";", " ; ") for each in PROCESSED)), "processed", Effect.ADVANCED,
            id="MDNExtraSpaceDisposition",
        ),
        pytest.param(generated("", *PROCESSED), "processed", Effect.ADVANCED, id="a blank line first"),
        pytest.param(generated(*PROCESSED, report=""), "processed", Effect.ADVANCED, id="no report type"),
        pytest.param(generated(*PROCESSED, part='; name="MDNPart2.txt"'), "processed", Effect.ADVANCED, id="a name"),
        pytest.param(generated(*PROCESSED, end="\n"), "processed", Effect.ADVANCED, id="bare line feeds"),
        pytest.param(
            generated(
                f"Original-Recipient: rfc822; {BOB}", "Final-Recipient: rfc822; box7@inside.example", *PROCESSED[2:]
            ),
            "processed", Effect.ADVANCED, id="an alias",
        ),
        pytest.param(
            generated(*PROCESSED[:2], "Original-Message-ID: <other@sender.direct.example>", PROCESSED[3]),
            "processed", Effect.UNKNOWN, id="about another message",
        ),
        pytest.param(
            generated(PROCESSED[0], "Final-Recipient: rfc822; eve@receiver.direct.example", *PROCESSED[2:]),
            "processed", Effect.UNKNOWN, id="about another recipient",
        ),
    ],
)  # fmt: skip
def test_the_notices_of_the_conformance_tool_count(mail: bytes, kind: str, effect: Effect) -> None:
    entity = Entity.parse(mail)
    assert is_notice(entity)
    assert not is_answered(entity)
    (notice,) = notices_of(entity)
    assert notice.kind == kind
    hour = timedelta(hours=1)
    sent = Tracking.begin(
        ID, [BOB], sent=NOW, closing=Closing.PROCESSED_AND_DISPATCHED, processed_within=hour, dispatched_within=hour
    )
    assert sent.apply(notice, NOW, lambda address: address == BOB).effect is effect


@pytest.mark.row("N6")
@pytest.mark.parametrize(
    "mail",
    [
        pytest.param(generated(*PROCESSED[:3]), id="MDNMissingDisposition"),
        pytest.param(generated(*PROCESSED, f"Disposition: {AUTOMATIC};failed"), id="two dispositions"),
        pytest.param(generated(), id="nothing"),
    ],
)
def test_a_notice_that_says_nothing_is_refused(mail: bytes) -> None:
    with pytest.raises(DirectError):
        notices_of(Entity.parse(mail))


@pytest.mark.row("N3", "N4", "N5", "DTS 450", "DTS 452")
@pytest.mark.parametrize("kind", [NoticeKind.PROCESSED, NoticeKind.DISPATCHED, NoticeKind.FAILED])
def test_our_notice_goes_signed_and_encrypted_and_is_read_at_the_other_side(kind: NoticeKind) -> None:
    alice, bob = person("alice@sender.direct.example"), person(BOB)
    mdn = Mdn(kind, BOB, "alice@sender.direct.example", ID, "receiver.direct.example")
    written = write_mdn(mdn, NOW, "n1@receiver.direct.example")
    opened = smime.open(smime.protect(written, bob, [alice.certificate], NOW), [alice])
    assert opened.inner == written
    inner = Entity.parse(opened.inner)
    assert is_notice(inner)
    assert not is_answered(inner)
    assert MailFacts.of(inner.headers).message_id == "<n1@receiver.direct.example>"
    assert [(each.kind, each.message_id, each.recipient) for each in notices_of(inner)] == [(kind, ID, BOB)]
