"""The care that the document is about: documentationOf, and the encounter that it was written in."""

from __future__ import annotations

from transforms.ccda_to_fhir.extensions import IDENTIFIER
from transforms.fhir_node import EMPTY, Node
from transforms.fhir_to_ccda.datatypes.codes import attributes_of, cd_of, coded, is_absent
from transforms.fhir_to_ccda.datatypes.contacts import addresses_of
from transforms.fhir_to_ccda.datatypes.ids import ids_of, ii_of
from transforms.fhir_to_ccda.datatypes.times import low_high, period_of
from transforms.fhir_to_ccda.documents import CCD, DISCHARGE_SUMMARY, TRANSFER_SUMMARY, DocumentType
from transforms.fhir_to_ccda.element import Element, make, null
from transforms.fhir_to_ccda.parties import assigned, organization_of, party_of
from transforms.fhir_to_ccda.run import Run
from transforms.fhir_to_ccda.standing import says_so

_PARTS = frozenset(("ATND", "ADM", "DIS", "REF", "CON"))
"""Who takes part in an encounter, as far as an encounterParticipant says (x_EncounterParticipant)."""
_LEADING = frozenset(("RESP", "PPRF"))


def encounter_of(run: Run) -> Node:
    """The encounter that the document was written in: the Composition's, else the first of the patient."""
    if run.composition:
        found = run.find(run.composition.one("encounter"))
        return found if says_so(found) else EMPTY
    happened = (each for each in run.of_type("Encounter") if says_so(each) and each.peek("status") != "planned")
    return next(happened, EMPTY)


def documentation_of(document: DocumentType, run: Run) -> list[Element]:
    """What care the document sums up, from when to when, and who gave it."""
    events = run.composition.all("event")
    if not events and document not in (CCD, TRANSFER_SUMMARY):
        return []
    low, high = period_of(events[0].one("period"), run) if events else ("", "")
    if not low and not high:
        low, high = period_of(encounter_of(run).one("period"), run)
    made = make("serviceEvent", classCode="PCPR")
    for event in events[:1]:
        made.extend(
            [
                found
                for each in event.extensions(IDENTIFIER)
                if (found := ii_of(each.one("valueIdentifier"), run)) is not None
            ]
        )
        for concept in event.all("code")[:1]:
            if all(each.peek("system") == _ACT_CLASS for each in concept.all("coding")):
                concept.pass_over(*concept.names())
            else:
                made.append(cd_of(concept, run))
    if not low:
        run.gap("Composition.event.period", "from when to when the care was given")
    made.append(low_high(low, high, ended=True))
    performers = _performers(events, run)
    if not performers and document is TRANSFER_SUMMARY:
        run.gap("Composition.event", "who gave the care")
        performers = [make("performer", assigned(None, run), typeCode="PRF")]
    made.extend(performers)
    return [make("documentationOf", made)]


def _performers(events: list[Node], run: Run) -> list[Element]:
    made = []
    seen: set[str] = set()
    for each in (one for event in events for one in event.extensions(_PERFORMER)):
        reference = each.extension("actor").one("valueReference") or each.one("valueReference")
        seen.add(run.find(reference).path)
        party = party_of(reference, run)
        if party is None:
            continue
        each.extension("type").text("valueCode")
        one = make("performer", assigned(party, run), typeCode="PRF")
        function = each.extension("function").one("valueCodeableConcept")
        if function:
            one.append(cd_of(function, run, "functionCode"))
        low, high = period_of(each.extension("period").one("valuePeriod"), run)
        if low or high:
            one.append(low_high(low, high, "time", "IVL_TS"))
        made.append(one)
    for each in run.patient.all("generalPractitioner"):
        party = party_of(each, run) if run.find(each).path not in seen else None
        if party is not None and (party.names or party.organization or party.organization_name):
            one = make("performer", assigned(party, run), typeCode="PRF")
            one.append(coded("functionCode", "PCP", "2.16.840.1.113883.5.88", "Primary Care Provider"))
            made.append(one)
    return made


