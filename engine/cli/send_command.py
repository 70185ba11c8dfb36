"""`hie send`: files to a receiver, by the same ends that channels use."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from engine.cli.common import Failure, body_text, json_option, print_json, shown
from engine.cli.mailing import Mailing, mail_outbound

if TYPE_CHECKING:
    from channels.ends import EndContext, Outbound, Outcome
    from channels.tls import ClientTls
    from schemas.finding import Finding
    from schemas.message import Message

_MOST_BYTES = 256 << 20
_MLLP_PORT = 2575
_FEW = 20  # answers; of more, only those that are not as hoped are printed


@dataclass(frozen=True, slots=True)
class Answer:
    """What one message was answered: `code` is MSA-1 or ""; `seconds` is how long the answer took."""

    file: str
    number: int
    control_id: str
    accepted: bool
    code: str
    text: str
    seconds: float


@click.command("send")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, allow_dash=True), metavar="FILE...")
@click.option(
    "--to", required=True, metavar="URL", help="mllp(s)://HOST:PORT, an http(s):// URL, or mailto:ADDRESS for Direct."
)
@click.option(
    "--repeat", default=1, show_default=True, type=click.IntRange(1), metavar="N", help="Send everything so many times."
)
@click.option("--rate", type=click.FloatRange(0, min_open=True), metavar="N", help="At most N messages a second.")
@click.option("--timeout", default=30.0, show_default=True, metavar="SECONDS", help="Seconds to wait for each answer.")
@click.option(
    "--ca", type=click.Path(path_type=Path), help="TLS: who vouches for the receiver (PEM); else the system's."
)
@click.option("--cert", type=click.Path(path_type=Path), help="TLS: the certificate that we show (PEM).")
@click.option("--key", type=click.Path(path_type=Path), help="TLS: its private key (PEM).")
@click.option("--server-name", metavar="NAME", help="TLS: the name in the receiver's certificate, when not its host's.")
@click.option("--token", envvar="HIE_TOKEN", metavar="TOKEN", help="HTTP: the bearer token; better in $HIE_TOKEN.")
@click.option("--from", "sender", metavar="ADDRESS", help="Direct: the address that it comes from.")
@click.option("--relay", metavar="HOST:PORT", help="Direct: the mail server, a HISP's or that of an inbound `direct`.")
@click.option("--user", metavar="NAME", help="Direct: who we are at the relay; the password is $HIE_PASSWORD.")
@click.option(
    "--keys",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Direct: sign and encrypt, with what `hie direct keys` wrote into this folder; else plain, for a HISP.",
)
@click.option("--full", is_flag=True, help="Print each answer in full.")
@json_option
def command(
    files: tuple[Path, ...], to: str, repeat: int, rate: float | None, full: bool, as_json: bool, **given: Any
) -> int:
    """Send each FILE (- for standard input) and print the answers: MSA code, text, time.

    A file of several HL7 v2 messages is split, with or without batch headers. Messages go one after the other on one
    connection. By Direct each is the attachment of a mail, and accepted when the relay has taken it. Exit status 1 when
    any was not accepted.
    """
    bodies = [(name, number, body) for name, content in map(_read, files) for number, body in _split(name, content)]
    outbound = _outbound(to, **given)
    total = len(bodies) * repeat
    sender = _Sender(outbound, rate, _teller(total, as_json, full))
    try:
        asyncio.run(sender.send(bodies, repeat))
    except KeyboardInterrupt:
        click.echo("hie: stopped", err=True)
    if as_json:
        print_json({"accepted": sender.accepted, "sent": len(sender.answers), "of": total, "answers": sender.answers})
    else:
        _summary(sender, total)
    if sender.unreachable:
        raise Failure(f"{to} cannot be reached: {sender.unreachable}", "is a receiver listening there?")
    return 0 if sender.accepted == total else 1


class _Sender:
    """Sends one message after the other and keeps the answers."""

    def __init__(self, outbound: Callable[[EndContext], Outbound], rate: float | None, tell: Tell) -> None:
        self._outbound = outbound
        self._rate = rate
        self._tell = tell
        self.answers: list[Answer] = []
        self.accepted = 0
        self.unreachable = ""
        self.seconds = 0.0

    async def send(self, bodies: list[tuple[str, int, bytes]], repeat: int) -> None:
        """Send `bodies` so many times; stops early when the receiver cannot be reached."""
        outbound = self._outbound(_context())
        begun = time.monotonic()
        try:
            for count in range(repeat * len(bodies)):
                if self._rate is not None:
                    await asyncio.sleep(begun + count / self._rate - time.monotonic())
                name, number, body = bodies[count % len(bodies)]
                message = _message(body)
                since = time.perf_counter()
                outcome = await outbound.deliver(message)
                answer = _answer(name, number, message, outcome, time.perf_counter() - since)
                if outcome.unreachable:
                    self.unreachable = outcome.detail
                    return
                self.answers.append(answer)
                self.accepted += answer.accepted
                self._tell(answer, outcome.reply)
        finally:
            self.seconds = time.monotonic() - begun
            await outbound.close()


Tell = Callable[[Answer, bytes], None]


def _read(file: Path) -> tuple[str, bytes]:
    try:
        if str(file) == "-":
            content = sys.stdin.buffer.read(_MOST_BYTES + 1)
        else:
            with file.open("rb") as opened:
                content = opened.read(_MOST_BYTES + 1)
    except OSError as error:
        raise Failure(f"{file}: {error.strerror}", "name files that can be read") from None
    if len(content) > _MOST_BYTES:
        raise Failure(f"{file} is larger than {_MOST_BYTES >> 20} MB", "split it")
    if not content.strip():
        raise Failure(f"{file} is empty")
    return str(file), content


def _split(name: str, content: bytes) -> Iterator[tuple[int, bytes]]:
    """The messages in a file, numbered from 1; what is not HL7 v2 is one message."""
    from channels.formats import sniff  # noqa: PLC0415
    from schemas.hl7v2 import Hl7Error, split_batch  # noqa: PLC0415
    from schemas.message import HL7V2  # noqa: PLC0415

    if sniff(content) != HL7V2:
        yield 1, content
        return
    try:
        batch = split_batch(content)
    except Hl7Error as error:
        raise Failure(f"{name}: {error}") from None
    if not batch.messages:
        raise Failure(f"{name} holds no message", "a batch has messages between BHS and BTS")
    for number, message in enumerate(batch.messages, start=1):
        yield number, message.body


def _outbound(
    to: str,
    timeout: float,
    ca: Path | None,
    cert: Path | None,
    key: Path | None,
    server_name: str | None,
    token: str | None,
    sender: str | None,
    relay: str | None,
    user: str | None,
    keys: Path | None,
) -> Callable[[EndContext], Outbound]:
    """The outbound end that `to` names, to be made inside the event loop."""
    from datetime import timedelta  # noqa: PLC0415

    url = urlsplit(to)
    patience = timedelta(seconds=timeout)
    if url.scheme in ("mllp", "http") and any((ca, cert, key, server_name)):
        raise click.UsageError(f"--ca, --cert, --key and --server-name are for TLS: write {url.scheme}s://")
    tls = _tls(ca, cert, key, server_name)
    mailing = Mailing(sender, relay, user, keys)
    if url.scheme == "mailto":
        return mail_outbound(to, mailing, tls, patience)
    if mailing.is_given:
        raise click.UsageError("--from, --relay, --user and --keys are for mailto:")
    if url.scheme in ("mllp", "mllps"):
        from channels.mllp import MllpOutbound  # noqa: PLC0415
        from channels.tls import ClientTls  # noqa: PLC0415
        from schemas.values import Address  # noqa: PLC0415

        try:
            host, port = url.hostname, url.port or _MLLP_PORT
        except ValueError:
            host, port = None, 0
        if not host or url.path.strip("/"):
            raise click.BadParameter(f"{to!r} is not mllp://HOST:PORT", param_hint="--to")
        secure = (tls or ClientTls()) if url.scheme == "mllps" else None
        place = str(Address(host, port))
        return lambda context: MllpOutbound(
            context, connect=place, tls=secure, ack_timeout=patience, on_error="refuse", on_reject="refuse"
        )
    if url.scheme in ("http", "https") and url.hostname:
        from pydantic import SecretStr  # noqa: PLC0415

        from channels.http import HttpOutbound  # noqa: PLC0415

        secret = SecretStr(token) if token else None
        literal = to.replace("{", "{{").replace("}", "}}")
        return lambda context: HttpOutbound(
            context, url=literal, tls=tls, token=secret, timeout=patience, on_error="refuse", on_reject="refuse"
        )
    raise click.BadParameter(
        f"{to!r}: write mllp://HOST:PORT, mllps://HOST:PORT, an http(s):// URL or mailto:ADDRESS", param_hint="--to"
    )


def _tls(ca: Path | None, cert: Path | None, key: Path | None, server_name: str | None) -> ClientTls | None:
    if ca is None and cert is None and key is None and server_name is None:
        return None
    if key is not None and cert is None:
        raise click.UsageError("--key needs --cert")
    from channels.tls import ClientTls, TlsError  # noqa: PLC0415

    tls = ClientTls(authorities=ca, certificate=cert, key=key, server_name=server_name)
    try:
        tls.context(lambda _: None)
    except TlsError as error:
        raise Failure(str(error), "see --ca, --cert and --key: PEM files") from None
    return tls


def _context() -> EndContext:
    from channels.ends import EndContext  # noqa: PLC0415
    from schemas.ids import new_id, utc_now  # noqa: PLC0415

    def report(finding: Finding) -> None:
        click.echo(f"hie: {shown(str(finding))}", err=True)

    return EndContext("send", Path.cwd(), utc_now, lambda: new_id(utc_now()), report)


def _message(body: bytes) -> Message:
    from channels.formats import sniff  # noqa: PLC0415
    from schemas.ids import new_id, utc_now  # noqa: PLC0415
    from schemas.message import Message  # noqa: PLC0415

    now = utc_now()
    return Message(new_id(now), "send", sniff(body), body, now)


def _answer(name: str, number: int, message: Message, outcome: Outcome, seconds: float) -> Answer:
    from channels.ends import OutcomeCode  # noqa: PLC0415
    from schemas.hl7v2 import Hl7Error, header, read_ack  # noqa: PLC0415
    from schemas.message import HL7V2  # noqa: PLC0415

    accepted = outcome.code is OutcomeCode.DELIVERED
    control_id = ""
    try:
        control_id = header(message.body).control_id if message.format == HL7V2 else ""
        ack = read_ack(outcome.reply)
    except Hl7Error:
        return Answer(name, number, control_id, accepted, "", outcome.detail, seconds)
    errors = [error.text or error.code for error in ack.errors]
    text = ack.text or "; ".join(filter(None, errors)) or ("" if accepted else outcome.detail)
    return Answer(name, number, control_id, accepted, ack.code, text, seconds)


def _teller(total: int, as_json: bool, full: bool) -> Tell:
    """Tells each answer as it comes; of many, those that were not accepted, and how far it has come."""
    begun = time.monotonic()
    told = {"at": begun, "count": 0.0}

    def tell(answer: Answer, reply: bytes) -> None:
        told["count"] += 1
        now = time.monotonic()
        if total > _FEW and sys.stderr.isatty() and now - told["at"] > 0.2:
            told["at"] = now
            rate = told["count"] / (now - begun)
            click.echo(f"\r{told['count']:,.0f} of {total:,}, {rate:,.0f} a second\033[K\r", err=True, nl=False)
        if as_json or (total > _FEW and answer.accepted and not full):
            return
        click.echo("  ".join(_line(answer)))
        if full:
            click.echo(body_text(reply))

    return tell


def _line(answer: Answer) -> list[str]:
    name = os.path.basename(answer.file)  # noqa: PTH119 - "-" is no path
    code = answer.code or ("ok" if answer.accepted else "--")
    line = [code, f"{answer.seconds * 1000:8.1f} ms", shown(f"{name}[{answer.number}] {answer.control_id}").strip()]
    return [*line, shown(answer.text)] if answer.text else line


def _summary(sender: _Sender, total: int) -> None:
    sent = len(sender.answers)
    if total == 1 and sent == 1:
        return
    times = sorted(answer.seconds * 1000 for answer in sender.answers)
    text = f"{sender.accepted:,} of {total:,} accepted in {sender.seconds:.1f} s"
    if times:
        at = [times[min(sent - 1, int(sent * part))] for part in (0.5, 0.99)]
        text += f" ({sent / max(sender.seconds, 1e-6):,.0f} a second; answers p50 {at[0]:.1f} ms, p99 {at[1]:.1f} ms)"
    click.echo(text, err=True)
