"""A Postfix of a test's own: it takes mail on a port of loopback and hands it on where the test says."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from engine.ports import free_ports
from tests import services
from tests.services import ServiceMissingError, wait_until
from tests.tls import Identity

_SERVICES = """\
{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


class Postfix:
    """A mail server: `routes` maps domains and addresses to transports (`smtp:[127.0.0.1]:25`, `error:5.1.1 gone`)."""

    def __init__(self, routes: Mapping[str, str], identity: Identity, authority: Path) -> None:
        self._program = services.program("Postfix")
        if os.geteuid() != 0:
            raise ServiceMissingError("Postfix starts as root alone: run this test as root, or in a container")
        (self.port,) = free_ports(1)
        self.folder = folder = Path(tempfile.mkdtemp(prefix="hie-postfix-"))
        folder.chmod(0o755)  # the user postfix must get in
        for name in ("queue", "data"):
            (folder / name).mkdir()
        shutil.chown(folder / "data", "postfix")
        transports = ", ".join(f"{{{name} = {transport}}}" for name, transport in routes.items())
        domains = " ".join(sorted({name.rpartition("@")[2] for name in routes}))
        settings = {
            "compatibility_level": "3.6",
            "queue_directory": folder / "queue",
            "data_directory": folder / "data",
            "command_directory": "/usr/sbin",
            "daemon_directory": "/usr/lib/postfix/sbin",
            "mail_owner": "postfix",
            "setgid_group": "postdrop",
            "myhostname": "mx.hisp.example",
            "inet_interfaces": "127.0.0.1",
            "inet_protocols": "ipv4",
            "mydestination": "",
            "local_recipient_maps": "",
            "local_transport": "error:no local mail",
            "default_transport": "error:5.4.4 nowhere else",
            "relay_domains": domains,
            "transport_maps": f"inline:{{{transports}}}",
            "smtpd_relay_restrictions": "permit_mynetworks, reject_unauth_destination",
            "mynetworks": "127.0.0.0/8",
            "disable_dns_lookups": "yes",
            "message_size_limit": "60000000",
            "maillog_file": folder / "mail.log",
            "maillog_file_prefixes": "/",
            "smtpd_tls_security_level": "encrypt",
            "smtpd_tls_cert_file": identity.certificate,
            "smtpd_tls_key_file": identity.key,
            "smtp_tls_security_level": "secure",
            "smtp_tls_CAfile": authority,
            "smtp_tls_secure_cert_match": "localhost",
            "minimal_backoff_time": "1s",
            "queue_run_delay": "1s",
        }
        (folder / "main.cf").write_text("".join(f"{name} = {value}\n" for name, value in settings.items()))
        (folder / "master.cf").write_text(_SERVICES.format(port=f"127.0.0.1:{self.port}"))

    @property
    def log(self) -> str:
        """What it logged."""
        file = self.folder / "mail.log"
        return file.read_text() if file.exists() else ""

    def start(self) -> None:
        """Start it, and return when it listens."""
        done = subprocess.run(
            [self._program, "-c", str(self.folder), "start"], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{done.stderr}\n{self.log}"
        wait_until(lambda: "daemon started" in self.log, f"the start of Postfix ({self.log})", 20)

    def stop(self) -> None:
        """Stop it and remove its folder."""
        subprocess.run([self._program, "-c", str(self.folder), "stop"], capture_output=True, check=False)
        shutil.rmtree(self.folder, ignore_errors=True)
