"""What the CapabilityStatement says of subscriptions (backport-subscription-server-r4)."""

from __future__ import annotations

from channels.fhir.subscriptions.wanted import BACKPORT, PROFILE
from schemas.fhir import Element, Resource
from schemas.fhir.topic import TOPIC

_CANONICAL = f"{BACKPORT}StructureDefinition/capabilitystatement-subscriptiontopic-canonical"
_PARAMETER = "http://hl7.org/fhir/SearchParameter/"
_OPERATION = f"{BACKPORT}OperationDefinition/backport-subscription-"


def with_subscriptions(statement: Resource) -> Resource:
    """`statement` of a server that also serves subscriptions and their topic."""
    rest: Element = statement["rest"][0]
    others = {each["type"]: each for each in rest["resource"] if "interaction" in each or "operation" in each}
    others["Subscription"] = _SUBSCRIPTION
    others["Basic"] = _basic(others.get("Basic", {"type": "Basic"}))
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


def _basic(basic: Element) -> Element:
    codes = [each["code"] for each in basic.get("interaction", ())]
    codes += [code for code in ("read", "search-type") if code not in codes]
    parameter = {"name": "code", "definition": f"{_PARAMETER}clinical-code", "type": "token"}
    return {**basic, "interaction": [{"code": code} for code in codes], "searchParam": [parameter]}
