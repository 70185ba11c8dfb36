"""Where end-to-end tests keep the journal: SQLite in the test's folder, or RabbitMQ with PostgreSQL."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.harness import Places


@pytest.fixture
def embedded(tmp_path: Path) -> Places:
    """One process, nothing installed but Python."""
    return Places(f"sqlite:///{tmp_path}/journal.db")


@pytest.fixture
def shared(postgresql_database: str, rabbitmq_vhost: str) -> Places:
    """Several processes on RabbitMQ and PostgreSQL."""
    return Places(postgresql_database, rabbitmq_vhost)


@pytest.fixture(params=["embedded", "shared"])
def places(request: pytest.FixtureRequest) -> Places:
    """Each of both."""
    made = request.getfixturevalue(request.param)
    assert isinstance(made, Places)
    return made
