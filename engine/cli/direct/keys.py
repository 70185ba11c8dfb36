"""`hie direct keys`: identities for tests."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.cli.common import Failure, json_option, print_json

if TYPE_CHECKING:
    from datetime import datetime

    from channels.direct.issuing import Kind
    from channels.direct.keys import Identity


@click.command("keys")
@click.argument("names", nargs=-1, required=True, metavar="ADDRESS|DOMAIN...")
@click.option(
    "--to",
    "folder",
    default="keys",
    show_default=True,
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="The folder that they are written to.",
)
@click.option("--days", default=365, show_default=True, type=click.IntRange(1, 3650), help="How long they last.")
@click.option("--ec", is_flag=True, help="EC keys on P-256 in place of RSA.")
@click.option("--separate", is_flag=True, help="One certificate that signs and one that opens, for each name.")
@json_option
def command(names: tuple[str, ...], folder: Path, days: int, ec: bool, separate: bool, as_json: bool) -> int:
    """Make an identity for each address or domain, below a test authority of your own.

    DIR gets anchor.pem, anchor.key and anchor.crl, unless they are there, and NAME.pem and NAME.key for each name. What
    is there is never written over. For tests: what partners trust, their community's authority issues.
    """
    from schemas.ids import utc_now  # noqa: PLC0415

    names = tuple(_checked(each) for each in names)
    uses = ("sign", "encrypt") if separate else ("both",)
    stems = {(name, use): name if use == "both" else f"{name}-{use}" for name in names for use in uses}
    for stem in stems.values():
        for each in (folder / f"{stem}.pem", folder / f"{stem}.key"):
            if each.exists():
                raise Failure(f"{each} is there already", "name another folder with --to, or remove it yourself")
    now, lasts, kind = utc_now(), timedelta(days=days), "ec" if ec else "rsa"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        authority = _authority(folder, kind, now, lasts)  # type: ignore[arg-type]
        written = [
            {"name": name, "use": use, **_issued(authority, folder, stem, name, use, kind, now, lasts)}
            for (name, use), stem in stems.items()
        ]
    except OSError as error:
        raise Failure(f"{error.filename}: {error.strerror}", "name a folder that you may write to") from None
    anchor = {each: str(folder / f"anchor.{each}") for each in ("pem", "key", "crl")}
    if as_json:
        print_json({"anchor": anchor, "identities": written})
        return 0
    click.echo(_yaml(anchor, written))
    click.echo("These are for tests: a partner must trust anchor.pem to believe them. Keep the .key files.", err=True)
    return 0


def _checked(name: str) -> str:
    from pydantic import TypeAdapter, ValidationError  # noqa: PLC0415

    from channels.direct.options import Ours  # noqa: PLC0415

    try:
        adapter: TypeAdapter[str] = TypeAdapter(Ours)
        return adapter.validate_python(name)
    except ValidationError:
        what = f"{name} is neither an address nor a domain"
        raise Failure(what, "for example inbox@direct.example.org, or direct.example.org") from None


def _authority(folder: Path, kind: Kind, now: datetime, lasts: timedelta) -> Identity:
    """The authority in `folder`, made when it is not there; raises `Failure`, `OSError`."""
    from cryptography.hazmat.primitives.serialization import Encoding  # noqa: PLC0415

    from channels.direct.issuing import key_pem, new_authority, revocation_list  # noqa: PLC0415
    from channels.direct.keys import IdentityFiles, KeysError  # noqa: PLC0415

    certificate, key, revoked = (folder / f"anchor.{each}" for each in ("pem", "key", "crl"))
    if certificate.exists() or key.exists():
        try:
            return IdentityFiles(certificate=certificate, key=key).read()
        except KeysError as error:
            raise Failure(error.what, error.hint) from None
    authority = new_authority("Test authority for Direct", kind, now, lasts)
    _write_secret(key, key_pem(authority.key))
    certificate.write_bytes(authority.certificate.public_bytes(Encoding.PEM))
    revoked.write_bytes(revocation_list(authority, now))
    return authority


def _issued(
    authority: Identity, folder: Path, stem: str, name: str, use: str, kind: str, now: datetime, lasts: timedelta
) -> dict[str, str]:
    from cryptography.hazmat.primitives.serialization import Encoding  # noqa: PLC0415

    from channels.direct.issuing import issue, key_pem  # noqa: PLC0415

    identity = issue(authority, name, kind, use, now, lasts)  # type: ignore[arg-type]
    certificate, key = folder / f"{stem}.pem", folder / f"{stem}.key"
    _write_secret(key, key_pem(identity.key))
    certificate.write_bytes(identity.certificate.public_bytes(Encoding.PEM))
    return {"certificate": str(certificate), "key": str(key)}


def _write_secret(file: Path, content: bytes) -> None:
    """Write `content` to a new file that nobody else may read."""
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        stream.write(content)


def _yaml(anchor: dict[str, str], written: list[dict[str, str]]) -> str:
    keys = [f"    - {{certificate: {each['certificate']}, key: {each['key']}}}" for each in written]
    return "\n".join(
        [
            "# For a direct end; paths are relative to the site.",
            "agent:",
            "  keys:",
            *keys,
            "  trust:",
            "    anchors:",
            f"      - {{certificates: {anchor['pem']}}}",
            f"    revocation: {{lists: [{anchor['crl']}]}}",
        ]
    )
