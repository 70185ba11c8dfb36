"""References to what is known by its identifier, whether the bundle has it or not."""

from __future__ import annotations

from schemas.fhir import Element
from transforms.v2_to_fhir.run import Run


def by_identifier(resource_type: str, identifier: Element, run: Run) -> Element:
    """A reference to the resource of the bundle that has `identifier`; where it has none, by the identifier alone."""
    wanted = (identifier.get("system"), identifier["value"])
    for resource in run.resources:
        if resource["resourceType"] == resource_type and any(
            (each.get("system"), each.get("value")) == wanted for each in resource.get("identifier", [])
        ):
            return run.refer(resource)
    return {"type": resource_type, "identifier": identifier}
