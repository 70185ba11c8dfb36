"""Direct through a whole engine: mails of 50 kB by SMTP, opened, judged, journaled, answered with notices, delivered.

    python -m bench.direct_engine_speed [--messages 1000] [--connections 8] [--size 50000]

The engine is a process of its own with the embedded journal; its processor time is what counts. The sender, and the
server that takes the notices, are this process: on 2 cores both have one.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from channels.direct import smime
from channels.direct.mime import Attachment, write_mail
from engine.ports import free_ports
from schemas.ids import utc_now
from tests.channels.direct.edge import Hub
from tests.channels.direct.pki import Authority, pem, write_pem

THEIRS, OURS = Authority("Their Anchor"), Authority("Our Anchor", number=1)
ALICE, BOB = THEIRS.issue("alice@a.example"), OURS.issue("bob@b.example", number=1)
CHANNEL = """
channel: direct-in
description: Mails that are taken and put into a folder.
inbound:
  direct:
    recipients: [b.example]
    through: {{listen: "127.0.0.1:{port}"}}
    agent:
      keys: [{{certificate: {folder}/own.pem, key: {folder}/own.key}}]
      trust:
        anchors: [{{certificates: {folder}/anchor.pem}}]
        revocation: {{lists: [{folder}/anchor.crl]}}
      discovery: {{certificates: [{folder}/partner.pem], dns: false, ldap: false}}
      relay: {{connect: "127.0.0.1:{relay}", security: none}}
routes:
  - route: folder
    outbound:
      file: {{folder: {folder}/out}}
"""


def sealed(number: int, size: int) -> bytes:
    """Mail `number` from Alice with a document of `size` octets."""
    headers = [
        *(("From", "alice@a.example"), ("To", "bob@b.example"), ("Date", "Wed, 25 Nov 2026 12:00:00 +0000")),
        *(("Message-ID", f"<{number}@a.example>"), ("Subject", "Discharge")),
    ]
    plain = write_mail(headers, "See it.\n", [Attachment("a.xml", "text/xml", os.urandom(size))], os.urandom)
    return smime.protect(plain, ALICE, [BOB.certificate], utc_now())


def make_site(folder: Path, port: int, relay: int) -> None:
    """A site with one channel from Direct to a folder, its anchor's revocation list a file."""
    (folder / "channels").mkdir()
    (folder / "out").mkdir()
    write_pem(folder, "own", BOB)
    now = utc_now()
    (folder / "anchor.pem").write_bytes(pem(THEIRS.certificate))
    (folder / "anchor.crl").write_bytes(THEIRS.crl(at=now - timedelta(hours=1), until=now + timedelta(days=1)))
    (folder / "partner.pem").write_bytes(pem(ALICE.certificate))
    (folder / "hie.yaml").write_text("retention: {default: 1d}\n")
    channel = CHANNEL.format(port=port, relay=relay, folder=folder)
    (folder / "channels" / "direct-in.yaml").write_text(channel)


async def connected(port: int, seconds: float = 30) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to the engine, as soon as it listens."""
    end = time.monotonic() + seconds
    while True:
        try:
            return await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            if time.monotonic() > end:
                raise
            await asyncio.sleep(0.1)


async def hand_over(port: int, mails: list[bytes]) -> None:
    """Hand `mails` over by one connection, each after the last one's answer."""
    reader, writer = await connected(port)

    async def said(command: bytes, reply: bytes) -> None:
        writer.write(command)
        while (line := await reader.readline())[3:4] == b"-":
            pass
        assert line.startswith(reply), line

    await said(b"", b"220")
    await said(b"EHLO sender.example\r\n", b"250")
    for mail in mails:
        await said(b"MAIL FROM:<alice@a.example>\r\n", b"250")
        await said(b"RCPT TO:<bob@b.example>\r\n", b"250")
        await said(b"DATA\r\n", b"354")
        await said(mail.replace(b"\r\n.", b"\r\n..") + b"\r\n.\r\n", b"250")
    writer.close()


def used(process: int) -> float:
    """The processor time of `process` so far, seconds."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def measure(messages: int, connections: int, size: int, folder: Path) -> None:
    """Print how fast mails were acknowledged, and what each cost when it was delivered and answered too."""
    (port,) = free_ports(1)
    mails = [sealed(number, size) for number in range(messages)]
    async with Hub().open() as hub:
        make_site(folder, port, hub.options.connect.port)
        hie = str(Path(sys.executable).with_name("hie"))
        engine = await asyncio.create_subprocess_exec(hie, "run", str(folder), stdout=subprocess.DEVNULL)
        try:
            (await connected(port))[1].close()
            begun, before = time.perf_counter(), used(engine.pid)
            await asyncio.gather(*(hand_over(port, mails[each::connections]) for each in range(connections)))
            taken, cost = time.perf_counter() - begun, used(engine.pid) - before
            print(f"{messages} mails of {size:,}: {messages / taken:,.0f} acknowledged a second, ", end="")
            print(f"{cost / messages * 1000:.1f} ms of processor time each")
            while len(hub.taken) < messages or len(os.listdir(folder / "out")) < messages:  # noqa: ASYNC110, PTH208
                await asyncio.sleep(0.1)
            taken, cost = time.perf_counter() - begun, used(engine.pid) - before
            print(f"delivered, and answered with a notice: {messages / taken:,.0f} a second, ", end="")
            print(f"{cost / messages * 1000:.1f} ms of processor time each")
        finally:
            engine.send_signal(signal.SIGTERM)
            await asyncio.wait_for(engine.wait(), 30)


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.direct_engine_speed", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--messages", type=int, default=1000)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--size", type=int, default=50_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(measure(options.messages, options.connections, options.size, Path(folder)))


if __name__ == "__main__":
    main()
