"""`hie bench`: the engine's own load test."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from engine.cli.common import Failure, json_option, print_json

if TYPE_CHECKING:
    from engine.bench.run import Result


@click.command("bench")
@click.option("--messages", default=50_000, show_default=True, type=click.IntRange(100), help="How many are sent.")
@click.option("--connections", default=32, show_default=True, type=click.IntRange(1, 1000), help="How many senders; "
              "each sends its next message after the ACK.")  # fmt: skip
@click.option("--parallel", default=8, show_default=True, type=click.IntRange(1, 100), help="How many deliveries are "
              "under way at once, in order by patient.")  # fmt: skip
@click.option("--journal", default="", metavar="URL", help="An empty PostgreSQL database; a SQLite file without it.")
@click.option("--backbone", default="embedded", metavar="URL", help="A RabbitMQ; the embedded backbone without it.")
@json_option
def command(messages: int, connections: int, parallel: int, journal: str, backbone: str, as_json: bool) -> None:
    """Measure what this machine does: ADT^A01 of 1.1 KB in over MLLP and out over MLLP, everything durable.

    The engine runs as a process of its own on a site made for it; the sender and the receiver run in this one, on the
    same machine. Every message must arrive, or the command fails.
    """
    from engine.bench.run import Setting, measure  # noqa: PLC0415 - uvloop and all

    setting = Setting(messages, connections, parallel, journal, backbone)
    try:
        result = measure(setting, os.environ)
    except (RuntimeError, TimeoutError) as error:
        reason = str(error) or f"not every message arrived within {int(setting.patience)} s"
        raise Failure(reason, "a database or vhost that was used before may hold messages of its own") from None
    if as_json:
        print_json(result.as_json())
        return
    _show(result)
    if result.refused:
        raise Failure(f"{result.refused} messages were not accepted", "see the engine's own words above")


def _show(result: Result) -> None:
    for name, value, unit in (
        ("acknowledged", f"{result.acknowledged:,.0f}", "messages a second"),
        ("acknowledged and delivered", f"{result.delivered:,.0f}", "messages a second"),
        ("ACK, median", f"{result.median:.2f}", "ms"),
        ("ACK, 99th percentile", f"{result.p99:.2f}", "ms"),
        ("ACK, slowest", f"{result.slowest:.1f}", "ms"),
        ("start to first ACK", f"{result.start:.2f}", "s"),
        ("memory at its highest", f"{result.memory:.0f}", "MB"),
        ("engine's processor time", f"{result.cpu:.0f}", "µs a message"),
        ("delivered more than once", f"{result.repeats:,}", "messages"),
    ):
        click.echo(f"{name:28} {value:>10} {unit}")
