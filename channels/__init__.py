"""The ends: how messages come in and go out. `ENDS` names them."""

from channels.direct import DirectInbound, DirectOutbound
from channels.ends import Accept, End, EndContext, Inbound, Outbound, Outcome, OutcomeCode, Receipt, ReceiptCode
from channels.fhir import FhirInbound, FhirOutbound
from channels.fhir.subscriptions import SubscriptionOutbound
from channels.file import FileInbound, FileOutbound
from channels.http import HttpInbound, HttpOutbound
from channels.mllp import MllpInbound, MllpOutbound
from channels.worklist import WorklistOutbound

ENDS: dict[str, End] = {
    "direct": End("direct", DirectInbound, DirectOutbound),
    "fhir": End("fhir", FhirInbound, FhirOutbound),
    "file": End("file", FileInbound, FileOutbound),
    "http": End("http", HttpInbound, HttpOutbound),
    "mllp": End("mllp", MllpInbound, MllpOutbound),
    "subscription": End("subscription", None, SubscriptionOutbound),
    "worklist": End("worklist", None, WorklistOutbound),
}
"""Every end by its YAML name."""

__all__ = [
    "ENDS",
    "Accept",
    "End",
    "EndContext",
    "Inbound",
    "Outbound",
    "Outcome",
    "OutcomeCode",
    "Receipt",
    "ReceiptCode",
]
