"""manufacturedProduct: what is taken, given or dispensed."""

from __future__ import annotations

from schemas.fhir import Element, Resource
from transforms.ccda_to_fhir.datatypes.codes import codeable_concept
from transforms.ccda_to_fhir.datatypes.identifiers import identifiers
from transforms.ccda_to_fhir.datatypes.nulls import absent_concept
from transforms.ccda_to_fhir.datatypes.times import put_time
from transforms.ccda_to_fhir.node import Node
from transforms.ccda_to_fhir.people import organization
from transforms.ccda_to_fhir.run import Run
from transforms.elements import append, put


def product_of(node: Node) -> Node | None:
    """The manufacturedProduct that `node` consumes or supplies."""
    return node.get("consumable/manufacturedProduct") or node.get("product/manufacturedProduct")


def material_of(product: Node | None) -> Node | None:
    """The material of a product, by whichever of CDA's names it has."""
    if product is None:
        return None
    return product.get("manufacturedMaterial") or product.get("manufacturedLabeledDrug")


def product_concept(product: Node | None, run: Run) -> Element:
    """What the product is: its code, else its name; why that is missing, where it is."""
    material = material_of(product)
    code = material.get("code") if material is not None else None
    concept = codeable_concept(code, run)
    if material is not None:
        name = material.string("name")
        if concept is None and name:
            return {"text": name}
    return concept or absent_concept(code.null if code is not None else material.null if material is not None else "")


def manufacturer_of(product: Node, run: Run) -> Element | None:
    """A reference to who made the product, with the name that a reader looks for."""
    reference = organization(product.get("manufacturerOrganization"), run)
    if reference is None:
        return None
    named = dict(reference)
    put(named, "display", run.referred(reference).get("name"))
    return named


def put_medication(resource: Resource, node: Node, run: Run) -> None:
    """Put what is taken into `resource`: as a code, or as a contained Medication where more is said of it."""
    product = product_of(node)
    concept = product_concept(product, run)
    medication: Resource = {"resourceType": "Medication", "id": "medication", "code": concept}
    if product is not None:
        put(medication, "identifier", identifiers(product, run))
        put(medication, "manufacturer", manufacturer_of(product, run))
    put(medication, "form", codeable_concept(node.get("administrationUnitCode"), run))
    for participant in node.all("participant"):
        entity = participant.get("participantRole/playingEntity")
        if participant.attr("typeCode") == "CSM" and entity is not None:
            vehicle = codeable_concept(entity.get("code"), run) or {"text": entity.string("name") or "unknown"}
            entity.string("name")
            code = participant.get("participantRole/code")
            if code is not None:
                code.mark()
            append(medication, "ingredient", {"itemCodeableConcept": vehicle, "isActive": False})
    material = material_of(product)
    if material is not None:
        batch: Element = {}
        put(batch, "lotNumber", material.string("lotNumberText"))
        put_time(batch, "expirationDate", material.get("sdtc:expirationTime") or material.get("expirationTime"), run)
        put(medication, "batch", batch)
    if medication.keys() <= {"resourceType", "id", "code"}:
        resource["medicationCodeableConcept"] = concept
    else:
        resource["contained"] = [medication]
        resource["medicationReference"] = {"reference": "#medication"}
