"""The guarded fetcher: what it refuses to reach, how much and how long it reads, and what is kept."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from channels.direct.network.error import NetworkError
from channels.direct.network.fetch import Fetcher
from channels.direct.network.kept import Found, Kept
from channels.direct.trust.options import Fetching
from channels.guard import Guard
from tests.channels.direct.pki import NOW
from tests.channels.direct.web import Web
from tests.tls import Authority

REFUSED = [
    "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
    "255.255.255.255", "::1", "::", "fe80::1", "fc00::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254",
    "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2001:0:4136:e378:8000:63bf:80ff:fffe", "no address", "",
    "::7f00:1", "::ffff:0:7f00:1", "fec0::1", "64:ff9b:1::7f00:1", "5f00::1",
]  # fmt: skip


@pytest.mark.row("D6")
@pytest.mark.parametrize("address", REFUSED)
def test_what_is_not_public_is_not_reached(address: str) -> None:
    assert not Guard().admits(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "64:ff9b::808:808", "2002:808:808::"])
def test_what_is_public_is(address: str) -> None:
    assert Guard().admits(address)


def test_networks_of_ours_are_reached() -> None:
    guard = Guard(Fetching.model_validate({"networks": ["10.1.0.0/16", "fc00::/8"]}).networks)
    assert [guard.admits(each) for each in ("10.1.9.9", "::ffff:10.1.9.9", "fc00::1", "10.2.0.1")] == [1, 1, 1, 0]


class Reached:
    """A fetcher that may reach loopback, where every name leads; `asked` are the names."""

    def __init__(self, addresses: list[str] | None = None, **options: Any) -> None:
        fetching = Fetching.model_validate({"networks": ["127.0.0.0/8"], "timeout": "1s", **options})
        self.asked: list[str] = []
        self.addresses = ["127.0.0.1"] if addresses is None else addresses
        self.fetcher = Fetcher(fetching, Guard(fetching.networks), self._resolve, lambda _finding: None)

    async def _resolve(self, host: str) -> list[str]:
        self.asked.append(host)
        return self.addresses

    async def get(self, url: str, **options: Any) -> bytes:
        try:
            return await self.fetcher.get(url, **options)
        finally:
            await self.fetcher.close()


async def test_a_host_is_looked_up_once_and_told_its_name(web: Web) -> None:
    web.pages["/x"] = b"here"
    reached = Reached()
    assert await reached.get(f"http://crl.partner.example:{web.port}/x") == b"here"
    assert reached.asked == ["crl.partner.example"]
    assert web.asked == [("/x", f"crl.partner.example:{web.port}")]


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("ftp://a.example/x", "fetch-scheme"),
        ("file:///etc/passwd", "fetch-scheme"),
        ("ldap://a.example/x", "fetch-scheme"),
        ("http:///x", "fetch-scheme"),
        ("http://user:secret@a.example/x", "fetch-scheme"),
        ("http://a.example:99999999/x", "fetch-address"),
        ("http://[::1", "fetch-address"),
        ("", "fetch-scheme"),
        ("http://a.example/\x00", "fetch-address"),
    ],
)
async def test_addresses_that_are_not_fetched(url: str, code: str) -> None:
    reached = Reached()
    with pytest.raises(NetworkError) as error:
        await reached.get(url)
    assert (error.value.code, error.value.temporary) == (code, False)
    assert reached.asked == []


@pytest.mark.row("D6")
@pytest.mark.parametrize("addresses", [["10.0.0.1"], ["169.254.169.254", "::1"], []])
async def test_a_name_that_leads_inside_is_not_followed(addresses: list[str]) -> None:
    with pytest.raises(NetworkError) as error:
        await Reached(addresses).get("http://a.example/x")
    assert error.value.code == ("fetch-private" if addresses else "fetch-no-address")


async def test_an_address_that_does_not_answer_is_passed_over(web: Web) -> None:
    web.pages["/x"] = b"here"
    assert await Reached(["10.0.0.1", "127.0.0.9", "127.0.0.1"]).get(f"http://a.example:{web.port}/x") == b"here"


async def test_redirects_are_followed_within_the_same_bounds(web: Web) -> None:
    to = {"location": "/x"}
    web.pages |= {"/1": (302, to, b""), "/x": b"here", "/ring": (302, {"location": "/ring"}, b"")}
    web.pages["/file"] = (301, {"location": "file:///etc/passwd"}, b"")
    web.pages["/none"] = (301, {}, b"")
    assert await Reached().get(f"{web.url}/1") == b"here"
    for path, code in (("/ring", "fetch-redirects"), ("/file", "fetch-scheme")):
        with pytest.raises(NetworkError) as error:
            await Reached().get(web.url + path)
        assert error.value.code == code
    with pytest.raises(NetworkError):
        await Reached().get(f"{web.url}/none")


@pytest.mark.parametrize(
    ("page", "code", "temporary"),
    [
        ((404, {}, b""), "fetch-status", False),
        ((503, {}, b""), "fetch-status", True),
        ((200, {"content-encoding": "gzip"}, b"x"), "fetch-encoding", False),
        (b"x" * 101, "fetch-size", False),
        ((200, {"content-length": "50"}, b"x"), "fetch-failed", True),
    ],
)
async def test_answers_that_are_not_taken(web: Web, page: Any, code: str, temporary: bool) -> None:
    web.pages["/x"] = page
    with pytest.raises(NetworkError) as error:
        await Reached(timeout="300ms").get(f"{web.url}/x", limit=100)
    assert (error.value.code, error.value.temporary) == (code, temporary)


async def test_a_server_that_trickles_is_cut_off() -> None:
    async def trickle(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"x")
            await asyncio.sleep(0.02)

    server = await asyncio.start_server(trickle, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(NetworkError) as error:
        await Reached(timeout="300ms").get(f"http://a.example:{port}/x")
    assert error.value.code == "fetch-timeout"
    server.close()


@pytest.mark.row("D6")
async def test_https_is_checked_against_the_name(web: Web, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    web.encrypt(authority.issue("bundles.example", hosts=("bundles.example",)))
    web.pages["/x"] = b"here"
    tls = {"authorities": authority.file}
    assert await Reached(tls=tls).get(f"https://bundles.example:{web.port}/x", schemes=("https",)) == b"here"
    for url, options in (("other.example", {"tls": tls}), ("bundles.example", {})):
        with pytest.raises(NetworkError) as error:
            await Reached(**options).get(f"https://{url}:{web.port}/x")
        assert error.value.code == "fetch-failed"


async def test_of_those_who_ask_at_once_one_asks_for_all() -> None:
    kept: Kept[str, int] = Kept(2)
    asked: list[str] = []

    async def ask() -> Found[int]:
        asked.append("")
        await asyncio.sleep(0)
        return Found(len(asked), NOW + timedelta(hours=1), NOW + timedelta(hours=1))

    assert await asyncio.gather(*(kept.get("a", NOW, ask) for _ in range(5))) == [1] * 5
    first = asyncio.create_task(kept.get("b", NOW, ask))
    second = asyncio.create_task(kept.get("b", NOW, ask))
    await asyncio.sleep(0)
    first.cancel()
    assert await second == 2
    assert await kept.get("a", NOW, ask) == 1
    assert await kept.get("c", NOW, ask) == 3  # the third: b, asked for longest ago, goes
    assert await kept.get("a", NOW, ask) == 1
    assert await kept.get("b", NOW, ask) == 4


async def test_a_failure_is_remembered_for_a_minute() -> None:
    kept: Kept[str, int] = Kept(2)
    asked: list[str] = []

    async def fail() -> Found[int]:
        asked.append("")
        raise NetworkError("no", "no", temporary=True)

    for seconds in (0, 59, 61):
        with pytest.raises(NetworkError):
            await kept.get("a", NOW + timedelta(seconds=seconds), fail)
    assert len(asked) == 2
