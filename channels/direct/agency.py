"""The security and trust agent of an end, by what an engineer writes for it; without one, the end is a HISP's edge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from channels.direct.keys import IdentityFiles, Keys
from channels.direct.protection import PartnerProtection, protection_by
from channels.direct.smtp.relay import RelayOptions
from channels.direct.trust.options import DiscoveryOptions, TrustOptions
from channels.ends import EndContext

if TYPE_CHECKING:
    from channels.direct.agent import Agent
    from channels.direct.partners import Partners


class AgentOptions(BaseModel):
    """Our own security and trust agent: mails are signed and encrypted here, and not by a HISP."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    keys: list[IdentityFiles] = Field(min_length=1, description="Our identities: certificates and private keys.")
    trust: TrustOptions = Field(
        description="The anchors that our addresses trust, and how revoked certificates are known."
    )
    discovery: DiscoveryOptions = Field(
        default_factory=DiscoveryOptions, description="Where the certificates of those we write to are looked for."
    )
    protection: list[PartnerProtection] = Field(
        default_factory=list, description="Partners whose mail is protected otherwise than what everybody reads."
    )


class ReceivingAgentOptions(AgentOptions):
    """Our own security and trust agent, which also answers: each mail that is trusted gets its notices."""

    relay: RelayOptions = Field(description="The mail server that notices go out through.")


@dataclass(frozen=True, slots=True)
class Agency:
    """An agent at work, and what it knows of partners."""

    agent: Agent
    partners: Partners

    @classmethod
    def open(cls, options: AgentOptions, context: EndContext) -> Agency:
        """Read keys and anchors from their files; raises `DirectError`."""
        # Here and not above: only a site with an agent should pay for what looks certificates up.
        from channels.direct.agent import Agent  # noqa: PLC0415
        from channels.direct.partners import Partners  # noqa: PLC0415

        partners = Partners(options.trust, options.discovery, context.report, context.now)
        keys = Keys(options.keys, context.report)
        return cls(Agent(keys, partners, context.now, protection_by(options.protection)), partners)
