"""A client of SMART Backend Services that is not the engine's: keys by openssl, PyJWT, plain forms."""

from __future__ import annotations

import json
import subprocess
from datetime import timedelta
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from channels.fhir.access import AccessOptions
from tests.channels.desk import NOW

TOKEN_URL = "https://hie.example.org/fhir/token"
SECRET = "a secret of the site, which no test shows"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

_RSA = ("RSA", "-pkeyopt", "rsa_keygen_bits:2048")
_SMALL = ("RSA", "-pkeyopt", "rsa_keygen_bits:1024")
_KINDS = {
    "RS": _RSA,
    "PS": _RSA,
    "small": _SMALL,
    "ES256": ("EC", "-pkeyopt", "ec_paramgen_curve:P-256"),
    "ES384": ("EC", "-pkeyopt", "ec_paramgen_curve:P-384"),
    "ES512": ("EC", "-pkeyopt", "ec_paramgen_curve:P-521"),
}
_numbers = count(1)


@cache
def _pem(kind: str, _number: int) -> tuple[bytes, bytes]:
    made = subprocess.run(("openssl", "genpkey", "-algorithm", *_KINDS[kind]), capture_output=True, check=True)
    public = subprocess.run(("openssl", "pkey", "-pubout"), input=made.stdout, capture_output=True, check=True)
    return made.stdout, public.stdout


class Partner:
    """A client called `name` with one key; partners with another `number` have other keys."""

    def __init__(self, name: str = "lab", alg: str = "RS384", kid: str = "k1", number: int = 1) -> None:
        self.name, self.alg, self.kid = name, alg, kid
        self.private, self.public = _pem(alg if alg in _KINDS else alg[:2], number)

    @property
    def jwk(self) -> dict[str, Any]:
        public: Any = load_pem_public_key(self.public)
        maker = ECAlgorithm if self.alg.startswith("ES") else RSAAlgorithm
        return {"kid": self.kid, "use": "sig", **maker.to_jwk(public, as_dict=True)}

    def key_set(self, folder: Path, file: str = "lab.json") -> str:
        (folder / file).write_text(json.dumps({"keys": [self.jwk]}))
        return file

    def assertion(self, header: dict[str, Any] | None = None, **changed: Any) -> str:
        """A new assertion; a claim that is changed to None is left out."""
        claims = {
            "iss": self.name,
            "sub": self.name,
            "aud": TOKEN_URL,
            "exp": int((NOW + timedelta(minutes=4)).timestamp()),
            "jti": f"jti-{next(_numbers)}",
            **changed,
        }
        said = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(said, self.private, self.alg, {"kid": self.kid, **(header or {})})

    def form(self, scope: str = "system/*.cruds", assertion: str | None = None) -> dict[str, str]:
        return {
            "grant_type": "client_credentials",
            "scope": scope,
            "client_assertion_type": ASSERTION,
            "client_assertion": self.assertion() if assertion is None else assertion,
        }


def access(site: Path, clients: str, *, smart: dict[str, Any] | bool = True, **options: Any) -> AccessOptions:
    """The options of an access whose clients are `clients`, YAML; it gives access tokens unless `smart` is False."""
    (site / "fhir-clients.yaml").write_text(clients)
    given: dict[str, Any] = {"clients": "fhir-clients.yaml", **options}
    if smart:
        given["smart"] = {"token_url": TOKEN_URL, "secret": SECRET} if smart is True else smart
    return AccessOptions.model_validate(given, context={"site": site})
