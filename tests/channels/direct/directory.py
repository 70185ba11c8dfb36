"""BIND and OpenLDAP for tests: on loopback, on ports of their own, with a zone and entries that a test gives them."""

from __future__ import annotations

import shutil
import socket
import subprocess
from pathlib import Path

from tests import services

BASE = "o=direct"


class _Peer(services.Server):
    """A server that runs from a copy of its program: the system's may be confined to its usual folders (AppArmor)."""

    program: str

    def answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self) -> None:
        self.kill()

    @property
    def port(self) -> int:
        return self.ports["main"]

    def _copied(self) -> Path:
        mine = self.folder / Path(services.program(self.name)).name
        if not mine.exists():
            shutil.copy2(services.program(self.name), mine)
        return mine

    def _run(self, *command: object) -> None:
        log = self.folder / "output.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [str(each) for each in command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self.folder,
                start_new_session=True,
            )
        self._remember("server", process.pid)
        self._wait_until_it_answers(process, log)


class Bind(_Peer):
    """A name server for the zone `example`; `queries` says what it was asked and how."""

    name = "BIND"

    def __init__(self, folder: Path, records: str) -> None:
        super().__init__(folder)
        self._records = records

    @property
    def url(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def queries(self) -> list[str]:
        """The log's line of each question."""
        return [line for line in (self.folder / "output.log").read_text().splitlines() if " query: " in line]

    def start(self) -> None:
        head = (
            "$TTL 60\n@ IN SOA ns.example. admin.example. 1 3600 600 86400 60\n@ IN NS ns.example.\nns IN A 127.0.0.1\n"
        )
        (self.folder / "zone").write_text(head + self._records)
        (self.folder / "named.conf").write_text(
            f"""options {{
                directory "{self.folder}"; pid-file "{self.folder}/named-process"; session-keyfile none;
                listen-on port {self.port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};
                recursion no; allow-transfer {{ none; }}; dnssec-validation no; querylog yes; notify no;
            }};
            controls {{ }};
            zone "example" {{ type primary; file "zone"; }};
            """
        )
        self._run(self._copied(), "-g", "-n", "1", "-c", self.folder / "named.conf")


class Slapd(_Peer):
    """An LDAP server that lets everybody read its `entries` (LDIF) below `BASE`."""

    name = "OpenLDAP"

    def __init__(self, folder: Path, entries: str) -> None:
        super().__init__(folder)
        self._entries = entries

    @property
    def url(self) -> str:
        return f"ldap://127.0.0.1:{self.port}"

    def start(self) -> None:
        data = self.folder / "data"
        data.mkdir(exist_ok=True)
        configuration = self.folder / "slapd.conf"
        schemas = "".join(f"include /etc/ldap/schema/{each}.schema\n" for each in ("core", "cosine", "inetorgperson"))
        configuration.write_text(
            f"{schemas}modulepath /usr/lib/ldap\nmoduleload back_mdb\npidfile {self.folder}/slapd-process\n"
            f'database mdb\nmaxsize 10485760\nsuffix "{BASE}"\ndirectory {data}\naccess to * by * read\n'
        )
        ldif = self.folder / "entries.ldif"
        ldif.write_text(f"dn: {BASE}\nobjectClass: organization\no: direct\n\n{self._entries}")
        program = self._copied()
        subprocess.run(
            [program, "-Tadd", "-f", configuration, "-l", ldif], check=True, capture_output=True, cwd=self.folder
        )
        self._run(program, "-d", "0", "-f", configuration, "-h", self.url)
