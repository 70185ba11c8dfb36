"""PV1: the visit."""

from __future__ import annotations

from transforms.elements import CORE, R5
from transforms.fhir_node import EMPTY, Node
from transforms.fhir_to_v2.datatypes.codes import code_of, cwe_of, cwe_of_coding, has_code
from transforms.fhir_to_v2.datatypes.identifiers import cx_of
from transforms.fhir_to_v2.datatypes.locations import dld_of, pl_of
from transforms.fhir_to_v2.datatypes.people import xcn_of
from transforms.fhir_to_v2.datatypes.times import dtm_of
from transforms.fhir_to_v2.fields import field_of
from transforms.fhir_to_v2.line import Line
from transforms.fhir_to_v2.run import Run
from transforms.fhir_to_v2.segments.in1 import is_insurance
from transforms.fhir_to_v2.segments.rol import participant_role

PARTICIPANTS = {"ATND": 7, "REF": 8, "CON": 9, "ADM": 17, "PART": 52, "PPRF": 7, "SPRF": 52}
_LOCATIONS = {"active": 3, "planned": 3, "completed": 6, "reserved": 42}


def pv1_of(encounter: Node, run: Run) -> Line:
    """Encounter[PV1]."""
    pv1 = run.line("PV1", encounter)
    pv1.put(1, "1")
    _put_class(pv1, encounter, run)
    for kind in encounter.all("type"):
        pv1.put(4, cwe_of(kind, run, "AdmissionType", "0007"))
    pv1.put(10, cwe_of(encounter.one("serviceType"), run, "HospitalService", "0069"))
    put_participants(pv1, encounter, PARTICIPANTS, run)
    _put_numbers(pv1, encounter, run)
    _put_stay(pv1, encounter.one("hospitalization"), run)
    _put_locations(pv1, encounter, run)
    period = encounter.one("period")
    pv1.put(44, dtm_of(period, "start", run))
    pv1.put(45, dtm_of(period, "end", run))
    _put_financial_classes(pv1, run)
    _put_history(pv1, encounter, run)
    _put_episode(pv1, encounter, run)
    return pv1


def put_participants(line: Line, encounter: Node, fields: dict[str, int], run: Run) -> None:
    """Put each participant of an Encounter into the field for its type, other types into that for others."""
    for participant in encounter.all("participant"):
        if participant_role(participant, run):
            continue  # it becomes a ROL or PRT
        if field_of(participant, "PV2"):
            continue
        code = next((coding.peek("code") for kind in participant.all("type") for coding in kind.all("coding")), "")
        field = fields.get(code) or fields.get("PART")
        if field is not None and participant.has("individual"):
            for kind in participant.all("type"):
                kind.skip("coding", "text")
            line.put(field, xcn_of(participant.one("individual"), run))


def _put_class(pv1: Line, encounter: Node, run: Run) -> None:
    coding = encounter.one("class")
    absent = coding.peek("code") == "UNK" and "NullFlavor" in coding.peek("system")
    found = cwe_of_coding(coding, run, "PatientClass[EncounterClass]", "0004")
    pv1.put(2, {1: "U"} if absent or not found else found)
    encounter.text("status")


def _put_numbers(pv1: Line, encounter: Node, run: Run) -> None:
    for identifier in encounter.all("identifier"):
        kind = identifier.one("type")
        is_visit = kind.text("text") == "visit number" or has_code(kind, "VN")
        if is_visit and not pv1.has(19):
            parts = cx_of(identifier, run)
            codings = kind.all("coding")
            own = [each.text("code") for each in codings if each.text("display") != "Visit number"]
            if len(own) < len(codings):
                # So the way forward writes it beside the sender's type, if any: the field itself says as much.
                parts[5] = own[0] if own else ""
            pv1.put(19, parts)
        elif not pv1.has(19) and len(encounter.all("identifier")) == 1:
            pv1.put(19, cx_of(identifier, run))
        else:
            pv1.put(50, cx_of(identifier, run))


def _put_stay(pv1: Line, stay: Node, run: Run) -> None:
    pv1.put(5, cx_of(stay.one("preAdmissionIdentifier"), run))
    pv1.put(13, cwe_of(stay.one("reAdmission"), run, "ReadmissionIndicator", "0092"))
    pv1.put(14, cwe_of(stay.one("admitSource"), run, "", "0023"))
    for field, name, codes, table in (
        (15, "specialArrangement", "AmbulatoryStatus", "0009"),
        (16, "specialCourtesy", "VIPIndicator", "0099"),
        (38, "dietPreference", "DietType", "0114"),
    ):
        for each in stay.all(name):
            pv1.put(field, cwe_of(each, run, codes, table))
    pv1.put(36, cwe_of(stay.one("dischargeDisposition"), run, "DischargeDisposition", "0112"))
    if stay.has("destination"):
        pv1.put(37, dld_of(stay.one("destination"), run))


def _put_locations(pv1: Line, encounter: Node, run: Run) -> None:
    for each in encounter.all("location"):
        kind = each.extension(f"{CORE}subject-locationClassification").one("valueCodeableConcept")
        status = each.text("status")
        if has_code(kind, "temporary"):
            kind.skip("coding")
            field = 11
        else:
            field = _LOCATIONS.get(status, 3)
        if each in pending_locations(encounter) or pv1.has(field):
            continue
        place = each.one("location")
        pv1.put(field, pl_of(place, run))
        bed = run.resolve(place).one("operationalStatus") if field == 3 and place.has("reference") else EMPTY
        if bed:
            bed.text("system")
            pv1.put(40, code_of(bed, "code", run, "BedStatus"))


def pending_locations(encounter: Node) -> list[Node]:
    """The planned places of a visit that are not where it is planned to begin: those of PV2-1."""
    planned = [each for each in encounter.all("location") if each.peek("status") == "planned"]
    return planned[1:] if encounter.peek("status") == "planned" else planned


def _put_financial_classes(pv1: Line, run: Run) -> None:
    for coverage in run.of_type("Coverage"):
        if not coverage.has("type"):
            continue
        if is_insurance(coverage, run):
            continue
        parts = cwe_of(coverage.one("type"), run, "FinancialClass", "0064")
        since = dtm_of(coverage.one("period"), "start", run)
        sub = [str(parts.get(number, "")) for number in range(1, max(parts, default=1) + 1)]
        pv1.put(20, {1: sub, 2: since})
        coverage.skip("status", "beneficiary", "payor")
        run.done.add(coverage.path)


def _put_history(pv1: Line, encounter: Node, run: Run) -> None:
    for basic in run.of_type("Basic"):
        if has_code(basic.one("code"), "EncounterHistory"):
            place = basic.extension(f"{R5}EncounterHistory.location").extension("location").one("valueReference")
            if place:
                pv1.put(43, pl_of(place, run))
                run.done.add(basic.path)


def _put_episode(pv1: Line, encounter: Node, run: Run) -> None:
    if not encounter.has("episodeOfCare"):
        return
    episode = run.resolve(encounter.one("episodeOfCare"))
    if episode:
        run.done.add(episode.path)
        pv1.put(54, cx_of(episode.one("identifier"), run))
        description = episode.extension(f"{CORE}resource-instance-description")
        pv1.put(53, description.text("valueMarkdown") or description.text("valueString"))
