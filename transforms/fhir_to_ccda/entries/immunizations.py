"""Immunization to the Immunization Activity (4.52)."""

from __future__ import annotations

from transforms.fhir_node import Node
from transforms.fhir_to_ccda.datatypes.codes import ACT_CODE, SNOMED, SNOMED_URI, attributes_of, cd_of, coded, shown
from transforms.fhir_to_ccda.datatypes.ids import ids_of
from transforms.fhir_to_ccda.datatypes.plain import whole
from transforms.fhir_to_ccda.datatypes.quantities import pq
from transforms.fhir_to_ccda.datatypes.quantities import shown as shown_quantity
from transforms.fhir_to_ccda.datatypes.times import low_high, ts_text
from transforms.fhir_to_ccda.element import Element, local, make, null, templates
from transforms.fhir_to_ccda.entries.common import (
    T,
    authors,
    comment,
    comments,
    indications,
    not_carried,
    observation,
    performers,
    references,
    related,
    status,
    text_reference,
    told_time,
)
from transforms.fhir_to_ccda.entries.places import place_of
from transforms.fhir_to_ccda.narrative import Row
from transforms.fhir_to_ccda.parties import assigned, organization_of, party_of
from transforms.fhir_to_ccda.registry import entry
from transforms.fhir_to_ccda.run import Run
from transforms.fhir_to_ccda.standing import says_so

ACTIVITY = (f"{T}52", "2015-08-01")
INFORMATION = (f"{T}54", "2014-06-09")
REFUSAL = (f"{T}53", "")
REACTION = (f"{T}9", "2014-06-09")

CVX = "http://hl7.org/fhir/sid/cvx"
_REASON_SYSTEM = "2.16.840.1.113883.5.8"
_REASONS = frozenset(("IMMUNE", "MEDPREC", "OSTOCK", "PATOBJ", "PHILISOP", "RELIG", "VACEFF", "VACSAF"))
_URI_ROOT = "2.16.840.1.113883.4.873"
_SITES = {"LA": ("368208006", "Left upper arm structure"), "RA": ("368209003", "Right upper arm structure")}


@entry("Immunization", home="immunizations")
def immunization(resource: Node, row: Row, run: Run) -> Element | None:
    """The activity of an Immunization: negated where it was not done; None of one entered in error."""
    run.mark(resource)
    not_done = resource.text("status") == "not-done"
    made = make("substanceAdministration", *templates(ACTIVITY), classCode="SBADM", moodCode="EVN")
    made.set("negationInd", "true" if not_done else "false")
    made.extend(ids_of(resource, run))
    made.append(text_reference(row))
    made.append(status())
    when = ts_text(resource, "occurrenceDateTime", run)
    made.append(make("effectiveTime", value=when) if when else null("effectiveTime"))
    doses = [dose for each in resource.all("protocolApplied") if (dose := whole(each, "doseNumberPositiveInt"))]
    if doses:
        made.append(make("repeatNumber", value=doses[0]))
    if resource.one("route"):
        made.append(cd_of(resource.one("route"), run, "routeCode"))
    if resource.one("site"):
        made.append(_site(resource.one("site"), run))
    if resource.one("doseQuantity"):
        made.append(pq(resource.one("doseQuantity"), run, "doseQuantity", ""))
    made.append(make("consumable", _product(resource, row, run)))
    made.extend(performers(resource, run))
    made.extend(authors(resource, run, ("", "recorded")))
    if resource.one("informationSource"):
        made.append(make("informant", assigned(party_of(resource.one("informationSource"), run), run)))
    place = place_of(resource.one("location"), run)
    if place is not None:
        made.append(place)
    made.extend(_relations(resource, row, run, not_done=not_done))
    _tell(resource, row, not_done=not_done)
    return made


def _product(resource: Node, row: Row, run: Run) -> Element:
    made = make("manufacturedProduct", *templates(INFORMATION), classCode="MANU")
    concept = resource.one("vaccineCode")
    if not concept:
        run.gap(f"{resource.path}.vaccineCode", "which vaccine it is")
    material = make("manufacturedMaterial", cd_of(concept, run, prefer=(CVX,)))
    if resource.text("lotNumber"):
        material.append(make("lotNumberText", text=resource.text("lotNumber")))
        row.tell("Lot", resource.peek("lotNumber"))
    expires = ts_text(resource, "expirationDate", run)
    if expires:
        material.append(make("sdtc:expirationTime", value=expires))
    made.append(material)
    maker = resource.one("manufacturer")
    if maker:
        made.append(organization_of(run.resolve(maker), run, "manufacturerOrganization", maker.text("display")))
    return made


