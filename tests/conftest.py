"""The services that tests use; each test gets a database and a virtual host of its own.

A service that is missing is a failure, never a skip: `tests/services.py` starts one or says what to install.
"""

from __future__ import annotations

import gc
import uuid
from collections.abc import Generator, Iterator
from pathlib import Path

import psycopg
import pytest

from tests import services


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect tests without looking for garbage among their modules, which stay to the end; then leave those out of
    every later look."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.collect()
        gc.freeze()


@pytest.fixture(scope="session")
def _rabbitmq() -> Iterator[tuple[str, str]]:
    with services.rabbitmq() as urls:
        yield urls


@pytest.fixture(scope="session")
def rabbitmq_url(_rabbitmq: tuple[str, str]) -> str:
    """The AMQP URL of a RabbitMQ that tests share, virtual host `/`."""
    return _rabbitmq[0]


@pytest.fixture
def rabbitmq_vhost(_rabbitmq: tuple[str, str]) -> Iterator[str]:
    """The AMQP URL of an empty virtual host that is this test's own."""
    url, management = _rabbitmq
    name = f"hie-test-{uuid.uuid4().hex[:12]}"
    services.manage(management, "PUT", f"/api/vhosts/{name}")
    yield url.rpartition("/")[0] + "/" + name
    services.manage(management, "DELETE", f"/api/vhosts/{name}")


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    """The URL of a PostgreSQL that tests share, where databases may be created."""
    with services.postgresql() as url:
        yield url


@pytest.fixture
def postgresql_database(postgresql_url: str) -> Iterator[str]:
    """The URL of an empty database that is this test's own."""
    name = f"hie_test_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(postgresql_url, autocommit=True) as connection:
        connection.execute(f"create database {name}")
        yield postgresql_url.rpartition("/")[0] + "/" + name
        connection.execute(f"drop database {name} with (force)")


@pytest.fixture(scope="session")
def breakable_rabbitmq() -> Iterator[services.RabbitMq]:
    """A RabbitMQ for the tests that kill, stop and start it, one after another; the first of them starts it."""
    server = services.RabbitMq(services.session_folder() / "rabbitmq-breakable")
    yield server
    server.remove()


@pytest.fixture
def own_rabbitmq(breakable_rabbitmq: services.RabbitMq) -> services.RabbitMq:
    """A running RabbitMQ that this test may break; it leaves it running."""
    if not breakable_rabbitmq.running:
        breakable_rabbitmq.start()
    return breakable_rabbitmq


@pytest.fixture
def own_postgresql() -> Iterator[services.Postgres]:
    """A running PostgreSQL that is this test's own: to be killed, stopped and started."""
    server = services.Postgres(services.session_folder() / f"postgresql-{uuid.uuid4().hex[:8]}")
    with services.own(server):
        yield server


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's own folder."""
    return services.ROOT
