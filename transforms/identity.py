"""Ids of resources: the same person, visit, order or report has the same id whichever message tells of it."""

from __future__ import annotations

import hashlib
from uuid import UUID

NAMESPACE = UUID("1f6e2a57-52c5-5c0b-9a44-6d1a3a5d1c0e")
"""What the names below are names in; it never changes, for ids must stay."""

_PREFIX = NAMESPACE.bytes


def resource_id(resource_type: str, *key: str) -> str:
    """The id of the resource of that type which `key` identifies: a UUID of version 5 (RFC 9562, 5.5)."""
    name = "\x1f".join((resource_type, *key)).encode("utf-8", "surrogatepass")
    digest = hashlib.sha1(_PREFIX + name, usedforsecurity=False).hexdigest()
    variant = "89ab"[int(digest[16], 16) & 3]
    return f"{digest[:8]}-{digest[8:12]}-5{digest[13:16]}-{variant}{digest[17:20]}-{digest[20:32]}"
