"""Vital signs: a panel of what was measured at one time, and each by itself."""

from __future__ import annotations

from schemas.fhir import Resource
from transforms.ccda_to_fhir.datatypes.codes import codeable_concept
from transforms.ccda_to_fhir.datatypes.times import put_when
from transforms.ccda_to_fhir.entry import COMMENT, put_notes, start
from transforms.ccda_to_fhir.node import Node
from transforms.ccda_to_fhir.observations import (
    CATEGORY,
    component_of,
    observation_of,
    put_span,
    result_status,
    supply_time,
)
from transforms.ccda_to_fhir.people import actor
from transforms.ccda_to_fhir.provenance import put_authors
from transforms.ccda_to_fhir.registry import read_entry, statements, template
from transforms.ccda_to_fhir.run import Run
from transforms.ccda_to_fhir.statement import is_stated, status_of
from transforms.elements import US_CORE, append, coded, put

VITAL_SIGNS = "8716-3"
_LOINC = "http://loinc.org"
_PANEL = "85353-1"
_PROFILES: dict[str, tuple[str, tuple[str, ...]]] = {
    "39156-5": ("us-core-bmi", ("kg/m2",)),
    "8302-2": ("us-core-body-height", ("cm", "[in_i]")),
    "29463-7": ("us-core-body-weight", ("g", "kg", "[lb_av]")),
    "8310-5": ("us-core-body-temperature", ("Cel", "[degF]")),
    "8867-4": ("us-core-heart-rate", ("/min",)),
    "9279-1": ("us-core-respiratory-rate", ("/min",)),
    "2708-6": ("us-core-pulse-oximetry", ("%",)),
    "59408-5": ("us-core-pulse-oximetry", ("%",)),
    "9843-4": ("us-core-head-circumference", ("cm", "[in_i]")),
}
"""The US Core profile of each code, and the units that it takes; of all others the general one of vital signs."""
_PRESSURES = ("8480-6", "8462-4")
"""Systolic and diastolic: one observation of a blood pressure in FHIR."""
_OXIMETRY = ("2708-6", "59408-5")
_WITH_OXIMETRY = {"3151-8": "L/min", "3150-0": "%", "3150-6": "%"}
"""Inhaled oxygen, as a flow and as a concentration: components of the saturation that was measured with it, in the
units that US Core wants."""


@template("2.16.840.1.113883.10.20.22.4.26", "2.16.840.1.113883.10.20.1.35", sections=[(VITAL_SIGNS, "organizer")])
def vital_signs_organizer(organizer: Node, run: Run) -> list[Resource]:
    """Vital Signs Organizer: an Observation of the panel, with each vital sign as a member."""
    resource = start("Observation", organizer, run)
    organizer.target = resource
    resource["status"] = "entered-in-error" if status_of(organizer) == "nullified" else "final"
    resource["category"] = [coded(CATEGORY, "vital-signs", "Vital Signs")]
    resource["code"] = coded(_LOINC, _PANEL)
    own = codeable_concept(organizer.get("code"), run)
    for each in own["coding"] if own is not None and "coding" in own else ():
        append(resource["code"], "coding", each)
    resource["code"]["text"] = own["text"] if own is not None and "text" in own else "Vital Signs Panel"
    for member in _members(organizer, run):
        append(resource, "hasMember", run.refer(member))
    put_when(resource, "effective", organizer.get("effectiveTime"), run)
    put_span(resource, "hasMember", run)
    supply_time(resource, run)
    for each in organizer.all("performer"):
        append(resource, "performer", actor(each.get("assignedEntity"), run).reference)
    put_notes(resource, organizer, run, relation="component")
    put_authors(resource, organizer, run, "", "")
    return [resource]


@template("2.16.840.1.113883.10.20.22.4.27", sections=[(VITAL_SIGNS, "observation")])
def vital_sign_observation(observation: Node, run: Run) -> list[Resource]:
    """Vital Sign Observation: an Observation."""
    code = observation.value("code", "code")
    pressure = run.known_by(observation) if code in _PRESSURES else None
    if pressure is not None and component_of(observation, {}, run) in pressure.get("component", ()):
        observation.target = pressure  # told once more by itself
        return [pressure]
    resource = observation_of(observation, run, "vital-signs", "us-core-vital-signs")
    if code in _OXIMETRY:
        # US Core wants both codes of a pulse oximetry.
        for each in _OXIMETRY:
            if not any(held.get("code") == each for held in resource["code"].get("coding", ())):
                append(resource["code"], "coding", coded(_LOINC, each)["coding"][0])
    supply_time(resource, run)
    _claim(resource, code, run)
    _claim_no_month(resource)
    return [resource]


