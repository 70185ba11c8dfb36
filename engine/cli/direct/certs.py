"""`hie direct certs`: certificates and when they end, and ours as DNS and LDAP want them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from engine.cli.common import Failure, columns, json_option, local, print_json, shown, site_option
from engine.cli.direct.files import read_certificates

if TYPE_CHECKING:
    from cryptography import x509

    from engine.cli.direct.ends import DirectEnd
    from engine.cli.direct.shape import Shown


class Held(NamedTuple):
    """A certificate: by which ends it is used, what as (identity, anchor, partner, file), and the file it is in."""

    used_by: str
    role: str
    file: str
    certificate: x509.Certificate


@click.command("certs")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path, exists=True, dir_okay=False), metavar="[FILE...]")
@site_option
@click.option("--within", default=30, show_default=True, metavar="DAYS", help="How soon an end is worth a warning.")
@click.option("--dns", is_flag=True, help="Print CERT records of our identities, for a zone file.")
@click.option("--ldif", metavar="BASE", help="Print LDAP entries of our identities below BASE, in LDIF.")
@json_option
def command(files: tuple[Path, ...], site: Path, within: int, dns: bool, ldif: str | None, as_json: bool) -> int:
    """List the certificates in FILE, or those of the site: identities, anchors, partners.

    PEM, DER and PKCS#7 are read. Exit status 1 when one has expired or ends within DAYS, so that a nightly job notices.
    With --dns or --ldif, what others find our certificates by is printed instead; of FILE every certificate, of the
    site its identities.
    """
    from schemas.ids import utc_now  # noqa: PLC0415

    now = utc_now()
    held = list(_in_files(files) if files else _in_site(site))
    if dns or ldif:
        _print_hosted([each.certificate for each in held if each.role in ("identity", "file")], dns=dns, base=ldif)
        return 0
    from engine.cli.direct.shape import shown_certificate  # noqa: PLC0415

    rows = [(each, shown_certificate(each.certificate, now, timedelta(days=within))) for each in held]
    if as_json:
        places = [{"used_by": each.used_by, "role": each.role, "file": each.file} for each in held]
        print_json([{**place, **asdict(what)} for place, (_, what) in zip(places, rows, strict=True)])
    elif rows:
        head = ("STATUS", "ENDS", "ROLE", "USE", "NAMES", "USED BY", "FILE")
        lines = [_line(each, what) for each, what in rows]
        for line in columns([head, *lines]):
            click.echo(shown(line))
    return int(any(what.status != "good" for _, what in rows))


def _line(held: Held, what: Shown) -> tuple[str, ...]:
    names = ", ".join(what.names) or what.subject
    return what.status, local(what.end), held.role, what.use, names, held.used_by, held.file


def _in_files(files: Sequence[Path]) -> Iterable[Held]:
    return (Held("", "file", str(file), each) for file in files for each in read_certificates(file))


def _in_site(site: Path) -> Iterable[Held]:
    from engine.cli.direct.ends import ends_of  # noqa: PLC0415

    ends = ends_of(site)
    if not ends:
        what = f"no `direct` end of {site} has an agent, so that there are no certificates"
        raise Failure(what, "name files, or another site with --site")
    users: dict[tuple[str, str, x509.Certificate], list[str]] = {}
    for end in ends:
        for role, file, certificate in _of_end(end):
            users.setdefault((role, file, certificate), []).append(end.place)
    for (role, file, certificate), used in users.items():
        yield Held(", ".join(dict.fromkeys(used)), role, file, certificate)


def _of_end(end: DirectEnd) -> Iterable[tuple[str, str, x509.Certificate]]:
    from channels.direct.error import DirectError  # noqa: PLC0415
    from channels.direct.trust.bundle import read_bundle  # noqa: PLC0415
    from channels.direct.trust.store import read_file, read_signers  # noqa: PLC0415
    from schemas.ids import utc_now  # noqa: PLC0415

    agent = end.agent
    for identity in agent.keys:
        try:
            yield "identity", str(identity.files[0]), identity.read().certificate
        except DirectError as error:
            raise Failure(f"{end.place}: {error.what}", error.hint) from None
    certificates: list[tuple[str, Path, Path | None]] = [
        ("anchor", each.certificates, None) for each in agent.trust.anchors
    ]
    certificates += [("anchor", each.file, each.signer) for each in agent.trust.bundles if each.file.exists()]
    certificates += [("partner", each, None) for each in agent.discovery.certificates]
    for role, file, signer in certificates:
        try:
            for each in read_bundle(read_file(file), read_signers(signer), utc_now()):
                yield role, str(file), each
        except DirectError as error:
            raise Failure(f"{end.place}: {file}: {error.what}", error.hint) from None


def _print_hosted(certificates: Sequence[x509.Certificate], *, dns: bool, base: str | None) -> None:
    from channels.direct.discovery.hosting import dns_records, ldif_entries  # noqa: PLC0415

    found = list(dict.fromkeys(certificates))
    if dns:
        click.echo(dns_records(found), nl=False)
    if base:
        click.echo(ldif_entries(found, base), nl=False)
