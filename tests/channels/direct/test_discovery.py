"""Discovery against a real BIND and three real OpenLDAP servers: DCDT's cases, and what else may stand there."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from channels.direct.discovery.hosting import dns_records, ldif_entries
from channels.direct.partners import Partners
from channels.direct.trust.bundle import BundleError
from channels.direct.trust.options import DiscoveryOptions, TrustOptions
from schemas.finding import Finding
from tests import services
from tests.channels.direct.dcdt import CASES, ROOT, Case, World
from tests.channels.direct.directory import BASE, Bind, Slapd
from tests.channels.direct.pki import NOW, Wish, pem
from tests.channels.direct.web import Web, serving
from tests.tls import Authority as WebAuthority

HOSTED = [ROOT.issue("hosted@own.example").certificate, ROOT.issue("own.example", number=1).certificate]
POINTED = ROOT.issue("pointed.example", number=2).certificate
ODD = ROOT.issue("o'neil+x@odd.example").certificate


@dataclass
class Directories:
    """All servers of the cases, running."""

    world: World
    web: Web
    bind: Bind
    slapds: dict[int, Slapd]
    authorities: Path


@pytest.fixture(scope="module")
def directories(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Directories]:
    folder = services.session_folder()
    authority = WebAuthority(tmp_path_factory.mktemp("tls"))
    with serving() as web, serving() as encrypted, contextlib.ExitStack() as running:
        encrypted.encrypt(authority.issue("web", hosts=("127.0.0.1",)))
        encrypted.pages["/pointed.cer"] = POINTED.public_bytes(Encoding.DER)
        pointed = f"https://127.0.0.1:{encrypted.port}/pointed.cer"
        world = World(web.url)
        web.pages.update(world.pages)
        hosted = ldif_entries([*HOSTED, ODD], BASE)
        slapds = {
            number: Slapd(folder / f"slapd-{number}", world.entries(number) + (hosted if number == 1 else ""))
            for number in (1, 2, 3)
        }
        ports = {0: services.free_port(), **{number: slapd.port for number, slapd in slapds.items()}}
        extra = (
            f"_ldap._tcp.own.example. IN SRV 0 0 {ports[1]} ldap1.example.\n"
            f"_ldap._tcp.odd.example. IN SRV 0 0 {ports[1]} ldap1.example.\n"
            "_ldap._tcp.none.example. IN SRV 0 0 0 .\n"
            f"_ldap._tcp.lost.example. IN SRV 0 0 {ports[1]} nowhere.example.\n"
            f"_ldap._tcp.web.example. IN SRV 0 0 {web.port} ldap1.example.\n"
            f"url.example. IN CERT IPKIX 0 0 {_base64('http://127.0.0.1/x')}\n"
            f"pointed.example. IN CERT IPKIX 0 0 {_base64(pointed)}\n"
        )
        bind = Bind(folder / "bind", world.records(ports) + dns_records([*HOSTED, ODD]) + extra)
        for server in (bind, *slapds.values()):
            running.enter_context(services.own(server))
        yield Directories(world, web, bind, slapds, authority.file)


def _base64(text: str) -> str:

    return base64.b64encode(text.encode()).decode()


@pytest.fixture
async def partners(directories: Directories, tmp_path: Path) -> AsyncIterator[Partners]:
    made = new_partners(directories, tmp_path)
    yield made
    await made.close()


def new_partners(
    directories: Directories,
    folder: Path,
    *,
    networks: tuple[str, ...] = ("127.0.0.0/8",),
    report: Callable[[Finding], None] = lambda _finding: None,
    **options: Any,
) -> Partners:
    file = folder / "root.pem"
    file.write_bytes(pem(ROOT.certificate))
    trust = TrustOptions.model_validate(
        {
            "anchors": [{"certificates": file}],
            "revocation": {"absent": "accept"},
            "fetch": {
                "networks": list(networks),
                "timeout": "2s",
                "tls": {"authorities": directories.authorities},
            },
        }
    )
    discovery = DiscoveryOptions.model_validate({"nameservers": [directories.bind.url], "timeout": "2s", **options})
    return Partners(trust, discovery, report, lambda: NOW)


@pytest.mark.row(
    "D1", "D2", "D3", "D4", "D5", "C5", "T5", "T6",
    "DCDT D1", "DCDT D2", "DCDT D3", "DCDT D4", "DCDT D5", "DCDT D6", "DCDT D7", "DCDT D8", "DCDT D9",
    "DCDT D10", "DCDT D11", "DCDT D12", "DCDT D13", "DCDT D14", "DCDT D15", "DCDT D16", "DCDT D17", "DCDT D18",
)  # fmt: skip
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
async def test_dcdt(case: Case, directories: Directories, partners: Partners) -> None:
    found = await partners.find(case.address, ours="us@ours.example", now=NOW)
    expected = [directories.world.certificates[case.id, name] for name in case.chosen]
    assert list(found.certificates) == expected, found
    assert bool(found.reason) == (not expected)
    assert found.temporary == (case.id == "D12")


@pytest.mark.row("D5")
async def test_what_is_too_large_for_udp_is_asked_again_over_tcp(directories: Directories, partners: Partners) -> None:
    await partners.find("d14@d14.example", ours="us@ours.example", now=NOW)
    asked = [line for line in directories.bind.queries if "d14.d14.example IN CERT" in line]
    flags = {line.rpartition("CERT ")[2].split()[0] for line in asked}
    assert any("T" in each for each in flags)
    assert any("T" not in each for each in flags)


@pytest.mark.row("D8", "DCDT H1", "DCDT H2", "DCDT H3", "DCDT H4")
@pytest.mark.parametrize("source", ["dns", "ldap"])
@pytest.mark.parametrize(("address", "number"), [("hosted@own.example", 0), ("anybody@own.example", 1)])
async def test_what_we_host_is_found(
    source: str, address: str, number: int, directories: Directories, tmp_path: Path
) -> None:
    partners = new_partners(directories, tmp_path, dns=source == "dns", ldap=source == "ldap")
    found = await partners.find(address, ours="us@ours.example", now=NOW)
    await partners.close()
    assert found.certificates == (HOSTED[number],)
    assert found.tried[-1].source == source


@pytest.mark.parametrize("source", ["dns", "ldap"])
async def test_an_odd_local_part_is_found(source: str, directories: Directories, tmp_path: Path) -> None:
    partners = new_partners(directories, tmp_path, dns=source == "dns", ldap=source == "ldap")
    found = await partners.find("O'Neil+x@odd.example", ours="us@ours.example", now=NOW)
    await partners.close()
    assert found.certificates == (ODD,)


@pytest.mark.row("D7")
async def test_answers_are_kept_for_their_time_to_live(directories: Directories, tmp_path: Path) -> None:
    partners = new_partners(directories, tmp_path)

    async def questions(address: str, now: timedelta) -> int:
        before = len(directories.bind.queries)
        await partners.find(address, ours="us@ours.example", now=NOW + now)
        return len(directories.bind.queries) - before

    assert await questions("hosted@own.example", timedelta()) == 1
    assert await questions("Hosted@own.example", timedelta(minutes=59)) == 0
    assert await questions("hosted@own.example", timedelta(minutes=61)) == 1
    assert await questions("d11@d11.example", timedelta()) > 0
    assert await questions("d11@d11.example", timedelta(seconds=50)) == 0
    assert await questions("d11@d11.example", timedelta(seconds=70)) > 0
    await partners.close()


@pytest.mark.parametrize(
    ("address", "says", "temporary"),
    [
        ("a@none.example", "no certificate was found", False),
        ("a@lost.example", "has no address", True),
        ("a@web.example", "does not answer as LDAP", True),
        ("a@url.example", "only https addresses", False),
        (f"{'x' * 64}@none.example", "no certificate was found", False),
        ("a..b@none.example", "no certificate was found", False),
    ],
)
async def test_what_cannot_be_found_is_explained(address: str, says: str, temporary: bool, partners: Partners) -> None:
    found = await partners.find(address, ours="us@ours.example", now=NOW)
    assert not found.certificates
    assert says in found.reason
    assert found.temporary == temporary


@pytest.mark.row("D6")
async def test_a_record_may_point_to_the_certificate(directories: Directories, tmp_path: Path) -> None:
    for networks, found in ((("127.0.0.0/8",), (POINTED,)), ((), ())):
        partners = new_partners(directories, tmp_path, networks=networks, ldap=False)
        recipient = await partners.find("a@pointed.example", ours="us@ours.example", now=NOW)
        await partners.close()
        assert recipient.certificates == found, recipient
    assert "private network" in recipient.reason


async def test_a_name_server_that_is_down_is_no_answer(directories: Directories, tmp_path: Path) -> None:
    partners = new_partners(directories, tmp_path, nameservers=[f"127.0.0.1:{services.free_port()}"], timeout="500ms")
    found = await partners.find("d1@d1.example", ours="us@ours.example", now=NOW)
    await partners.close()
    assert (found.certificates, found.temporary) == ((), True)
    assert "DNS does not answer" in found.reason


@pytest.mark.row("D6")
async def test_an_ldap_server_in_a_private_network_is_not_asked(directories: Directories, tmp_path: Path) -> None:
    partners = new_partners(directories, tmp_path, networks=())
    found = await partners.find("d3@d3.example", ours="us@ours.example", now=NOW)
    await partners.close()
    assert not found.certificates
    assert "private network" in found.reason


async def test_partners_certificates_come_from_files_first(directories: Directories, tmp_path: Path) -> None:
    mine = ROOT.issue("d1@d1.example", wish=Wish(), number=3).certificate
    (tmp_path / "known.der").write_bytes(mine.public_bytes(Encoding.DER))
    partners = new_partners(directories, tmp_path, certificates=[tmp_path / "known.der"])
    found = await partners.find("D1@d1.example", ours="us@ours.example", now=NOW)
    await partners.close()
    assert found.certificates == (mine,)
    assert found.tried[0].source == "file"


async def test_partners_files_are_read_again(directories: Directories, tmp_path: Path) -> None:
    first, second = (ROOT.issue("a@file.example", number=number).certificate for number in (4, 5))
    file = tmp_path / "known.pem"
    file.write_bytes(pem(first))
    found: list[Finding] = []
    partners = new_partners(directories, tmp_path, report=found.append, certificates=[file], ldap=False)
    for content, expected in ((pem(first, second), (first, second)), (b"damaged", (first, second))):
        file.write_bytes(content)
        recipient = await partners.find("a@file.example", ours="us@ours.example", now=NOW)
        assert recipient.certificates == expected
    await partners.close()
    assert [each.code for each in found] == ["DIR-115"]
    with pytest.raises(BundleError, match=r"known\.pem"):
        new_partners(directories, tmp_path, certificates=[file])
