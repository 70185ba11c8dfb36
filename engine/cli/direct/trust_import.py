"""`hie direct trust import`: a bundle taken by hand."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from engine.cli.common import Failure, json_option, print_json, shown
from engine.cli.direct.ends import tell


@click.command("import")
@click.argument("source", metavar="FILE|URL")
@click.option(
    "--to",
    "target",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Where the bundle is kept: `file` of a bundle under `trust`.",
)
@click.option(
    "--signer",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="The certificate that must have signed the bundle, or its authority.",
)
@click.option("--yes", is_flag=True, help="Take it although anchors that we have are gone from it.")
@json_option
def command(source: str, target: Path, signer: Path | None, yes: bool, as_json: bool) -> int:
    """Take a trust bundle (.p7b, .p7c, signed .p7m) from a file or from https, and say what changes.

    A running engine takes up the changed file by itself. Exit status 1, and nothing written, when anchors that we have
    are gone from it and --yes is not given.
    """
    from channels.direct.error import DirectError  # noqa: PLC0415
    from channels.direct.keys import fingerprint  # noqa: PLC0415
    from channels.direct.trust.bundle import read_bundle  # noqa: PLC0415
    from channels.direct.trust.store import read_file, read_signers, write_whole  # noqa: PLC0415
    from schemas.ids import utc_now  # noqa: PLC0415

    try:
        data = asyncio.run(_fetched(source)) if "://" in source else read_file(Path(source))
        found = read_bundle(data, read_signers(signer), utc_now())
        before = read_bundle(read_file(target)) if target.exists() else ()
    except DirectError as error:
        raise Failure(f"{source}: {error.what}", error.hint) from None
    changes = [("added", each) for each in found if each not in before]
    changes += [("removed", each) for each in before if each not in found]
    refused = any(what == "removed" for what, _ in changes) and not yes
    if not refused:
        try:
            write_whole(target, data)
        except OSError as error:
            raise Failure(f"{target}: {error.strerror}", "name a file that you may write") from None
    if as_json:
        listed = [
            {"change": what, "subject": each.subject.rfc4514_string(), "sha256": fingerprint(each)}
            for what, each in changes
        ]
        print_json({"taken": not refused, "anchors": len(found), "changes": listed})
        return int(refused)
    for what, each in changes:
        click.echo(shown(f"{what}: {each.subject.rfc4514_string()} (SHA-256 {fingerprint(each)})"))
    if refused:
        raise Failure("anchors that we have are gone from it; nothing was written", "--yes takes it all the same")
    click.echo(f"{target} has {len(found)} anchors", err=True)
    return 0


async def _fetched(url: str) -> bytes:
    from channels.direct.network.fetch import Fetcher  # noqa: PLC0415
    from channels.direct.network.names import Names  # noqa: PLC0415
    from channels.direct.trust.options import DiscoveryOptions, Fetching  # noqa: PLC0415
    from channels.guard import Guard  # noqa: PLC0415

    names = Names([], DiscoveryOptions().timeout)
    fetcher = Fetcher(Fetching(), Guard(), names.addresses, tell)
    try:
        return await fetcher.get(url, limit=20 << 20, schemes=("https",))
    finally:
        await fetcher.close()
