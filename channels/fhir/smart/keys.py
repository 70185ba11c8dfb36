"""The public keys of a client: a JSON Web Key Set (RFC 7517), of which only what can verify an assertion is taken."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from jwt.exceptions import PyJWTError

_CURVES = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}
_RSA = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})
_SMALLEST_RSA, _LARGEST_RSA = 2048, 8192
_MOST_KEYS = 100
ALGORITHMS = ("RS384", "ES384", "RS256", "RS512", "ES256", "ES512", "PS256", "PS384", "PS512")
"""What an assertion may be signed with: RS384 and ES384, which SMART demands, and their kin. No `none`, no secret."""


class KeysError(ValueError):
    """What should be a key set is none, or holds what it must not; says why, and quotes nothing."""


@dataclass(frozen=True, slots=True)
class Key:
    """One public key, and the algorithms that it may verify."""

    key: RSAPublicKey | EllipticCurvePublicKey
    algorithms: frozenset[str]


def read_keys(content: bytes) -> Mapping[str, Key]:
    """The keys of a key set by `kid`; those that are for something else are passed over.

    Raises `KeysError`: no key set, no usable key, or a private or secret key, which nobody but its owner should have.
    """
    try:
        keys = json.loads(content)["keys"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise KeysError("this is no JSON Web Key Set: an object whose `keys` is a list") from None
    if not isinstance(keys, list) or len(keys) > _MOST_KEYS:
        raise KeysError(f"`keys` is a list of {_MOST_KEYS} keys at most")
    found: dict[str, Key] = {}
    for each in keys:
        if not isinstance(each, dict):
            raise KeysError("a key is an object")
        if "d" in each or "k" in each:
            raise KeysError("it holds a private key; let the client make a new one, and keep it to itself")
        kid, key = each.get("kid"), _key(each)
        if not isinstance(kid, str) or not kid or key is None:
            continue
        if kid in found:
            raise KeysError("two keys have the same `kid`")
        found[kid] = key
    if not found:
        raise KeysError(f"no key of it can be used: `kid`, RSA of {_SMALLEST_RSA} bits or EC of P-256, P-384, P-521")
    return found


def _key(about: dict[str, Any]) -> Key | None:
    if about.get("use", "sig") != "sig" or "verify" not in (about.get("key_ops") or ["verify"]):
        return None
    try:
        match about.get("kty"):
            case "RSA":
                rsa = RSAAlgorithm.from_jwk(about)
                if not isinstance(rsa, RSAPublicKey) or not _SMALLEST_RSA <= rsa.key_size <= _LARGEST_RSA:
                    return None
                return _limited(rsa, _RSA, about)
            case "EC":
                ec = ECAlgorithm.from_jwk(about)
                fitting = _CURVES.get(str(about.get("crv")))
                if fitting is None or not isinstance(ec, EllipticCurvePublicKey):
                    return None
                return _limited(ec, frozenset({fitting}), about)
    except (PyJWTError, ValueError, TypeError, KeyError, AttributeError):
        return None
    return None


def _limited(
    key: RSAPublicKey | EllipticCurvePublicKey, algorithms: frozenset[str], about: Mapping[str, Any]
) -> Key | None:
    """`key` for the one algorithm that it says it is for, where it says so."""
    alg = about.get("alg")
    if alg is not None:
        algorithms &= {str(alg)}
    return Key(key, algorithms) if algorithms else None
