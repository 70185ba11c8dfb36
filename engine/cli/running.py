"""The running engine, as its health address answers."""

from __future__ import annotations

import json
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from engine.cli.common import Failure, settings_of

_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what to ask for an engine that listens everywhere


def ask(site: Path, method: str, path: str, timeout: float) -> tuple[int, dict[str, Any]]:
    """The status and the JSON that the engine of `site` on this machine answers; raises `Failure`."""
    health = settings_of(site).health
    if health is None:
        raise Failure("this site serves no health", "give `health: {listen: 127.0.0.1:8075}` in hie.yaml")
    address = health.listen
    connection = HTTPConnection(_ANY.get(address.host, address.host), address.port, timeout=timeout)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        content = answer.read(1 << 20)
    except (OSError, HTTPException) as error:
        why = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise Failure(f"no engine answers at {address}: {why}", f"is it running? hie run {site}") from None
    finally:
        connection.close()
    try:
        decoded = json.loads(content)
    except ValueError:
        decoded = None
    if not isinstance(decoded, dict):
        hint = "another program has this port; change health.listen in hie.yaml"
        raise Failure(f"what answers at {address} is no engine", hint)
    return answer.status, decoded