_PERFORMER = "http://hl7.org/fhir/us/ccda/StructureDefinition/PerformerExtension"
_ACT_CLASS = "http://terminology.hl7.org/CodeSystem/v3-ActClass"


def component_of(document: DocumentType, run: Run) -> list[Element]:
    """The encompassing encounter; a Discharge Summary has one, whatever is known of it (CONF 1198-8471)."""
    encounter = encounter_of(run)
    if not encounter and document is not DISCHARGE_SUMMARY:
        return []
    run.resolve(run.composition.one("encounter"))
    run.composition.one("encounter").pass_over("display", "type")
    made = make("encompassingEncounter", *(ids_of(encounter, run) if encounter else [null("id")]))
    code = encounter_code(encounter, run)
    if code is not None:
        made.append(code)
    low, high = period_of(encounter.one("period"), run)
    ended = document is DISCHARGE_SUMMARY
    if ended and not (low and high):
        run.gap(f"{encounter.path or 'Encounter'}.period", "from when to when the stay was")
    made.append(low_high(low, high, ended=ended))
    disposition = encounter.one("hospitalization").one("dischargeDisposition")
    if disposition:
        made.append(cd_of(disposition, run, "dischargeDispositionCode"))
    elif ended:
        run.gap(f"{encounter.path or 'Encounter'}.hospitalization.dischargeDisposition", "where the patient went")
        made.append(null("dischargeDispositionCode"))
    made.extend(_participants(encounter, run))
    location = _location(encounter, run)
    if location is not None:
        made.append(location)
    if run.composition.has("section"):
        run.mark(encounter)
    return [make("componentOf", made)]


def encounter_code(encounter: Node, run: Run) -> Element | None:
    """What kind of encounter it was: its type, its class beside it; None where it says neither."""
    kinds = encounter.all("type")
    cls = encounter.one("class")
    if is_absent(cls):
        cls = EMPTY
    if not kinds and not cls:
        return None
    if not kinds:
        return make("code", **attributes_of(cls, run))
    made = cd_of(kinds[0], run)
    if cls.has("code"):
        made.append(make("translation", **attributes_of(cls, run)))
    for each in kinds[1:]:
        made.extend([make("translation", **attributes_of(one, run)) for one in each.all("coding")])
    return made


def _participants(encounter: Node, run: Run) -> list[Element]:
    """Who is responsible for the encounter, and who took part in it in one of the parts that the header knows."""
    made: list[Element] = []
    responsible = False
    for each in encounter.all("participant"):
        codes = [one.peek("code") for kind in each.all("type") for one in kind.all("coding")]
        part = next((code for code in codes if code in _PARTS), "")
        leads = not part and bool(_LEADING.intersection(codes)) and not responsible
        if not part and not leads:
            continue
        party = party_of(each.one("individual"), run)
        if party is None or not (party.names or party.organization):
            continue
        for kind in each.all("type"):
            kind.pass_over(*kind.names())
        if leads:
            responsible = True
            made.append(make("responsibleParty", assigned(party, run)))
            continue
        one = make("encounterParticipant", typeCode=part)
        low, high = period_of(each.one("period"), run)
        if low or high:
            one.append(low_high(low, high, "time", "IVL_TS"))
        one.append(assigned(party, run))
        made.append(one)
    return made


def _location(encounter: Node, run: Run) -> Element | None:
    for each in encounter.all("location"):
        found = run.resolve(each.one("location"))
        display = each.one("location").text("display")
        provider = encounter.one("serviceProvider")
        facility = make("healthCareFacility", *(ids_of(found, run) if found else []))
        wards = run.chain(found, "partOf")
        run.mark(*wards)
        kinds = found.all("type")
        if kinds:
            facility.append(cd_of(kinds[0], run))
        name = ", ".join(dict.fromkeys(filter(None, (one.text("name") for one in wards)))) or display
        place = make("location", make("name", text=name) if name else None)
        place.extend(addresses_of(found.all("address"), run)[:1])
        facility.append(place)
        if provider:
            organization = run.resolve(provider)
            facility.append(organization_of(organization, run, "serviceProviderOrganization", provider.text("display")))
        return make("location", facility)
    return None
