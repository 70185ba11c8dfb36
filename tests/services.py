"""RabbitMQ and PostgreSQL for tests and benches: uses what answers on this machine, else runs own servers.

`python -m tests.services start|stop|status` runs a pair that stays up for a developer's tests and benches; `install`
makes sure that tests will find or can start both.
Every server of ours listens on loopback only, on ports of its own, and keeps its data under `.services/`.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import hashlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from pathlib import Path

import pika
import pika.exceptions
import psycopg

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 60.0
PACKAGES = {
    "RabbitMQ": "rabbitmq-server",
    "PostgreSQL": "postgresql",
    "Postfix": "postfix",
    "Dovecot": "dovecot-imapd",
    "swaks": "swaks",
    "BIND": "bind9",
    "OpenLDAP": "slapd",
    "NSS": "libnss3-tools",
    "GnuPG's S/MIME": "gpgsm",
    "BouncyCastle": "libbcmail-java default-jdk-headless",
}
PEERS = {
    "Postfix": "postfix",
    "Dovecot": "dovecot",
    "swaks": "swaks",
    "BIND": "named",
    "OpenLDAP": "slapd",
    "NSS": "cmsutil",
    "GnuPG's S/MIME": "gpgsm",
}
"""Other sides of tests that are run from their programs, with configurations of our own."""
OPTIONAL = {"BouncyCastle": [Path("/usr/share/java/bcmail.jar"), Path("/usr/bin/javac")]}
"""Those that tests can do without, saying so: what is there when they are installed."""


class ServiceMissingError(RuntimeError):
    """A service neither answers nor can be started; the text says what to install or to start."""


def data_folder() -> Path:
    """Where own servers keep their data: `.services/`, or a temporary folder when this checkout lies where the user
    `postgres` may not go (PostgreSQL refuses to run as root)."""
    reachable = os.geteuid() != 0 or all(folder.stat().st_mode & 0o001 for folder in (ROOT, *ROOT.parents))
    if reachable:
        return ROOT / ".services"
    return Path(tempfile.gettempdir()) / f"hie-services-{hashlib.sha256(bytes(ROOT)).hexdigest()[:12]}"


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on, below the range that outgoing connections take theirs from."""
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def wait_until(holds: Callable[[], bool], what: str, seconds: float = START_SECONDS) -> None:
    """Poll `holds` until it is true; raises `TimeoutError` naming `what` when it is not within `seconds`."""
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            raise TimeoutError(f"{what} did not happen within {seconds:g} s")
        time.sleep(0.05)


def install(service: str) -> None:
    """Install the Debian package of `service` when root; raises `ServiceMissingError` with what to do otherwise."""
    package = PACKAGES[service]
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        if service in PEERS or service in OPTIONAL:
            raise ServiceMissingError(f"{service} is needed: install it (Debian: apt-get install {package})")
        default = "127.0.0.1:5672 (guest, with the management plugin)" if service == "RabbitMQ" else "127.0.0.1:5432"
        raise ServiceMissingError(
            f"{service} is needed: install it (Debian: apt-get install {package}), or start one on {default}, "
            "or run `docker compose up -d rabbitmq postgres`"
        )
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    apt = ["apt-get", "-qq", "-o", "DPkg::Lock::Timeout=300"]
    with _not_started() if service in PEERS else contextlib.nullcontext():
        for command in ([*apt, "update"], [*apt, "install", "-y", "--no-install-recommends", *package.split()]):
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                failed = f"`{' '.join(command)}` failed:\n{done.stderr[-2000:]}"
                raise ServiceMissingError(f"{service} is needed and {failed}")


def program(peer: str) -> str:
    """The path of the program of `peer`, installed when need be; raises `ServiceMissingError`."""
    found = shutil.which(PEERS[peer], path=_PATH)
    if found is None:
        install(peer)
        found = shutil.which(PEERS[peer], path=_PATH)
    if found is None:
        raise ServiceMissingError(f"{peer} is installed, yet there is no program {PEERS[peer]}")
    return found


_PATH = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"
_POLICY = Path("/usr/sbin/policy-rc.d")


@contextlib.contextmanager
def _not_started() -> Iterator[None]:
    """Have Debian not start what is being installed: a mail server on this machine's usual ports is nobody's wish."""
    if _POLICY.exists():
        yield
        return
    _POLICY.write_text("#!/bin/sh\nexit 101\n")
    _POLICY.chmod(0o755)
    try:
        yield
    finally:
        _POLICY.unlink(missing_ok=True)


