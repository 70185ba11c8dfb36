"""The outbound `fhir` end: each message is one request to a FHIR server."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from pydantic import PositiveInt

from channels.ends import EndContext, Outcome
from channels.fhir.options import BaseTemplate
from channels.fhir.request import Condition, Format, Named
from channels.fhir.smart import Smart
from channels.tls import ClientTls
from schemas.message import Message
from schemas.values import Duration, Secret, Template

if TYPE_CHECKING:
    from channels.fhir.exchange import Exchange

Preference = Literal["return=minimal", "return=representation", "return=OperationOutcome", "respond-async"]


class FhirOutbound:
    """Asks a FHIR R4 server to do what each message says, and takes its answer, entry by entry, for the outcome.

    2xx is delivered; of a batch or transaction, when each of its entries is. 408, 425, 429, 5xx and a network that
    fails are tried again, after Retry-After where the server names it; 3xx, 401, 403 and 407 make the route wait, for
    the address or our credentials are wrong and not the message; any other status refuses the message, and its
    OperationOutcome is kept.

    Args:
        base: The base of the FHIR server. What the message fills in is percent-encoded, save an attribute at the very
            beginning (`{subscriber.address}`), which is a URL itself.
        interaction: What is asked for: create, update, transaction, batch or message ($process-message); auto: by the
            type of a Bundle, else update for a resource with an id or by a condition, and create for any other.
        condition: identifier: an update is of the resource that has this one's identifier, not its id.
        smart: How tokens are got (SMART Backend Services).
        token: The bearer token that is sent where `smart` gets none; write ${...}.
        tls: TLS: the authorities that the partner's certificate must come from, and the certificate that we show.
            Without it, https trusts the system's authorities.
        headers: Further headers.
        timeout: How long one delivery may take, from connecting to the end of the answer.
        connections: How many connections are open at most.
        prefer: What the server is asked for by the header Prefer; with respond-async, its status URL is asked until it
            is done.
        format: json or xml: how the message is written.
    """

    def __init__(
        self,
        context: EndContext,
        *,
        base: BaseTemplate,
        interaction: Named = "auto",
        condition: Condition | None = None,
        smart: Smart | None = None,
        token: Secret | None = None,
        tls: ClientTls | None = None,
        headers: dict[str, Template] | None = None,
        timeout: Duration = timedelta(seconds=30),
        connections: PositiveInt = 10,
        prefer: Sequence[Preference] = (),
        format: Format = "json",
    ) -> None:
        self.context = context
        self.base = base
        self.interaction = interaction
        self.condition = condition
        self.smart = smart
        self.token = token
        self.tls = tls or ClientTls()
        self.headers = headers or {}
        self.timeout = timeout.total_seconds()
        self.connections = connections
        self.prefer = prefer
        self.format = format
        self._exchange: Exchange | None = None

    async def deliver(self, message: Message) -> Outcome:
        """Ask for what `message` says, and say what became of it; see `channels.ends.Outbound`."""
        if self._exchange is None:
            # Here and not above: the web libraries cost a third of a second that only a site with this end should pay.
            from channels.fhir.exchange import Exchange  # noqa: PLC0415

            self._exchange = Exchange(self)
        return await self._exchange.deliver(message)

    async def close(self) -> None:
        """Close the connections."""
        if self._exchange is not None:
            await self._exchange.close()
