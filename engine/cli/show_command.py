"""`hie show`: one message's whole history."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.cli.common import Failure, body_text, json_option, local, print_json, shown, site_option, with_journal
from engine.cli.files import content_of

if TYPE_CHECKING:
    from engine.journal import Journal
    from engine.journal.history import Fact, History, Record
    from schemas.message import Message

_MOST_VALUES = 20


@click.command("show")
@click.argument("id_", metavar="ID")
@click.option("--body", is_flag=True, help="Print the body as well, a line for each segment, or each value of FHIR.")
@click.option(
    "--html", is_flag=True, help="Print the clinical document that ID, or a file, holds as a page for a browser."
)
@site_option
@json_option
def command(id_: str, body: bool, html: bool, site: Path, as_json: bool) -> None:
    """Tell everything about the message ID: when and from where it came, its findings, where it went and why.

    ID is that of a received message, as `hie messages` lists it, or that of one of its deliveries, or the beginning of
    either. --body prints the message as received, or, for the ID of a delivery, as it was delivered. With --html, ID
    may be the name of a file as well; the page runs no script and loads nothing.
    """
    if html:
        click.echo(_page(id_, site), nl=False)
        return
    history, message = with_journal(site, lambda journal: _ask(journal, id_, body))
    if as_json:
        document = {name: getattr(history, name) for name in ("asked", "message", "terms", "deliveries", "hidden")}
        print_json({**document, "body": message.body} if message is not None else document)
        return
    for line in _lines(history):
        click.echo(shown(line))
    if message is not None:
        click.echo()
        click.echo(body_text(message.body))


def _page(id: str, site: Path) -> str:
    """The page that shows the document of a file or of the journal; raises `Failure`."""
    from schemas.ccda import CcdaError, Document  # noqa: PLC0415
    from schemas.ccda.html import page  # noqa: PLC0415

    file = Path(id)
    if file.is_file():
        body = content_of(file)
    else:
        _, message = with_journal(site, lambda journal: _ask(journal, id, body=True))
        body = message.body if message is not None else b""
    try:
        return page(Document.parse(body))
    except CcdaError as error:
        raise Failure(str(error.args[0]), error.hint or "only clinical documents are shown as a page") from None


async def _ask(journal: Journal, id: str, body: bool) -> tuple[History, Message | None]:
    from engine.journal.history import history  # noqa: PLC0415

    told = await history(journal, id)
    return told, await journal.get(told.asked) if body else None


def _lines(history: History) -> Iterator[str]:
    message = history.message
    yield f"message {message.id}"
    kind = message.type or message.format
    yield f"  received    {local(message.received, millis=True)} by channel {message.channel}"
    yield f"  is          {kind}, {message.size} bytes"
    if message.control_id:
        yield f"  control id  {message.control_id}"
    if message.patient_id:
        yield f"  patient id  {message.patient_id}"
    yield from _terms(history)
    for name, value in sorted(message.attributes.items()):
        yield f"  {name:10}  {value}"
    yield from _state(message, "  ")
    for finding in message.findings:
        yield f"  finding     {finding.severity}: {finding}"
    yield from _events(message, "  ")
    for delivery in history.deliveries:
        yield ""
        mark = "  <- asked for" if delivery.id == history.asked else ""
        yield f"delivery {delivery.id} on route {delivery.route}{mark}"
        what = "the message as received" if delivery.same_body else "made by the route's steps"
        yield f"  is          {delivery.format}, {delivery.size} bytes, {what}"
        if delivery.control_id:
            yield f"  control id  {delivery.control_id}"
        if delivery.order_keys:
            keys = ", ".join(key or "the whole route" for key in delivery.order_keys)
            yield f"  in order    by {keys}"
        for name, value in sorted(delivery.attributes.items()):
            if message.attributes.get(name) != value:
                yield f"  {name:10}  {value}"
        for finding in delivery.findings:
            if finding not in message.findings:
                yield f"  finding     {finding.severity}: {finding}"
        yield from _events(delivery, "  ")
        yield from _state(delivery, "  ")
    if history.hidden:
        yield ""
        yield f"and {history.hidden} further deliveries"


def _terms(history: History) -> Iterator[str]:
    for name in dict.fromkeys(name for name, _ in history.terms):
        values = [value for each, value in history.terms if each == name]
        for value in values[:_MOST_VALUES]:
            yield f"  {name:10}  {value}"
        if len(values) > _MOST_VALUES:
            yield f"  {name:10}  and more; --json lists them"


def _state(record: Record, indent: str) -> Iterator[str]:
    when = f" at {local(record.settled, millis=True)}" if record.settled is not None else ""
    tries = f", attempt {record.attempts}" if record.route and record.attempts else ""
    again = f", again at {local(record.due)}" if record.due is not None else ""
    yield f"{indent}{record.status.value:10}  {when.strip() or 'not settled yet'}{tries}{again}"
    if record.detail:
        # A received message's detail holds what was decided on each route that did not take it.
        for part in record.detail.split("; ") if not record.route else [record.detail]:
            yield f"{indent}            {part}"
    yield from _reply(record.reply, indent)


def _events(record: Record, indent: str) -> Iterator[str]:
    for event in record.events:
        yield from _event(event, indent)


def _event(event: Fact, indent: str) -> Iterator[str]:
    yield f"{indent}{event.kind:10}  at {local(event.at, millis=True)}" + (f": {event.detail}" if event.detail else "")
    yield from _reply(event.reply, indent)


def _reply(reply: bytes, indent: str) -> Iterator[str]:
    if reply:
        for line in body_text(reply).split("\n"):
            yield f"{indent}            | {line}"