def _claim_no_month(resource: Resource) -> None:
    """Claim nothing of a vital sign of which no day is known (vs-1)."""
    if 0 < len(resource.get("effectiveDateTime", "")) < 10:
        resource.pop("meta", None)


def _claim(resource: Resource, code: str, run: Run) -> None:
    """Claim the US Core profile of the code, where the value is in the units that it takes; else the general one."""
    profile, units = _PROFILES.get(code, ("", ()))
    unit = resource.get("valueQuantity", {}).get("code")
    if profile and unit in units and run.options.profile == "us-core":
        resource["meta"] = {"profile": [f"{US_CORE}{profile}"]}


def _members(organizer: Node, run: Run) -> list[Resource]:
    """What the organizer holds; systolic and diastolic pressure are one, inhaled oxygen goes with its saturation."""
    found: list[Resource] = []
    inner = [each for _, each in statements(organizer, "component") if each.name == "observation"]
    plain = [each for each in inner if _is_plain(each)]
    for high in _with_code(plain, _PRESSURES[:1]):
        low = next((each for each in _with_code(plain, _PRESSURES[1:]) if _time(high) == _time(each)), None)
        if low is not None:
            found.append(_blood_pressure([high, low], run))
    for _, each in statements(organizer, "component"):
        if each.target is None and each.value("code", "code") not in _WITH_OXIMETRY and not _is_comment(each):
            found += [made for made in read_entry(each, run) if made["resourceType"] == "Observation"]
    saturations = [each for each in plain if each.value("code", "code") in _OXIMETRY]
    for each in inner:
        if each.target is not None:
            continue
        is_usual = _is_plain(each) and each.value("value", "unit") == _WITH_OXIMETRY[each.value("code", "code")]
        saturation = next((one for one in saturations if is_usual and _time(one) == _time(each)), None)
        target = saturation.target if saturation is not None else None
        if target is None:
            found += read_entry(each, run)
        else:
            append(target, "component", component_of(each, target, run))
            wanted = "L/min" if each.value("code", "code") == "3151-8" else "%"
            if target["component"][-1].get("valueQuantity", {}).get("code") != wanted and "meta" in target:
                target["meta"] = {"profile": [f"{US_CORE}us-core-vital-signs"]}
    return found


def _with_code(observations: list[Node], codes: tuple[str, ...]) -> list[Node]:
    """Those of `observations` with one of the codes that are not yet part of another."""
    return [each for each in observations if each.target is None and each.value("code", "code") in codes]


def _time(observation: Node) -> tuple[str, ...]:
    time = observation.get("effectiveTime")
    if time is None:
        return ()
    ends = [each for name in ("low", "high") if (each := time.get(name)) is not None]
    return tuple(filter(None, (each.peek("value") for each in (time, *ends))))


def _is_plain(observation: Node) -> bool:
    """Whether an observation can be a component: it says that it is so, and has no statements of its own."""
    is_own = observation.get("entryRelationship") is None
    return is_own and is_stated(observation) and observation.get("value") is not None


def _blood_pressure(parts: list[Node], run: Run) -> Resource:
    """The blood pressure that was measured as systolic and diastolic."""
    first = parts[0]
    resource = start("Observation", first, run, profile="us-core-blood-pressure")
    resource["status"] = result_status(first)
    resource["category"] = [coded(CATEGORY, "vital-signs", "Vital Signs")]
    resource["code"] = coded(_LOINC, "85354-9", "Blood pressure panel with all children optional")
    put_when(resource, "effective", first.get("effectiveTime"), run)
    supply_time(resource, run)
    for part in parts:
        append(resource, "component", component_of(part, resource, run))
        if resource["component"][-1].get("valueQuantity", {}).get("code") != "mm[Hg]" and "meta" in resource:
            resource["meta"] = {"profile": [f"{US_CORE}us-core-vital-signs"]}
        put(resource, "method", codeable_concept(part.get("methodCode"), run))
        put(resource, "bodySite", codeable_concept(part.get("targetSiteCode"), run))
        put_authors(resource, part, run, "", "")
    _claim_no_month(resource)
    return resource


def _is_comment(statement: Node) -> bool:
    return statement.keeps(COMMENT)
