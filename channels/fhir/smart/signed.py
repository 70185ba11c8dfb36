"""JSON Web Tokens (RFC 7519) as far as their signature: times, audiences and the rest are their readers' to check."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.types import Options

MOST = 8192
"""How many characters of a token are read at most."""

_SIGNATURE_ONLY: Options = {
    "verify_signature": True,
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_aud": False,
    "verify_iss": False,
    "verify_sub": False,
    "verify_jti": False,
}
_NOTHING: Options = {"verify_signature": False}


class Jwt(NamedTuple):
    """What a token holds."""

    header: Mapping[str, Any]
    claims: Mapping[str, Any]


def unproven(text: str) -> Jwt | None:
    """What `text` holds, whoever made it; None when it is no token."""
    return _decoded(text, "", (), _NOTHING)


def proven(text: str, key: RSAPublicKey | EllipticCurvePublicKey | bytes, algorithms: Sequence[str]) -> Jwt | None:
    """What `text` holds, which `key` signed by one of `algorithms`; None when it did not."""
    return _decoded(text, key, algorithms, _SIGNATURE_ONLY)


def _decoded(
    text: str, key: RSAPublicKey | EllipticCurvePublicKey | bytes | str, algorithms: Sequence[str], options: Options
) -> Jwt | None:
    if len(text) > MOST:
        return None
    try:
        whole = jwt.decode_complete(text, key, algorithms, options)
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
        return None
    return Jwt(whole["header"], whole["payload"])
