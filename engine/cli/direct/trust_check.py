"""`hie direct trust check`: why a certificate is trusted or not."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.cli.common import json_option, print_json, shown, site_option
from engine.cli.direct.ends import asked, end_options, partners_of
from engine.cli.direct.files import read_certificates

if TYPE_CHECKING:
    from datetime import datetime

    from cryptography import x509

    from channels.direct.trust.checks import Way
    from channels.direct.verdict import Verdict
    from engine.cli.direct.ends import Asked


@click.command("check")
@click.argument("address")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True), metavar="FILE...")
@click.option(
    "--way",
    type=click.Choice(["in", "out", "notice"]),
    default="in",
    show_default=True,
    help="It signed mail for us, it is to be encrypted to, or it signed a notice.",
)
@site_option
@end_options
@json_option
def command(
    address: str,
    files: tuple[Path, ...],
    way: Way,
    site: Path,
    ours: str | None,
    channel: str | None,
    anchors: tuple[Path, ...],
    nameserver: str | None,
    as_json: bool,
) -> int:
    """Judge the certificate in FILE for the partner's ADDRESS, as a `direct` end of the site does.

    The first certificate is judged; further ones, and further files, are those that came with it. Revocation lists and
    missing issuers are fetched. Exit status 1 when it is not trusted.
    """
    from schemas.ids import utc_now  # noqa: PLC0415

    certificates = [each for file in files for each in read_certificates(file)]
    meant = asked(site, channel, ours, anchors, nameserver, out=way == "out")
    now = utc_now()
    verdict = asyncio.run(_judged(meant, certificates, address, way, now))
    path = [each.subject.rfc4514_string() for each in verdict.path]
    if as_json:
        said = {"address": address, "ours": meant.ours, "way": way, "trusted": verdict.trusted, "code": verdict.code}
        print_json(
            {**said, "reason": verdict.reason, "hint": verdict.hint, "temporary": verdict.temporary, "path": path}
        )
        return int(not verdict.trusted)
    click.echo(shown(f"{'trusted' if verdict.trusted else 'not trusted'}: {verdict.code}: {verdict.reason}"))
    for number, name in enumerate(path):
        click.echo(shown(f"{'  ' * number}{name}"))
    if not verdict.trusted:
        click.echo(shown(f"     {verdict.hint}"), err=True)
    return int(not verdict.trusted)


async def _judged(meant: Asked, certificates: list[x509.Certificate], address: str, way: Way, now: datetime) -> Verdict:
    async with partners_of(meant) as partners:
        first, *beside = certificates
        return await partners.trust.judge(first, beside, address, ours=meant.ours, way=way, now=now)
