"""Subscriptions as tests write them."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from schemas.fhir.topic import TOPIC

GUIDE = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-"
WHOLE: dict[str, Any] = {
    "resourceType": "Subscription",
    "status": "requested",
    "reason": "our patients' visits",
    "criteria": TOPIC,
    "channel": {
        "type": "rest-hook",
        "endpoint": "https://ehr.example.org/hook",
        "payload": "application/fhir+json",
        "_payload": {"extension": [{"url": f"{GUIDE}payload-content", "valueCode": "id-only"}]},
    },
}


def whole(path: str = "", value: Any = None) -> dict[str, Any]:
    """A Subscription with `value` at `path` (`channel.type`), which is taken away where that is None."""
    made = deepcopy(WHOLE)
    *above, last = path.split(".") if path else [""]
    place = made
    for each in above:
        place = place[each]
    if value is None:
        place.pop(last, None)
    else:
        place[last] = value
    return made


def extension(name: str, value: str, said: Any) -> dict[str, Any]:
    """An extension of the guide."""
    return {"url": f"{GUIDE}{name}", value: said}


def filtered(*texts: str) -> dict[str, Any]:
    """A Subscription with filters."""
    return whole("_criteria", {"extension": [extension("filter-criteria", "valueString", text) for text in texts]})
