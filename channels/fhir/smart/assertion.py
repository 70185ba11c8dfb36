"""The signed JWT with which a client shows who it is (RFC 7523; SMART App Launch 2.0, asymmetric authentication)."""

from __future__ import annotations

from datetime import datetime, timedelta

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

LIFETIME = timedelta(minutes=4)
"""How long an assertion counts. SMART allows five minutes; a minute is left for clocks that differ."""

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


class KeyFileError(ValueError):
    """The key cannot be used; the text says why."""


def load_key(pem: bytes, password: bytes | None) -> Key:
    """The private key in `pem`; raises `KeyFileError`."""
    try:
        key = serialization.load_pem_private_key(pem, password)
    except TypeError:
        needs = "is not encrypted; leave key_password out" if password else "is encrypted; write key_password"
        raise KeyFileError(f"the key {needs}") from None
    except ValueError:
        raise KeyFileError(
            "no private key in PEM that this password opens" if password else "no private key in PEM"
        ) from None
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size >= 2048:
        return key
    if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP384R1):
        return key
    raise KeyFileError("neither an RSA key of 2048 bits or more nor an EC key on P-384")


def client_assertion(key: Key, key_id: str, client: str, audience: str, jti: str, now: datetime) -> str:
    """The JWT that says to the token endpoint `audience` that we are `client`; `jti` must be new each time."""
    algorithm = "RS384" if isinstance(key, rsa.RSAPrivateKey) else "ES384"
    expiry = int((now + LIFETIME).timestamp())
    claims = {"iss": client, "sub": client, "aud": audience, "exp": expiry, "jti": jti}
    return jwt.encode(claims, key, algorithm, {"kid": key_id})
