"""What an engineer writes under `smart:`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from schemas.values import Secret, SiteFile

Algorithm = Literal["RS384", "ES384"]


def _endpoint(url: str) -> str:
    if not url.startswith(("http://", "https://")):
        raise ValueError("a token endpoint is an http:// or https:// URL")
    return url


class Smart(BaseModel):
    """How the engine gets tokens, as a client that the partner has registered with its public key."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    client: str = Field(description="The client id that the partner has given us.", min_length=1)
    key: SiteFile = Field(description="Our private key, PEM: RSA (signs RS384) or EC on P-384 (signs ES384).")
    key_id: str = Field(description="The `kid` under which the partner has our public key.", min_length=1)
    key_password: Secret | None = Field(None, description="The password of an encrypted key; write ${...}.")
    scope: str = Field("system/*.cruds", description="What we ask to be allowed, with spaces between.")
    token_url: Annotated[str, AfterValidator(_endpoint)] | None = Field(
        None,
        description="The partner's token endpoint; omit it to read it from `.well-known/smart-configuration` at the "
        "base.",
        json_schema_extra={"format": "url"},
    )
