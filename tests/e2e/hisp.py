"""Another HISP, whose S/MIME is OpenSSL's and whose mail is Python's: nothing of it is our own code but its server."""

from __future__ import annotations

import asyncio
import smtplib
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from pathlib import Path

from schemas.ids import utc_now
from tests.channels.direct.edge import Hub
from tests.channels.direct.people import Person, authority
from tests.channels.direct.pki import pem

_AGENT = """keys: [{{certificate: {folder}/own.crt, key: {folder}/own.key}}],
      trust: {{anchors: [{{certificates: {folder}/anchor.pem}}], revocation: {{absent: accept}}}},
      discovery: {{certificates: [{folder}/partner.pem], dns: false, ldap: false}}"""


def write_agent(folder: Path, own: Person, partner: Person) -> str:
    """The options of an `agent` whose keys, anchor and partner's certificate are written to `folder`."""
    own.write(folder, "own")
    (folder / "anchor.pem").write_bytes(pem(authority().certificate))
    (folder / "partner.pem").write_bytes(pem(partner.certificate))
    return _AGENT.format(folder=folder)


class Hisp:
    """The HISP of `address` with its key and certificate in `folder`; `partner` is whom it writes to."""

    def __init__(self, folder: Path, address: str, own: Person, partner: str, theirs: Person) -> None:
        folder.mkdir()
        self.folder = folder
        self.address = address
        self.partner = partner
        self.hub = Hub()
        self._read = 0
        own.write(folder, "own")
        theirs.write(folder, "partner")
        authority().write(folder, "anchor")

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Hisp]:
        """Its server takes mails, and keeps them."""
        async with self.hub.open():
            yield self

    @property
    def port(self) -> int:
        """Where its server listens."""
        return self.hub.options.connect.port

    def send(self, port: int, message: EmailMessage) -> None:
        """Wrap, sign and encrypt `message` with OpenSSL, and hand it over at `port`; raises `SMTPException`."""
        inner = message.as_bytes(policy=policy.SMTP)
        (self.folder / "part").write_bytes(b"Content-Type: message/rfc822\r\n\r\n" + inner)
        self._openssl("cms -sign -in part -out signed -signer own.crt -inkey own.key -md sha256 -crlfeol")
        self._openssl("cms -encrypt -in signed -out mail -aes256 -stream partner.crt")
        outside = "".join(f"{name}: {message[name]}\r\n" for name in ("From", "To", "Date", "Message-ID"))
        mail = outside.encode() + (self.folder / "mail").read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        with smtplib.SMTP("127.0.0.1", port, timeout=30) as server:
            server.sendmail(self.address, [self.partner], mail)

    async def next(self, seconds: float = 30) -> EmailMessage:
        """The next mail that came in, decrypted and verified with OpenSSL up to the anchor."""
        async with asyncio.timeout(seconds):
            while len(self.hub.taken) <= self._read:  # noqa: ASYNC110 - another process sends it
                await asyncio.sleep(0.05)
        _, mail = self.hub.taken[self._read]
        self._read += 1
        (self.folder / "taken").write_bytes(mail)
        self._openssl("cms -decrypt -in taken -out opened -inkey own.key -recip own.crt")
        self._openssl("cms -verify -in opened -out part -CAfile anchor.crt")
        wrapped = message_from_bytes((self.folder / "part").read_bytes(), policy=policy.default)
        assert wrapped.get_content_type() == "message/rfc822"
        inner = wrapped.get_payload(0)
        assert isinstance(inner, EmailMessage)
        return inner

    def write(self, subject: str = "Summary") -> EmailMessage:
        """A mail of its own to the partner, without a body."""
        message = EmailMessage(policy=policy.SMTP)
        message["From"], message["To"], message["Subject"] = self.address, self.partner, subject
        message["Date"], message["Message-ID"] = format_datetime(utc_now()), make_msgid(domain="hisp.example")
        return message

    def notice(self, about: str, disposition: str) -> EmailMessage:
        """An MDN about the message `about`, written out by hand (RFC 8098)."""
        message = self.write("Notice")
        message["Content-Type"] = "multipart/report; report-type=disposition-notification"
        message.set_payload([])
        text = EmailMessage()
        text.set_content("Your message was processed.\n")
        report = EmailMessage()
        report["Content-Type"] = "message/disposition-notification"
        fields = [
            "Reporting-UA: hisp.example; independent",
            f"Final-Recipient: rfc822; {self.address}",
            f"Original-Message-ID: {about}",
            f"Disposition: automatic-action/MDN-sent-automatically; {disposition}",
        ]
        report.set_payload("\r\n".join([*fields, ""]))
        for part in (text, report):
            message.attach(part)
        return message

    def _openssl(self, command: str) -> None:
        done = subprocess.run(["openssl", *command.split()], cwd=self.folder, capture_output=True, check=False)
        assert done.returncode == 0, (command, done.stderr.decode()[:500])