def _relations(resource: Node, row: Row, run: Run, *, not_done: bool) -> list[Element]:
    made = indications(resource, row, run)
    reason = resource.one("statusReason")
    if reason:
        row.tell("Reason", shown(reason))
        refusal = observation(REFUSAL)
        refusal.append(make("id", root=run.uuid("refusal", run.own_id(resource))))
        refusal.append(_reason(reason, run))
        refusal.append(status())
        made.append(related("RSON", refusal))
    for each in resource.all("reaction") if not not_done else ():
        if not says_so(run.resolve(each.one("detail"))):
            not_carried(each, run, "this reaction is not so; the document does not tell of it")
            continue
        made.append(related("MFST", _reaction(each, row, run), inverted=True))
    for name in ("occurrenceString",):
        if resource.text(name) not in ("", "unknown"):
            made.append(related("SUBJ", comment(f"given: {resource.text(name)}", row, run), inverted=True))
    made += comments(resource, row, run)
    made += _documents(resource, run)
    return made + references(resource, run, "encounter")


def _site(concept: Node, run: Run) -> Element:
    """The site by SNOMED CT, where HL7's own code for it has one there (FC-ImmunizationSite)."""
    made = cd_of(concept, run, "approachSiteCode", prefer=(SNOMED_URI,))
    found = _SITES.get(made.get("code", ""))
    if found is None or made.get("codeSystem") == SNOMED:
        return made
    kept = {str(name): str(value) for name, value in made.attrib.items()}
    outer = coded("approachSiteCode", found[0], SNOMED, found[1])
    outer.extend([each for each in made if local(each) == "originalText"])
    outer.append(make("translation", **kept))
    outer.extend([each for each in made if local(each) == "translation"])
    return outer


def _documents(resource: Node, run: Run) -> list[Element]:
    """What was given to read with a vaccine, as external documents."""
    made = []
    for each in resource.all("education"):
        kind, where = each.text("documentType"), each.text("reference")
        document = make("externalDocument", classCode="DOC", moodCode="EVN")
        document.append(make("id", root=_URI_ROOT, extension=where) if where else null("id"))
        if kind:
            code = null("code", "OTH")
            code.append(make("originalText", text=kind))
            document.append(code)
        made.append(make("reference", document, typeCode="REFR"))
    return made


def _reason(reason: Node, run: Run) -> Element:
    """Why a vaccine was not given, by HL7's ActReason where it has a code for it; any other is a translation."""
    known = [each for each in reason.all("coding") if each.peek("code") in _REASONS]
    if known:
        made = coded("code", known[0].text("code"), _REASON_SYSTEM, known[0].text("display"))
        known[0].text("system")
    else:
        made = null("code", "OTH")
    if reason.text("text"):
        made.append(make("originalText", text=reason.text("text")))
    others = [each for each in reason.all("coding") if each not in known[:1]]
    made.extend([make("translation", **attributes_of(each, run)) for each in others])
    return made


def _reaction(reaction: Node, row: Row, run: Run) -> Element:
    made = observation(REACTION)
    found = run.resolve(reaction.one("detail"))
    run.mark(found)
    if found:
        made.extend(ids_of(found, run))
    else:
        made.append(make("id", root=run.uuid("reaction", run.digest, reaction.path)))
    made.append(coded("code", "ASSERTION", ACT_CODE))
    made.append(status())
    made.append(low_high(ts_text(reaction, "date", run), ""))
    concept = found.one("valueCodeableConcept") or found.one("code")
    found.pass_over("status")
    found.one("code").pass_over(*found.one("code").names())
    made.append(cd_of(concept, run, "value", kind="CD"))
    row.tell("Reaction", shown(concept))
    return made


def _tell(resource: Node, row: Row, *, not_done: bool) -> None:
    row.tell("Vaccine", ("not given: " if not_done else "") + shown(resource.one("vaccineCode")))
    row.tell("Time", told_time(resource, "occurrence"))
    row.tell("Dose", shown_quantity(resource.one("doseQuantity")))
    row.tell("Route", shown(resource.one("route")))
    row.tell("Site", shown(resource.one("site")))
