"""How mail is protected for partners who ask for something else than what everybody reads."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pydantic import BaseModel, ConfigDict, Field

from channels.direct.cms import CipherName, Transport
from channels.direct.options import Ours
from channels.direct.smime import DEFAULT, Digest, Protection


class PartnerProtection(BaseModel):
    """The algorithms for mail to some partners. Keys on elliptic curves need none of it: their certificates say so."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    partners: list[Ours] = Field(min_length=1, description="Their addresses and domains.")
    cipher: CipherName = Field(
        DEFAULT.cipher, description="What the message is encrypted with; GCM only where they say that they read it."
    )
    transport: Transport = Field(
        DEFAULT.transport, description="How the key reaches an RSA certificate: PKCS #1 v1.5, or OAEP."
    )
    digest: Digest = Field(DEFAULT.digest, description="The digest of the signature.")


def protection_by(partners: Sequence[PartnerProtection]) -> Callable[[str], Protection]:
    """What tells the protection of mail to an address, in lower case: its own, its domain's, else what all read."""
    known = {
        partner: Protection(each.cipher, each.transport, each.digest) for each in partners for partner in each.partners
    }

    def protection(address: str) -> Protection:
        return known.get(address) or known.get(address.rpartition("@")[2]) or DEFAULT

    return protection
