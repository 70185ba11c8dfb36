"""`hie bench`: the engine's own load test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from engine.cli.common import Failure, json_option, print_json

if TYPE_CHECKING:
    from engine.bench.run import Result


@click.command("bench")
@click.option("--inbound", default="mllp", show_default=True, type=click.Choice(["mllp", "fhir"]), help="The end "
              "that is measured: HL7 v2 over MLLP, or FHIR beside the plain http end.")  # fmt: skip
@click.option("--messages", type=click.IntRange(100), help="How many are sent: 50000 without it, with fhir 10000 "
              "creates and a fifth as many transactions.")  # fmt: skip
@click.option("--connections", type=click.IntRange(1, 1000), help="How many senders, 32 without it, with fhir 16; each "
              "sends its next message after the answer.")  # fmt: skip
@click.option("--parallel", default=8, show_default=True, type=click.IntRange(1, 100), help="How many deliveries are "
              "under way at once; with mllp, in order by patient.")  # fmt: skip
@click.option("--journal", default="", metavar="URL", help="An empty PostgreSQL database; a SQLite file without it.")
@click.option("--backbone", default="embedded", metavar="URL", help="A RabbitMQ; the embedded backbone without it.")
@json_option
def command(
    inbound: str,
    messages: int | None,
    connections: int | None,
    parallel: int,
    journal: str,
    backbone: str,
    as_json: bool,
) -> None:
    """Measure what this machine does, everything durable: ADT^A01 of 1.1 KB in over MLLP and out over MLLP; or FHIR
    Patients of 1 KB and transactions of 20 entries in, answered as created, and out over HTTP.

    The engine runs as a process of its own on a site made for it; the sender and the receiver run in this one, on the
    same machine. Every message must arrive, or the command fails.
    """
    if inbound == "fhir":
        _measure_fhir(messages or 10_000, connections or 16, parallel, journal, backbone, as_json)
    else:
        _measure_mllp(messages or 50_000, connections or 32, parallel, journal, backbone, as_json)


def _measure_mllp(messages: int, connections: int, parallel: int, journal: str, backbone: str, as_json: bool) -> None:
    from engine.bench.run import Setting, measure  # noqa: PLC0415 - uvloop and all

    setting = Setting(messages, connections, parallel, journal, backbone)
    with _failures(setting.patience):
        result = measure(setting, os.environ)
    if as_json:
        print_json(result.as_json())
        return
    _show(result)
    _check(result.refused)


def _measure_fhir(messages: int, connections: int, parallel: int, journal: str, backbone: str, as_json: bool) -> None:
    from engine.bench.fhir import Setting, measure  # noqa: PLC0415 - uvloop and all

    setting = Setting(messages, connections, parallel, journal, backbone)
    with _failures(setting.patience):
        results = measure(setting, os.environ)
    if as_json:
        print_json([each.as_json() for each in results])
        return
    click.echo(
        f"{'':20} {'end':5} {'answered/s':>11} {'delivered/s':>12} {'median ms':>10} {'p99 ms':>8} {'slowest ms':>11}"
    )
    for each in results:
        rates = f"{each.answered:11,.0f} {each.delivered:12,.0f}"
        click.echo(f"{each.what:20} {each.end:5} {rates} {each.median:10.2f} {each.p99:8.2f} {each.slowest:11.1f}")
    for plain, fhir in zip(results[::2], results[1::2], strict=True):
        click.echo(f"{fhir.what}: the fhir end answers {fhir.answered / plain.answered:.2f} of what the http end does")
    _check(sum(each.refused for each in results))


@contextmanager
def _failures(patience: float) -> Iterator[None]:
    try:
        yield
    except (RuntimeError, TimeoutError) as error:
        reason = str(error) or f"not every message arrived within {int(patience)} s"
        raise Failure(reason, "a database or vhost that was used before may hold messages of its own") from None


def _check(refused: int) -> None:
    if refused:
        raise Failure(f"{refused} messages were not accepted", "see the engine's own words above")


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
