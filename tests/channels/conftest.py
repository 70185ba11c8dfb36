"""What the tests of ends share: other people's software."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.channels.node import install


@pytest.fixture(scope="session")
def node_clients() -> Path:
    """The folder of the Node clients, installed."""
    return install()


@pytest.fixture(scope="session")
def fhir_server(node_clients: Path) -> Iterator[str]:
    """The base of a FHIR R4 server that we did not write (Medplum's), in memory; tests share it and what it holds."""
    process = subprocess.Popen(["node", node_clients / "fhir_server.mjs"], stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        port = int(process.stdout.readline())
        yield f"http://127.0.0.1:{port}/fhir"
    finally:
        process.terminate()
        process.communicate()