def _descendants(pid: int) -> list[int]:
    """`pid` and every process below it."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(folder.name))
    found = [pid]
    for known in found:
        found.extend(children.get(known, ()))
    return found


def _started_at(pid: int) -> str:
    """When the process started, in the kernel's ticks: tells it from a later one that got the same number."""
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return ""


def _alive(pid: int) -> bool:
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)  # reaps it when it is our own child
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _kill(pids: list[int], sign: signal.Signals = signal.SIGKILL) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, sign)


class Server(ABC):
    """A server of our own in `folder`, which keeps its ports and its process numbers there: a second handle on the same
    folder speaks of the same server."""

    name: str
    port_names: tuple[str, ...] = ("main",)

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        state = folder / "ports.json"
        if not state.exists():
            state.write_text(json.dumps({name: free_port() for name in self.port_names}))
        self.ports: dict[str, int] = json.loads(state.read_text())

    @property
    @abstractmethod
    def url(self) -> str:
        """Where it is, with user and password."""

    @abstractmethod
    def answers(self) -> bool:
        """Whether a client can log in now."""

    @abstractmethod
    def start(self) -> None:
        """Start it (installing it when need be) on the data it has and return when it answers."""

    @abstractmethod
    def stop(self) -> None:
        """End it in good order and return when it is gone."""

    def kill(self) -> None:
        """kill -9 the whole server, now, and return when it is gone."""
        pids = self._pids()
        _kill(pids)
        wait_until(lambda: not any(map(_alive, pids)), f"the death of {self.name}")

    def freeze(self) -> None:
        """Stop its processes where they are, as a pausing machine does: connections stay open, nothing answers."""
        _kill(self._pids(), signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on after `freeze`."""
        _kill(self._pids(), signal.SIGCONT)

    def restart(self) -> None:
        """Stop and start it."""
        self.stop()
        self.start()

    def remove(self) -> None:
        """Kill it and delete its data."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def running(self) -> bool:
        """Whether its main process lives."""
        return bool(self._pids())

    def _remember(self, role: str, pid: int) -> None:
        (self.folder / f"{role}.pid").write_text(f"{pid} {_started_at(pid)}")

    def _pids(self) -> list[int]:
        found: list[int] = []
        for file in self.folder.glob("*.pid"):
            pid, _, started = file.read_text().partition(" ")
            if pid and started == _started_at(int(pid)) and _alive(int(pid)):
                found.extend(_descendants(int(pid)))
        return found

    def _wait_until_it_answers(self, process: subprocess.Popen[bytes], log: Path) -> None:
        def up() -> bool:
            if process.poll() is not None:
                raise ServiceMissingError(
                    f"{self.name} ended at start with {process.returncode}:\n{log.read_text()[-2000:]}"
                )
            return self.answers()

        try:
            wait_until(up, f"the start of {self.name} (log: {log})")
        except BaseException:
            self.kill()
            raise


class RabbitMq(Server):
    """A RabbitMQ node of our own, with its own name, ports, port mapper and data; user guest, with management API."""

    name = "RabbitMQ"
    port_names = ("main", "management", "distribution", "epmd")
    program = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@127.0.0.1:{self.ports['main']}/%2F"

    @property
    def management_url(self) -> str:
        """Where its management API is."""
        return f"http://127.0.0.1:{self.ports['management']}"

    def answers(self) -> bool:
        return rabbitmq_answers(self.ports["main"]) and management_answers(self.management_url)

    def evaluate(self, expression: str) -> str:
        """Have the node evaluate an Erlang expression, to break it in ways that are rare in life; returns the value."""
        command = [str(self.program.with_name("rabbitmqctl")), "--quiet", "eval", expression]
        return subprocess.run(
            command, env=self._environment(), capture_output=True, text=True, check=True, cwd=self.folder
        ).stdout.strip()

    def start(self) -> None:
        if not self.program.exists():
            install(self.name)
        ports, folder = self.ports, self.folder
        (folder / "rabbitmq.conf").write_text(
            f"listeners.tcp.1 = 127.0.0.1:{ports['main']}\n"
            f"management.tcp.ip = 127.0.0.1\nmanagement.tcp.port = {ports['management']}\n"
            "management_agent.disable_metrics_collector = true\n"
            "disk_free_limit.absolute = 50MB\nvm_memory_high_watermark.absolute = 1GB\n"
        )
        (folder / "enabled_plugins").write_text("[rabbitmq_management].\n")
        (folder / "rabbitmq-env.conf").write_text("")
        environment = self._environment()
        log = folder / "output.log"
        with log.open("wb") as output:
            for role, command in (
                ("epmd", ["epmd", "-address", "127.0.0.1", "-port", str(ports["epmd"])]),
                ("server", [str(self.program)]),
            ):
                process = subprocess.Popen(
                    command,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    cwd=folder,
                    start_new_session=True,
                )
                self._remember(role, process.pid)
        self._wait_until_it_answers(process, log)

    def _environment(self) -> dict[str, str]:
        ports, folder = self.ports, self.folder
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith(("RABBITMQ_", "ERL_"))},
            "HOME": str(folder),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(ports["epmd"]),
            "RABBITMQ_NODENAME": f"hie-{ports['main']}@localhost",
            "RABBITMQ_DIST_PORT": str(ports["distribution"]),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "advanced.config"),
            "RABBITMQ_CONF_ENV_FILE": str(folder / "rabbitmq-env.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(folder / "data"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1} +sbwt none",
        }

    def stop(self) -> None:
        pids = self._pids()
        for pid in pids:
            with contextlib.suppress(OSError):
                if (Path("/proc") / str(pid) / "comm").read_text().startswith("beam"):
                    _kill([pid], signal.SIGTERM)
                    wait_until(lambda gone=pid: not _alive(gone), "an orderly stop of RabbitMQ")  # type: ignore[misc]
        self.kill()


