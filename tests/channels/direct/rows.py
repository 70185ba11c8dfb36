"""The checklist of Direct, and the page that says which test holds each row: `python -m tests.channels.direct.rows`.

A test names its rows with `@pytest.mark.row("C2", "DTS 240")`; numbers of the conformance tools (`DTS 133a`, `MT 17`,
`DCDT D5`, `ETT 25a`) need no row of their own and are listed after the table.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "reference" / "direct-checklist.md"
ANCHOR = re.compile(r"(DTS|MT|ETT|DCDT|XDR|XDR MT) [A-Za-z0-9_-]+\Z")


class Row(NamedTuple):
    """One requirement: its number, how strong it is, what it asks in our words, and where it is from."""

    id: str
    level: str
    what: str
    source: str
    open: str = ""
    """Why no test holds it, where that is meant to be so."""


ROWS = (
    Row("C1", "must", "a certificate is bound to an address by its subjectAltName alone", "AS 1.3 §1.4"),
    Row("C2", "must", "a wildcard in a dNSName binds nothing", "AS 1.3 §1.4; ETT WILD_CARD_DOMAIN_CERT"),
    Row("C3", "must", "an organisation certificate has one binding", "ETT CERT_WITH_EMAIL_ADDRESS, DTS 240"),
    Row(
        "C4",
        "must",
        "an address certificate is good for that address, an organisation's for its domain alone",
        "AS §1.4",
    ),
    Row(
        "C5",
        "must",
        "the address certificate is looked for first; the two kinds are not mixed",
        "RI certificate resolver",
    ),
    Row("C6", "must", "addresses are compared without regard to case", "RI"),
    Row("C7", "must", "now lies between notBefore and notAfter", "ETT EXPIRED, NO_NOTBEFORE, NO_NOTAFTER"),
    Row("C8", "must", "RSA keys have 2048 bits or more; P-256 and P-384 are taken", "AS 1.3 §2.8; ETT"),
    Row("C9", "must", "keyUsage allows what the key is used for; separate certificates work", "RFC 5750 §4.4.2"),
    Row("C10", "should", "an extended key usage, where present, allows emailProtection", "RFC 5750 §4.4.4"),
    Row("C11", "must", "no chain is signed with SHA-1 or MD5", "RI; ANSI/DS 2019-01-100-2021"),
    Row(
        "M1",
        "must",
        "one From, Date and Message-ID, a To, and headers in ASCII",
        "RFC 5322 §3.6; DTS 114, 115, 118, 121, 196",
    ),
    Row("M2", "must", "each message has a Message-ID of its own", "ETT MT 17, 45"),
    Row("M3", "must", "Bcc is refused", "AS 1.3; RI"),
    Row("M4", "must", "the envelope's sender is From or Sender of the inner message", "ANSI/DS 2019-01-100-2021"),
    Row("M5", "must", "each recipient of the envelope is in To or Cc of the inner message", "ANSI/DS 2019-01-100-2021"),
    Row("M6", "must", "what is signed is the whole message as message/rfc822", "RI; 170.315(h)(1)(i)"),
    Row("M7", "should", "messages that are not wrapped are read", "RI"),
    Row("M8", "must", "the inner headers count, the outer ones only route", "RI"),
    Row("M9", "should", "outside stand From, To, Cc, Date and the identifiers, not the Subject", "RI MailHeadersUsed"),
    Row("M10", "must", "signed, then encrypted, as application/pkcs7-mime", "RFC 5751 §3.3, §3.6; DTS 133a, 200-203"),
    Row(
        "M11",
        "must",
        "the signature is detached, in multipart/signed of two parts",
        "RFC 5751 §3.4.3; DTS 133b, 155, 205, 207",
    ),
    Row("M12", "must", "micalg names the digest; where it does not, that is said and CMS decides", "DTS 160, 165"),
    Row("M13", "must", "what is signed has CRLF line ends and is 7-bit", "RFC 5751 §3.1.1-3.1.3; DTS 206"),
    Row(
        "M14",
        "should",
        "a signature is tried over the octets as they came, then with CRLF line ends",
        "OpenSSL -binary",
    ),
    Row(
        "M15",
        "must",
        "any body, any attachments in any order; documents with broken stylesheets",
        "ETT SMTP 25a-f, 26a-b",
    ),
    Row("M16", "must", "an XDM package is known by what is in it, whatever its type says", "ETT SMTP 28, 29"),
    Row("M17", "should", "the subject of a message with an XDM package says XDM/1.0/DDM", "DTS 124; ITI TF-2 3.32"),
    Row("M18", "must", "25 MB of attachments are taken, and SIZE is announced", "RFC 1870"),
    Row("A1", "must", "SHA-256 to sign; SHA-384 and SHA-512 are taken", "RI; ETT"),
    Row("A2", "must", "MD5 and SHA-1 are refused", "RI"),
    Row("A3", "must", "AES in CBC mode of 128, 192 and 256 bits", "RFC 5751 §2.7"),
    Row("A4", "must", "triple DES, DES and RC2 are refused", "RI"),
    Row("A5", "must", "keys by RSA PKCS #1 v1.5 and by OAEP with any SHA are opened", "RI"),
    Row("A6", "should", "ECDSA is verified; keys are agreed by ECDH both ways", "RFC 5753; ETT"),
    Row("A7", "may", "AES-GCM as AuthEnvelopedData, where a partner asks for it", "RFC 5083, 5084; ETT"),
    Row("A8", "must", "one RecipientInfo for each certificate; any one of our keys opens the message", "RI"),
    Row("A9", "must", "BER is read: indefinite lengths and strings in chunks", "the Java reference implementation"),
    Row(
        "A10",
        "should",
        "the signer's certificate and intermediates travel along; a missing one is found",
        "RFC 5750 §2.3",
    ),
    Row(
        "T1",
        "must",
        "encrypted only to certificates that are trusted; the other recipients are reported",
        "RI; ETT MT 2, 24",
    ),
    Row("T2", "must", "the sender's signature must be trusted by each recipient, each on its own", "RI"),
    Row("T3", "must", "anchors in and out are separate, for each domain", "RI"),
    Row("T4", "must", "paths are validated; an anchor may be an intermediate or the leaf", "RFC 5280 §6.1"),
    Row("T5", "must", "missing intermediates are fetched from where AIA says", "DCDT D18"),
    Row("T6", "must", "revoked certificates are refused; no revocation information is the site's policy", "DCDT D17"),
    Row("T7", "must", "a key identifier or name like an anchor's is no trust", "a known fault of the RI"),
    Row("T8", "must", "the roots of the web are no anchors", "RI"),
    Row(
        "T9",
        "must",
        "bundles as p7b, p7c and p7m are taken whole, refreshed, and kept when the next is bad",
        "DirectTrust bundles",
    ),
    Row("T10", "should", "notifications are handled like messages", "RI"),
    Row("T11", "should", "filter expressions of certificate policies for each domain", "RI direct-policy"),
    Row("D1", "must", "CERT records at the address, then at the domain", "RFC 4398; DCDT D1, D2"),
    Row("D2", "must", "then LDAP as SRV says, by address, then domain", "RFC 2798; DCDT D3, D4"),
    Row("D3", "must", "SRV by priority and weight; the next server when one is down", "RFC 2782; DCDT D10, D15, D16"),
    Row(
        "D4", "must", "certificates that are not good are skipped; none left, nothing sent", "DCDT D5-D9, D11-D13, D17"
    ),
    Row("D5", "must", "DNS over TCP when an answer is truncated", "RFC 1035 §4.2; DCDT D14"),
    Row("D6", "should", "CERT records with a URL (IPKIX), within bounds", "RFC 4398"),
    Row("D7", "should", "answers are kept for their time to live, failures briefly", "RI"),
    Row("D8", "must", "our own certificates can be hosted in DNS and LDAP", "DCDT H1-H4"),
    Row(
        "N1",
        "must",
        "a processed MDN for each recipient once signature and trust hold, asked for or not",
        "AS §3.0; RI",
    ),
    Row("N2", "must", "no MDN for a message that is untrusted, unsigned or cannot be decrypted", "AS §3.0"),
    Row("N3", "must", "MDNs are signed and encrypted like messages", "DTS 450"),
    Row("N4", "must", "no MDN answers an MDN or a DSN, and an MDN asks for none", "RFC 3798 §2.1; DTS 452"),
    Row("N5", "must", "the fields and form of an MDN", "RFC 3798 §3; DTS 456-462"),
    Row("N6", "must", "MDNs of others are read with their liberties in case, spaces and folding", "ETT; RI"),
    Row("N7", "must", "an MDN goes to Disposition-Notification-To, else to From", "RI"),
    Row("N8", "must", "dispatched only when asked for and when final delivery is done", "DN IG §1.3; ETT MT 39"),
    Row("N9", "must", "an options header that cannot be read is ignored", "ETT MT 40"),
    Row("N10", "must", "what cannot be delivered after processed: a failed MDN", "ETT MT 41"),
    Row(
        "N11",
        "must",
        "no processed, or no dispatched, in time: the sending edge is told of a failure",
        "ETT MT 4, 26, 27",
    ),
    Row("N12", "must", "a dispatched MDN after its time is not passed on", "ETT MT 28"),
    Row("N13", "must", "one positive notice after processed and dispatched", "ETT MT 29, 38"),
    Row("N14", "must", "failure at once: no such address, not trusted, no certificate", "ETT MT 1-3, 23-25"),
    Row("N15", "must", "each recipient has a state of its own", "RI"),
    Row("N16", "should", "the times can be configured", "RI"),
    Row("N17", "should", "the edge asks for final delivery in the right form", "ETT MT 46"),
    Row("N18", "must", "of several recipients the one that failed is known", "ETT MT 18, 47"),
    Row("E1", "must", "SMTP by the book: sequences, commands, line ends, sizes, timeouts", "RFC 5321; ETT SMTP 9-13"),
    Row("E2", "must", "STARTTLS both ways, certificates checked", "ETT SMTP 14-17"),
    Row("E3", "must", "AUTH PLAIN after TLS; bad passwords refused", "ETT SMTP 18-23"),
    Row("E4", "if offered", "mail is collected by IMAP from a mailbox", "ETT IMAP"),
    Row("E5", "if offered", "an edge by XDR", "ETT XDR 1-9", "XDR is not offered"),
    Row("E6", "HISP", "Direct to XDR and back", "ETT XDR 10-14", "XDR is not offered"),
    Row("E7", "if offered", "notices to an XDR edge", "ETT XDR MT", "XDR is not offered"),
)
IDS = {row.id: row for row in ROWS}


class Mark(NamedTuple):
    """A test and a row or anchor that it names."""

    row: str
    file: str
    test: str


@cache
def marks() -> list[Mark]:
    """Every `@pytest.mark.row(...)` in the tests, and module-wide ones in `pytestmark`, from their source."""
    found = []
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        text = path.read_text()
        if "mark.row(" not in text:
            continue
        module = ast.parse(text)
        tables = {
            target.id: node.value
            for node in module.body
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for node in ast.walk(module):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                file = path.relative_to(ROOT).as_posix()
                found += [Mark(row, file, node.name) for row in _rows(node.decorator_list, tables)]
    return found


def _rows(decorators: list[ast.expr], tables: dict[str, ast.expr]) -> Iterator[str]:
    """The rows that a test's decorators name, and the table of cases that they point to."""
    for decorator in decorators:
        for each in ast.walk(decorator):
            if isinstance(each, ast.Call) and ast.unparse(each.func) == "pytest.mark.row":
                yield from (str(ast.literal_eval(argument)) for argument in each.args)
            elif isinstance(each, ast.Name) and each.id in tables:
                yield from _rows([tables[each.id]], {})


