"""Coverage to the Coverage Activity (4.60) and the policy within it (4.61)."""

from __future__ import annotations

from transforms.fhir_node import EMPTY, Node
from transforms.fhir_to_ccda.datatypes.codes import LOINC, cd_of, coded, shown
from transforms.fhir_to_ccda.datatypes.contacts import addresses_of, names_of, patient_name, telecoms_of
from transforms.fhir_to_ccda.datatypes.ids import ids_of, ii_of
from transforms.fhir_to_ccda.datatypes.times import low_high, period_of, ts_text
from transforms.fhir_to_ccda.element import Element, make, null, templates
from transforms.fhir_to_ccda.entries.common import T, act, authors, related, status, text_reference, told_time
from transforms.fhir_to_ccda.narrative import Row
from transforms.fhir_to_ccda.parties import assigned, party_of
from transforms.fhir_to_ccda.parties import shown as shown_party
from transforms.fhir_to_ccda.registry import entry
from transforms.fhir_to_ccda.run import Run

ACTIVITY = (f"{T}60", "2015-08-01")
POLICY = (f"{T}61", "2015-08-01")
PAYER = (f"{T}87", "")
COVERED = (f"{T}89", "")
HOLDER = (f"{T}90", "")

_ROLE_CLASS = "2.16.840.1.113883.5.110"
_ROLE_CODE = "2.16.840.1.113883.5.111"
_RELATIONS = {
    "self": ("SELF", "self"),
    "child": ("CHILD", "child"),
    "spouse": ("SPS", "spouse"),
    "parent": ("PRN", "parent"),
    "common": ("SIGOTHR", "significant other"),
}


@entry("Coverage", home="payers")
def coverage(resource: Node, row: Row, run: Run) -> Element | None:
    """The activity of a Coverage; None of one entered in error."""
    run.mark(resource)
    made = act(ACTIVITY)
    made.append(make("id", root=run.uuid("coverage", run.own_id(resource))))
    made.append(coded("code", "48768-6", LOINC, "Payment sources"))
    made.append(text_reference(row))
    made.append(status())
    made.extend(authors(resource, run))
    policy = related("COMP", _policy(resource, row, run))
    if resource.has("order"):
        policy.append(make("sequenceNumber", value=resource.text("order")))
    made.append(policy)
    row.tell("Status", resource.text("status") if resource.peek("status") != "active" else "")
    return made


def _policy(resource: Node, row: Row, run: Run) -> Element:
    made = act(POLICY)
    made.extend(ids_of(resource, run))
    kind = cd_of(resource.one("type"), run)
    if not any(str(each.tag).endswith("}translation") for each in kind):
        kind.append(null("translation"))
    made.append(kind)
    row.tell("Kind", shown(resource.one("type")))
    made.append(status())
    payors = resource.all("payor")
    if not payors:
        run.gap(f"{resource.path}.payor", "who pays")
    made.extend([_payer(each, row, run) for each in payors or [EMPTY]])
    made[:] = _first_payer(list(made))
    made.append(_covered(resource, run))
    holder = resource.one("subscriber") or resource.one("policyHolder")
    if holder and run.find(holder) is not run.patient:
        made.append(_holder(holder, run))
    made.append(_plan(resource, row, run))
    return made


def _first_payer(parts: list[Element]) -> list[Element]:
    """A policy has one payer performer: of several, the others keep no template (CONF 1198-8906)."""
    seen = False
    for each in parts:
        if str(each.tag).endswith("}performer"):
            if seen:
                for template in [one for one in each if str(one.tag).endswith("}templateId")]:
                    each.remove(template)
            seen = True
    return parts


def _payer(reference: Node, row: Row, run: Run) -> Element:
    party = party_of(reference, run)
    role = assigned(party, run)
    if not any(str(each.tag).endswith("}code") for each in role):
        role.append(coded("code", "PAYOR", _ROLE_CLASS, "payor"))
    row.tell("Payer", shown_party(reference, run))
    return make("performer", *templates(PAYER), role, typeCode="PRF")


def _covered(resource: Node, run: Run) -> Element:
    """The covered party: the patient, by the number that the payer knows her by, and how she is related."""
    role = make("participantRole", classCode="PAT")
    number = resource.text("subscriberId")
    dependent = resource.text("dependent")
    member = next(
        (
            each
            for each in resource.all("identifier")
            if any(one.peek("code") == "MB" for one in each.one("type").all("coding"))
        ),
        EMPTY,
    )
    found = ii_of(member, run) if member else None
    if found is not None:
        role.append(found)
    elif number:
        role.append(make("id", root=run.uuid("member", run.own_id(resource)), extension=f"{number}{dependent}"))
    else:
        role.append(null("id"))
    relation = resource.one("relationship")
    code = next((each.peek("code") for each in relation.all("coding") if each.peek("code") in _RELATIONS), "")
    if code:
        role.append(coded("code", _RELATIONS[code][0], _ROLE_CODE, _RELATIONS[code][1]))
        relation.pass_over(*relation.names())
    else:
        role.append(cd_of(relation, run))
    names = [patient_name(each) for each in names_of(run.patient.all("name"), run)]
    birth = ts_text(run.patient, "birthDate", run)
    if names:
        entity = make("playingEntity", *names[:1], classCode="PSN")
        entity.append(make("sdtc:birthTime", value=birth) if birth else null("sdtc:birthTime"))
        role.append(entity)
    made = make("participant", *templates(COVERED), role, typeCode="COV")
    low, high = period_of(resource.one("period"), run)
    if low or high:
        made.append(low_high(low, high, "time", "IVL_TS"))
    return made


def _holder(reference: Node, run: Run) -> Element:
    """The person that the policy is of, where it is not the patient."""
    found = run.resolve(reference)
    run.mark(found)
    role = make("participantRole", *(ids_of(found, run) if found else [null("id")]))
    role.extend(addresses_of(found.all("address"), run))
    role.extend(telecoms_of(found.all("telecom"), run))
    names = names_of(found.all("name"), run)
    display = reference.text("display")
    if names:
        role.append(make("playingEntity", *names[:1], classCode="PSN"))
    elif found.text("name") or display:
        role.append(make("playingEntity", make("name", text=found.text("name") or display)))
    return make("participant", *templates(HOLDER), role, typeCode="HLD")


def _plan(resource: Node, row: Row, run: Run) -> Element:
    """The plan: its name and the numbers of group and plan (`class`)."""
    plan = make("act", classCode="ACT", moodCode="DEF")
    said = []
    for each in resource.all("class"):
        value, name = each.text("value"), each.text("name")
        kind = next((one.peek("code") for one in each.one("type").all("coding")), "")
        each.one("type").pass_over(*each.one("type").names())
        if value:
            plan.append(make("id", root=run.uuid("class", kind), extension=value, assigningAuthorityName=kind))
        said.append(f"{kind}: {name or value}".strip(": "))
    if not said:
        plan.append(null("id"))
    plan.append(null("code"))
    text = ", ".join(said)
    if text:
        plan.append(make("text", text=text))
    row.tell("Plan", text)
    row.tell("Period", told_time(resource, "period"))
    return related("REFR", plan)
