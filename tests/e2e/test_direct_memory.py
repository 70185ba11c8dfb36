"""What an attachment of 25 MB takes of an engine's memory."""

from __future__ import annotations

from pathlib import Path

from tests.channels.direct.edge import THEIRS, letter, send
from tests.e2e.engines import Engine, Site

_CHANNEL = """\
channel: direct-in
description: Keep mails as they come.
inbound:
  direct:
    recipients: [stanne.example]
    through: {{listen: "127.0.0.1:{port}"}}
routes:
  - route: folder
    outbound:
      file: {{folder: {folder}}}
"""


def of_memory(pid: int, what: str) -> float:
    """`what` of a process's memory (VmRSS, VmHWM), in MB."""
    for line in (Path("/proc") / str(pid) / "status").read_text().splitlines():
        if line.startswith(f"{what}:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("the kernel does not say")


async def test_an_attachment_of_25_mb_is_journaled_and_delivered_in_60_mb_more(tmp_path: Path) -> None:
    site = Site(tmp_path / "site", f"sqlite:///{tmp_path}/journal.db", "embedded")
    out = tmp_path / "out"
    out.mkdir()
    (site.folder / "channels" / "direct-in.yaml").write_text(_CHANNEL.format(port=site.inbound, folder=out))
    engine = Engine(site)
    await engine.start()
    try:
        sender, to = f"dr.may@{THEIRS}", ["inbox@stanne.example"]
        for number in range(20):
            mail = letter(to[0], f"<{number}@practice.example>").as_bytes()
            assert await send(site.inbound, mail, sender, to) == ""
        large = letter(to[0], "<large@practice.example>")
        large.add_attachment(bytes(range(256)) * (25 << 12), "application", "pdf", filename="scan.pdf")
        before = of_memory(engine.pid, "VmRSS")
        assert await send(site.inbound, large.as_bytes(), sender, to) == ""
        await engine.until(lambda _: len(list(out.iterdir())) == 21 and not site.open_messages())
        assert of_memory(engine.pid, "VmHWM") - before < 60
        written = max(out.iterdir(), key=lambda file: file.stat().st_size).read_bytes()
        assert written == large.as_bytes().replace(b"\n", b"\r\n")
        (size,) = site.rows("select length(body) from messages where queue = 'direct-in' order by size desc limit 1")[0]
        assert size == len(written)
    finally:
        engine.destroy()
