"""The ends: how messages come in and go out. `ENDS` names them."""

from channels.ends import Accept, End, EndContext, Inbound, Outbound, Outcome, OutcomeCode, Receipt, ReceiptCode

__all__ = ["Accept", "End", "EndContext", "Inbound", "Outbound", "Outcome", "OutcomeCode", "Receipt", "ReceiptCode"]
