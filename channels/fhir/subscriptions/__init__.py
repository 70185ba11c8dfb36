"""FHIR subscriptions by topic: the server that clients subscribe at, and the end that notifies them."""

from channels.fhir.subscriptions.outbound import SubscriptionOutbound

__all__ = ["SubscriptionOutbound"]
