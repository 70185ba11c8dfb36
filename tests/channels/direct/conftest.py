"""What Direct's tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.channels.direct.web import Web, serving


@pytest.fixture
def web() -> Iterator[Web]:
    """A web server of the test's own."""
    with serving() as running:
        yield running
