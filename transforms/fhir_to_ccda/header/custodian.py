"""Who keeps the document."""

from __future__ import annotations

from transforms.fhir_node import EMPTY, Node
from transforms.fhir_to_ccda.datatypes.contacts import addresses_of, no_address, telecoms_of
from transforms.fhir_to_ccda.datatypes.ids import ids_of
from transforms.fhir_to_ccda.element import Element, make, null
from transforms.fhir_to_ccda.run import Run


def custodian(run: Run) -> Element:
    """The custodian: the Composition's, else the site's, else the organization that has most to do with the patient."""
    organization, name = _organization(run)
    if organization or name:
        return _of(organization, name, run)
    if run.options.custodian:
        root, _, extension = run.options.custodian_id.partition("^")
        made = make("representedCustodianOrganization")
        made.append(make("id", root=root, extension=extension) if root else null("id"))
        made.extend([make("name", text=run.options.custodian), null("telecom"), no_address()])
        return _custodian(made)
    run.gap("Composition.custodian", "who keeps it")
    made = make("representedCustodianOrganization", null("id"), null("name"), null("telecom"), no_address())
    return _custodian(made)


def _organization(run: Run) -> tuple[Node, str]:
    named = run.composition.one("custodian")
    if named:
        return run.resolve(named), named.text("display")
    if run.options.custodian:
        return EMPTY, ""
    sender = run.first("MessageHeader")
    for holder, name in (
        (sender, "sender"),
        (sender, "responsible"),
        (run.patient, "managingOrganization"),
        (run.first("Encounter"), "serviceProvider"),
    ):
        found = run.find(holder.one(name))
        if found.peek("resourceType") == "Organization":
            return found, ""
    for each in run.composition.all("author"):
        found = run.find(each)
        if found.peek("resourceType") == "PractitionerRole":
            found = run.find(found.one("organization"))
        if found.peek("resourceType") == "Organization":
            return found, ""
    return EMPTY, ""


def _of(organization: Node, name: str, run: Run) -> Element:
    run.mark(organization)
    named = organization.text("name") or name
    made = make("representedCustodianOrganization")
    made.extend(ids_of(organization, run) if organization else [null("id")])
    made.append(make("name", text=named) if named else null("name"))
    made.extend((telecoms_of(organization.all("telecom"), run) or [null("telecom")])[:1])
    made.extend((addresses_of(organization.all("address"), run) or [no_address()])[:1])
    return _custodian(made)


def _custodian(organization: Element) -> Element:
    return make("custodian", make("assignedCustodian", organization))