def named(mark: Mark) -> str:
    """The test of `mark` as the page writes it."""
    return f"{Path(mark.file).stem}::{mark.test}"


def uncovered() -> list[str]:
    """The rows that no test names and that are not open on purpose."""
    named = {mark.row for mark in marks()}
    return [row.id for row in ROWS if row.id not in named and not row.open]


def page() -> str:
    """The page, made from the rows and the marks."""
    tests: dict[str, list[str]] = defaultdict(list)
    for mark in marks():
        name = f"`{named(mark)}`"
        if name not in tests[mark.row]:
            tests[mark.row].append(name)
    lines = [
        "# The checklist of Direct",
        "",
        "What a security and trust agent must do, row for row, and the tests that hold it to that. Made from the",
        "tests' marks by `python -m tests.channels.direct.rows`. AS is the Applicability Statement for Secure Health",
        "Transport, RI the Java reference implementation, ETT and DCDT the conformance tools of ONC, DTS a check of",
        "ETT's validator, MT a message tracking test.",
        "",
        "| row | level | what | source | tests |",
        "|---|---|---|---|---|",
    ]
    for row in ROWS:
        held = ", ".join(tests[row.id]) or (f"none: {row.open}" if row.open else "none yet")
        lines.append(f"| {row.id} | {row.level} | {row.what} | {row.source} | {held} |")
    anchors = sorted(name for name in tests if name not in IDS)
    if anchors:
        lines += ["", "## Cases of the conformance tools", "", "| case | tests |", "|---|---|"]
        lines += [f"| {name} | {', '.join(tests[name])} |" for name in anchors]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page())
    print(f"{PAGE.relative_to(ROOT)}: without a test: {', '.join(uncovered()) or 'none'}")
