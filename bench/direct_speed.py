"""What Direct's security and trust agent costs: messages received and sent a second on one core, by their size.

    python -m bench.direct_speed [--seconds 2] [--sizes 2000 50000 1000000 25000000]

Receiving is all of it: decrypt, verify the signature, the path to an anchor, the revocation list, the headers, the
attachments decoded. Beside it: its parts, and `cryptography`'s own RSA operation with the private key as a yardstick.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from mmap import ACCESS_READ, mmap
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import padding, rsa

from channels.direct import smime
from channels.direct.agent import Agent
from channels.direct.envelope import Envelope
from channels.direct.keys import Identity, IdentityFiles, Keys
from channels.direct.mime import Attachment, attachments, write_mail
from channels.direct.partners import Partners
from channels.direct.trust.options import DiscoveryOptions, TrustOptions
from tests.channels.direct.pki import NOW, Authority, pem, write_pem

SIZES = (2_000, 50_000, 1_000_000, 25_000_000)
ENVELOPE = Envelope("alice@a.example", ("bob@b.example",))
HEADERS = [
    *(("From", "alice@a.example"), ("To", "bob@b.example"), ("Date", "Mon, 01 Jun 2026 11:59:00 +0000")),
    *(("Message-ID", "<1@a.example>"), ("Subject", "Discharge")),
]
Work = Callable[[], Awaitable[object]]


def mail(size: int) -> bytes:
    """A mail with a document of `size` octets."""
    return write_mail(HEADERS, "See it.\n", [Attachment("a.xml", "text/xml", os.urandom(size))], os.urandom)


def agent(folder: Path, identity: Identity, anchors: Authority, partner: Identity) -> Agent:
    """The agent of a site that has `identity`, trusts `anchors` by their list, and knows `partner`."""
    folder.mkdir()
    certificate, key = write_pem(folder, "own", identity)
    (folder / "anchor.pem").write_bytes(pem(anchors.certificate))
    (folder / "anchors.crl").write_bytes(anchors.crl())
    (folder / "partner.pem").write_bytes(pem(partner.certificate))
    trust = {"anchors": [{"certificates": folder / "anchor.pem"}], "revocation": {"lists": [folder / "anchors.crl"]}}
    found = {"certificates": [folder / "partner.pem"], "dns": False, "ldap": False}
    options = TrustOptions.model_validate(trust), DiscoveryOptions.model_validate(found)
    keys = Keys([IdentityFiles(certificate=certificate, key=key)], print)
    return Agent(keys, Partners(*options, print, lambda: NOW), lambda: NOW)


async def rate(work: Work, seconds: float) -> float:
    """How often `work` is done in a second of processor time."""
    await work()
    begun, times = time.process_time(), 0
    while times == 0 or time.process_time() - begun < seconds:
        await work()
        times += 1
    return times / (time.process_time() - begun)


async def measure(sizes: list[int], seconds: float, folder: Path) -> None:
    """Print a line for each of `sizes`, then the parts for 50 kB."""
    theirs, ours = Authority("Their Anchor"), Authority("Our Anchor", number=1)
    alice, bob = theirs.issue("alice@a.example"), ours.issue("bob@b.example", number=1)
    sending, receiving = agent(folder / "a", alice, ours, bob), agent(folder / "b", bob, theirs, alice)

    async def receive() -> None:
        received = await receiving.receive(ENVELOPE, sealed)
        assert received.trusted, received.verdicts
        attachments(received.inner)

    async def send() -> None:
        assert (await sending.send(plain, ENVELOPE.recipients)).parcels

    print(f"{'document':>12} {'as sent':>12} {'received/s':>12} {'sent/s':>12}")
    for size in sizes:
        plain = mail(size)
        sealed = (await sending.send(plain, ENVELOPE.recipients)).parcels[0].mail
        rates = await rate(receive, seconds), await rate(send, seconds)
        print(f"{size:>12,} {len(sealed):>12,} {rates[0]:>12,.1f} {rates[1]:>12,.1f}")

    async def opened() -> None:
        smime.open(sealed, [bob])

    async def judged() -> None:
        trust = receiving._partners.trust
        await trust.judge(alice.certificate, [], "alice@a.example", ours="bob@b.example", way="in", now=NOW)

    async def private() -> None:
        assert isinstance(bob.key, rsa.RSAPrivateKey)
        bob.key.decrypt(wrapped, padding.PKCS1v15())

    plain = mail(50_000)
    sealed = (await sending.send(plain, ENVELOPE.recipients)).parcels[0].mail
    public = bob.certificate.public_key()
    assert isinstance(public, rsa.RSAPublicKey)
    wrapped = public.encrypt(bytes(32), padding.PKCS1v15())
    parts: dict[str, Work] = {"decrypt and verify": opened, "path and list": judged, "RSA private key": private}
    print("\nof 50 kB received:", end=" ")
    print(", ".join([f"{what} {1e6 / await rate(work, seconds / 2):,.0f} µs" for what, work in parts.items()]))


def memory(size: int, folder: Path) -> None:
    """Print what opening a message with a document of `size` octets takes in a process of its own."""
    theirs, ours = Authority("Their Anchor"), Authority("Our Anchor", number=1)
    alice, bob = theirs.issue("alice@a.example"), ours.issue("bob@b.example", number=1)
    write_pem(folder, "own", bob)
    (folder / "mail").write_bytes(smime.protect(mail(size), alice, [bob.certificate], NOW))
    done = subprocess.run(
        [sys.executable, "-m", "bench.direct_speed", "--open", str(folder)], check=True, capture_output=True, text=True
    )
    print(f"to open {size:,}: {done.stdout.strip()}")


def open_alone(folder: Path) -> None:
    """Open the message of `folder` as a spooled one and protect it again; print how much memory each took at most."""
    holder = IdentityFiles(certificate=folder / "own.pem", key=folder / "own.key").read()
    before = _most()
    with (folder / "mail").open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as octets:
        inner = smime.open(octets, [holder]).inner
        mapped = len(octets) >> 20
    print(f"{_most() - before} MB at most, {mapped} MB of them the spooled file's own pages", end="; ")
    Path("/proc/self/clear_refs").write_text("5")  # forgets the most so far
    before = _most()
    smime.protect(inner, holder, [holder.certificate], NOW)
    print(f"to protect it again {_most() - before} MB, {mapped} MB of them the result")


def _most() -> int:
    found = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
    assert found
    return int(found.group(1)) // 1024


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m bench.direct_speed", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--open", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.open:
        open_alone(options.open)
        return
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(measure(list(options.sizes), options.seconds, Path(folder)))
        memory(max(options.sizes), Path(folder))


if __name__ == "__main__":
    main()
