"""What the CapabilityStatement says of subscriptions (backport-subscription-server-r4)."""

from __future__ import annotations

from channels.fhir.subscriptions.wanted import BACKPORT, PROFILE
from schemas.fhir import Element, Resource
from schemas.fhir.topic import FOCUS, TOPIC

_CANONICAL = f"{BACKPORT}StructureDefinition/capabilitystatement-subscriptiontopic-canonical"
_PARAMETER = "http://hl7.org/fhir/SearchParameter/"
_OPERATION = f"{BACKPORT}OperationDefinition/backport-subscription-"


def with_subscriptions(statement: Resource, *, reads: bool) -> Resource:
    """`statement` of a server that also serves subscriptions, their topic and, where it `reads` nowhere else, what
    events are about."""
    rest: Element = statement["rest"][0]
    others = {each["type"]: each for each in rest["resource"] if "interaction" in each or "operation" in each}
    others["Subscription"] = _SUBSCRIPTION
    others["Basic"] = _basic(_reading(others.get("Basic", {"type": "Basic"}), "read", "search-type"))
    if not reads:
        others[FOCUS] = _reading(others.get(FOCUS, {"type": FOCUS}), "read")
    resources = [others[type] for type in sorted(others)]
    instantiated = [f"{BACKPORT}CapabilityStatement/backport-subscription-server-r4"]
    return {**statement, "instantiates": instantiated, "rest": [{**rest, "resource": resources}]}


_SUBSCRIPTION: Element = {
    "extension": [{"url": _CANONICAL, "valueCanonical": TOPIC}],
    "type": "Subscription",
    "supportedProfile": [PROFILE],
    "interaction": [{"code": code} for code in ("read", "update", "delete", "create", "search-type")],
    "versioning": "versioned-update",
    "updateCreate": False,
    "searchParam": [
        {"name": "_id", "type": "token"},
        {"name": "criteria", "definition": f"{_PARAMETER}Subscription-criteria", "type": "string"},
        {"name": "status", "definition": f"{_PARAMETER}Subscription-status", "type": "token"},
        {"name": "url", "definition": f"{_PARAMETER}Subscription-url", "type": "uri"},
    ],
    "operation": [{"name": name, "definition": f"{_OPERATION}{name}"} for name in ("status", "events")],
}


def _reading(resource: Element, *codes: str) -> Element:
    known = [each["code"] for each in resource.get("interaction", ())]
    return {**resource, "interaction": [{"code": code} for code in dict.fromkeys((*codes, *known))]}


def _basic(basic: Element) -> Element:
    return {**basic, "searchParam": [{"name": "code", "definition": f"{_PARAMETER}clinical-code", "type": "token"}]}
