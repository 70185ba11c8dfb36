"""The kinds of values that the options of the FHIR ends have."""

from __future__ import annotations

from datetime import timedelta
from difflib import get_close_matches
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from channels.tls import ClientTls
from schemas.fhir.types import RESOURCES
from schemas.values import Duration, Secret, Template


def _resource_type(name: str) -> str:
    if name not in RESOURCES:
        near = get_close_matches(name, RESOURCES, 1)
        raise ValueError(f"R4 has no resource {name[:40]}{f'; did you mean {near[0]}?' if near else ''}")
    return name


def _base_url(url: str) -> str:
    if not url.startswith(("http://", "https://")):
        raise ValueError("the base of a FHIR server is an http:// or https:// URL")
    return url.rstrip("/")


def _base_template(url: str) -> str:
    if not url.startswith(("http://", "https://", "{")):
        raise ValueError("the base of a FHIR server is an http:// or https:// URL")
    if "?" in url or "#" in url:
        raise ValueError("the base of a FHIR server has no ? and no #")
    return url


ResourceType = Annotated[str, AfterValidator(_resource_type)]
"""The name of a resource of R4."""
BaseUrl = Annotated[str, AfterValidator(_base_url)]
"""The URL of a FHIR server's base, without the slash at its end."""
BaseTemplate = Annotated[Template, AfterValidator(_base_template)]
"""As `BaseUrl`, with places that are filled from the message."""


class Reads(BaseModel):
    """The server that reads and searches are passed on to."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    server: BaseUrl = Field(
        description="The base of the FHIR server that keeps the resources.", json_schema_extra={"format": "url"}
    )
    token: Secret | None = Field(None, description="The bearer token that it is sent; write ${...}.")
    tls: ClientTls | None = Field(None, description="TLS; without it, https trusts the system's authorities.")
    timeout: Duration = Field(timedelta(seconds=30), description="How long it may take to answer.")