class Postgres(Server):
    """A PostgreSQL cluster of our own: loopback only, user postgres without a password, durable as in production."""

    name = "PostgreSQL"

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.ports['main']}/postgres"

    def answers(self) -> bool:
        return postgresql_answers(self.url)

    def start(self) -> None:
        if not self.programs():
            install(self.name)
        programs = self.programs()
        if not programs:
            raise ServiceMissingError("PostgreSQL is installed, yet there is no /usr/lib/postgresql/*/bin/postgres")
        user = "postgres" if os.geteuid() == 0 else None
        log, data = self.folder / "output.log", self.folder / "data"
        if user:
            shutil.chown(self.folder, user)
        if not (data / "PG_VERSION").exists():
            subprocess.run(
                [
                    programs / "initdb",
                    "-D",
                    data,
                    "-U",
                    "postgres",
                    "-E",
                    "UTF8",
                    "--locale=C.UTF-8",
                    "-A",
                    "trust",
                    "-N",
                ],
                user=user,
                cwd=self.folder,
                check=True,
                capture_output=True,
            )
            with (data / "postgresql.conf").open("a") as settings:
                settings.write(
                    f"listen_addresses = '127.0.0.1'\nport = {self.ports['main']}\n"
                    "unix_socket_directories = ''\nmax_connections = 200\n"
                )
        with log.open("wb") as output:
            process = subprocess.Popen(
                [programs / "postgres", "-D", data],
                user=user,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self._remember("server", process.pid)
        self._wait_until_it_answers(process, log)

    def stop(self) -> None:
        """End it at once, cutting connections (a fast shutdown), and return when it is gone."""
        pids = self._pids()
        _kill(pids[:1], signal.SIGINT)
        wait_until(lambda: not any(map(_alive, pids)), "an orderly stop of PostgreSQL")

    @staticmethod
    def programs() -> Path | None:
        """The folder of the newest server's programs, None when there is none."""
        found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
        if found:
            return max(found, key=lambda folder: float(folder.parent.name))
        on_path = shutil.which("initdb")
        return Path(on_path).parent if on_path else None


def rabbitmq_answers(port: int) -> bool:
    """Whether `guest` can log in to RabbitMQ on 127.0.0.1:`port`."""
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", port)) != 0:
            return False
    try:
        pika.BlockingConnection(
            pika.ConnectionParameters("127.0.0.1", port, connection_attempts=1, socket_timeout=5)
        ).close()
    except (pika.exceptions.AMQPError, OSError):
        return False
    return True


def management_answers(url: str) -> bool:
    """Whether `guest` may use the management API at `url`."""
    try:
        manage(url, "GET", "/api/vhosts")
    except (OSError, urllib.error.URLError):
        return False
    return True


def manage(url: str, method: str, path: str) -> bytes:
    """Call RabbitMQ's management API as guest."""
    request = urllib.request.Request(f"{url}{path}", method=method)
    request.add_header("Authorization", "Basic " + base64.b64encode(b"guest:guest").decode())
    with urllib.request.urlopen(request, timeout=10) as answer:
        return bytes(answer.read())


def postgresql_answers(url: str) -> bool:
    """Whether one can log in at `url` and create databases there."""
    try:
        with psycopg.connect(url, connect_timeout=5) as connection:
            row = connection.execute(
                "select rolsuper or rolcreatedb from pg_roles where rolname = current_user"
            ).fetchone()
    except psycopg.Error:
        return False
    return bool(row and row[0])


def install_what_is_missing() -> None:
    """Install the servers that neither answer on their usual ports nor are installed; raises `ServiceMissingError`."""
    if not usual_rabbitmq() and not RabbitMq.program.exists():
        install(RabbitMq.name)
    if not postgresql_answers(usual_postgresql()) and not Postgres.programs():
        install(Postgres.name)
    for peer in PEERS:
        program(peer)
    for peer, files in OPTIONAL.items():
        if not all(file.exists() for file in files):
            try:
                install(peer)
            except ServiceMissingError as error:
                print(f"not tried in the tests: {error}")


def usual_rabbitmq() -> bool:
    """Whether a RabbitMQ on the usual ports lets `guest` in."""
    return rabbitmq_answers(5672) and management_answers("http://127.0.0.1:15672")


def usual_postgresql() -> str:
    """The URL of a PostgreSQL on the usual port: as PGUSER (and PGPASSWORD), else as postgres."""
    user = urllib.parse.quote(os.environ.get("PGUSER", "postgres"))
    return f"postgresql://{user}@127.0.0.1:5432/{os.environ.get('PGDATABASE', 'postgres')}"


def session_folder() -> Path:
    """The folder of the servers that only this process uses."""
    return data_folder() / f"session-{os.getpid()}"


def sweep() -> None:
    """Remove the servers of sessions whose process is gone without having done so."""
    for folder in data_folder().glob("session-*"):
        if not _alive(int(folder.name.partition("-")[2])):
            for inside in filter(Path.is_dir, folder.iterdir()):
                Postgres(inside).kill()  # whatever server it is: its folder says which processes are its own
            shutil.rmtree(folder, ignore_errors=True)


def developer_servers() -> tuple[RabbitMq, Postgres]:
    """The pair that `python -m tests.services` starts and stops."""
    folder = data_folder() / "developer"
    return RabbitMq(folder / "rabbitmq"), Postgres(folder / "postgresql")


@contextlib.contextmanager
def own(server: Server) -> Iterator[Server]:
    """Start `server` for the time of a with block, then remove it with its data."""
    sweep()
    try:
        server.start()
        yield server
    finally:
        server.remove()
        with contextlib.suppress(OSError):
            server.folder.parent.rmdir()  # the session's folder, once it is empty


@contextlib.contextmanager
def rabbitmq() -> Iterator[tuple[str, str]]:
    """The AMQP and the management URL of a RabbitMQ: on 5672, the developer's, or one of our own for this process."""
    developer = developer_servers()[0]
    if usual_rabbitmq():
        yield "amqp://guest:guest@127.0.0.1:5672/%2F", "http://127.0.0.1:15672"
    elif developer.running and developer.answers():
        yield developer.url, developer.management_url
    else:
        mine = RabbitMq(session_folder() / "rabbitmq")
        with own(mine):
            yield mine.url, mine.management_url


@contextlib.contextmanager
def postgresql() -> Iterator[str]:
    """The URL of a PostgreSQL where databases may be created: on 5432 (as PGUSER, PGPASSWORD, else as postgres), the
    developer's, or one of our own for this process."""
    usual = usual_postgresql()
    developer = developer_servers()[1]
    if postgresql_answers(usual):
        yield usual
    elif developer.running and developer.answers():
        yield developer.url
    else:
        mine = Postgres(session_folder() / "postgresql")
        with own(mine):
            yield mine.url


def main(arguments: list[str] | None = None) -> int:
    """Install what is missing, or `start`, `stop` or show the `status` of the developer's pair; prints the URLs."""
    parser = argparse.ArgumentParser(prog="python -m tests.services", description=__doc__)
    parser.add_argument("action", choices=["install", "start", "stop", "status"])
    action = parser.parse_args(arguments).action
    if action == "install":
        install_what_is_missing()
        return 0
    status = 0
    for server in developer_servers():
        if action == "stop":
            server.remove()
            print(f"{server.name}: stopped, data removed")
            continue
        if action == "start" and not server.running:
            server.start()
        if server.running and server.answers():
            print(f"{server.name}: {server.url}")
        else:
            print(f"{server.name}: not running")
            status = 1
    return status


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ServiceMissingError as missing:
        sys.exit(str(missing))
