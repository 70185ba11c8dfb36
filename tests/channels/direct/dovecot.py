"""A Dovecot of a test's own: a mailbox at a HISP, read by IMAP over TLS."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from itertools import count
from pathlib import Path

from engine.ports import free_ports
from tests import services
from tests.services import ServiceMissingError, wait_until
from tests.tls import Identity

USER, PASSWORD = "inbox@direct.stanne.example", "s3cret"
_OWNER = "mail"

_SETTINGS = """\
base_dir = {folder}/run
log_path = {folder}/dovecot.log
protocols = imap
listen = 127.0.0.1
ssl = required
ssl_cert = <{certificate}
ssl_key = <{key}
mail_location = maildir:{folder}/mail
first_valid_uid = 1
first_valid_gid = 1
default_vsz_limit = 512M
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={owner} gid={owner} home={folder}/mail
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {plain}
  }}
  inet_listener imaps {{
    port = {port}
    ssl = yes
  }}
}}
service stats {{
  chroot =
}}
service anvil {{
  chroot =
}}
"""


class Dovecot:
    """A mail server with one mailbox; `plain` is its port for STARTTLS."""

    def __init__(self, identity: Identity) -> None:
        self._program = services.program("Dovecot")
        if os.geteuid() != 0:
            raise ServiceMissingError("Dovecot starts as root alone: run this test as root, or in a container")
        self.port, self.plain = free_ports(2)
        self.folder = folder = Path(tempfile.mkdtemp(prefix="hie-dovecot-"))
        folder.chmod(0o755)
        self._numbers = count(1)
        for name in ("mail", "mail/new", "mail/cur", "mail/tmp", "run"):
            (folder / name).mkdir()
            if name != "run":
                shutil.chown(folder / name, _OWNER, _OWNER)
        self._file = folder / "dovecot.conf"
        self._file.write_text(
            _SETTINGS.format(
                folder=folder, certificate=identity.certificate, key=identity.key, port=self.port, plain=self.plain,
                password=PASSWORD, owner=_OWNER,
            )
        )  # fmt: skip

    @property
    def log(self) -> str:
        """What it logged."""
        file = self.folder / "dovecot.log"
        return file.read_text() if file.exists() else ""

    def start(self) -> None:
        """Start it, and return when it listens."""
        with (self.folder / "output.log").open("wb") as output:  # which the server keeps open
            command = [self._program, "-c", str(self._file)]
            done = subprocess.run(command, stdout=output, stderr=output, check=False)
        assert done.returncode == 0, (self.folder / "output.log").read_text()
        wait_until(lambda: "starting up" in self.log, "the start of Dovecot", 20)

    def stop(self) -> None:
        """Stop it and remove its folder."""
        subprocess.run([self._program, "-c", str(self._file), "stop"], capture_output=True, check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def put(self, mail: bytes) -> None:
        """Deliver a mail into the mailbox."""
        name = f"{1_700_000_000 + next(self._numbers)}.M1P1.hisp"
        file = self.folder / "mail" / "tmp" / name
        file.write_bytes(mail)
        shutil.chown(file, _OWNER, _OWNER)
        file.rename(self.folder / "mail" / "new" / name)

    def mails(self, folder: str = "") -> list[bytes]:
        """The mails in the mailbox, or in one of its further folders."""
        place = self.folder / "mail" / (f".{folder}" if folder else "")
        while True:
            try:
                return [file.read_bytes() for name in ("new", "cur") for file in sorted((place / name).glob("*"))]
            except FileNotFoundError:  # the server renamed or removed one meanwhile: what was seen is no moment's state
                continue
