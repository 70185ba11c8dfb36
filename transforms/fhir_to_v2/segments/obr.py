"""OBR: what was asked for, and the report on it."""

from __future__ import annotations

from transforms.elements import ALTERNATE_CODES, CORE, R5
from transforms.fhir_node import EMPTY, Node
from transforms.fhir_to_v2.datatypes.codes import code_of, codes_of, cwe_of, has_code
from transforms.fhir_to_v2.datatypes.contacts import xtn_of
from transforms.fhir_to_v2.datatypes.entities import eip_of
from transforms.fhir_to_v2.datatypes.identifiers import cx_of, ei_of, ei_subcomponents
from transforms.fhir_to_v2.datatypes.locations import pl_of
from transforms.fhir_to_v2.datatypes.people import practitioner_of, xcn_of, xcn_of_practitioner
from transforms.fhir_to_v2.datatypes.quantities import cq_of
from transforms.fhir_to_v2.datatypes.times import dtm_of, period_of
from transforms.fhir_to_v2.fields import field_of
from transforms.fhir_to_v2.line import Line, Part
from transforms.fhir_to_v2.run import Run
from transforms.fhir_to_v2.segments.orc import FILLER, PLACER, order_number

_ACTION = "http://terminology.hl7.org/CodeSystem/v2-0065"
_SECTION = "http://terminology.hl7.org/CodeSystem/v2-0074"
_STATUSES = {
    "registered": "O",
    "preliminary": "P",
    "partial": "R",
    "final": "F",
    "amended": "C",
    "corrected": "C",
    "appended": "C",
    "cancelled": "X",
    "entered-in-error": "X",
}
"""The status of a report (table 0123)."""
_CALLBACK = f"{CORE}servicerequest-order-callback-phone-number"


def obr_of(report: Node, order: Node, run: Run) -> Line:
    """DiagnosticReport[OBR] and ServiceRequest[OBR]; either may be missing."""
    obr = run.line("OBR", *(each for each in (report, order) if each))
    obr.put(1, str(sum(line.name == "OBR" for line in run.lines)))
    for field, kinds in ((2, PLACER), (3, FILLER)):
        number = order_number(report, *kinds) if report else EMPTY
        obr.put(field, ei_of(number or order_number(order, *kinds), run))
    obr.put(4, cwe_of(report.one("code"), run) or cwe_of(order.one("code"), run))
    if order:
        _put_order(obr, order, run)
    if report:
        _put_report(obr, report, run)
    return obr


def report_status(report: Node, run: Run) -> str:
    """OBR-25."""
    if report.has("_status"):
        return code_of(report, "status", run, "ResultStatus[Non-Queries]")
    return _STATUSES.get(report.text("status"), "")


def _put_order(obr: Line, order: Node, run: Run) -> None:
    order.one("code").skip("coding", "text")
    obr.put(5, code_of(order, "priority", run, "ExtendedPriorityCodes"))
    obr.put(6, dtm_of(order, "occurrenceDateTime", run))
    intent = order.text("intent")
    if order.has("_intent"):
        for each in order.beside("intent").extensions(ALTERNATE_CODES):
            obr.put(11, *codes_of(each.one("valueCodeableConcept"), _ACTION)[:1])
    elif intent == "reflex-order":
        obr.put(11, "G")
    for each in order.extensions(f"{R5}ServiceRequest.supportingInfo"):
        obr.put(13, cwe_of(each.extension("concept").one("valueCodeableConcept"), run))
    requester = order.one("requester")
    person = practitioner_of(requester, run)
    if (person and person.peek("resourceType") != "Organization") or (not person and requester.has("display")):
        obr.put(16, xcn_of(requester, run))
    for each in requester.extensions(_CALLBACK) if requester.has("extension") else ():
        obr.put(17, xtn_of(each.one("valueContactPoint"), run))
    _put_parents(obr, order, run)
    for each in order.all("identifier"):
        if field_of(each, "OBR") == 53:
            obr.put(53, cx_of(each, run))
    obr.put(31, *(cwe_of(each, run) for each in order.all("reasonCode")))
    for each in order.all("orderDetail"):
        obr.put(field_of(each, "OBR") or 46, cwe_of(each, run))


def _put_parents(obr: Line, order: Node, run: Run) -> None:
    parts: dict[int, Part] = {}
    for parent in order.all("basedOn"):
        number = parent.one("identifier")
        known = run.resolve(parent) if parent.has("reference") else EMPTY
        if number:
            is_filler = has_code(number.one("type"), *FILLER)
            parts[2 if is_filler else 1] = ei_subcomponents(number, run)
        elif known:
            parts = eip_of(known, run)
    obr.put(29, parts)


def _put_report(obr: Line, report: Node, run: Run) -> None:
    report.one("code").text("text")
    _put_parent_result(obr, report, run)
    begin, end = period_of(report.one("effectivePeriod"), run)
    obr.put(7, dtm_of(report, "effectiveDateTime", run) or begin)
    obr.put(8, end)
    obr.put(22, dtm_of(report, "issued", run))
    for category in report.all("category"):
        section = codes_of(category, _SECTION)
        if section and not obr.has(24):
            category.skip("coding", "text")
            obr.put(24, section[0])
        else:
            category.skip("coding", "text")
    obr.put(25, report_status(report, run))
    for each in report.all("resultsInterpreter"):
        obr.put(32, _ndl(each, run))
    for performer in report.all("performer"):
        function = performer.extension(f"{CORE}event-performerFunction").one("valueCodeableConcept")
        field = 35 if has_code(function, "TRANS") else 34
        function.skip("coding")
        kind = run.resolve(performer).peek("resourceType") if performer.has("reference") else ""
        if kind != "Organization":
            obr.put(field, _ndl(performer, run))
        else:
            run.done.add(run.resolve(performer).path)


def _put_parent_result(obr: Line, report: Node, run: Run) -> None:
    """OBR-26: the result of another report that these results are members of (its isolate)."""
    own = [run.resolve(each) for each in report.all("result")]
    for observation in run.of_type("Observation"):
        members = observation.all("hasMember")
        if observation in own or not any(run.refers(member, each) for member in members for each in own):
            continue
        sub_id = observation.extension(f"{CORE}observation-v2-subid").extension("original-sub-identifier")
        obr.put(26, {1: _sub(cwe_of(observation.one("code"), run)), 2: sub_id.text("valueString")})
        return


def _ndl(reference: Node, run: Run) -> dict[int, Part]:
    """Reference(PractitionerRole)[NDL]: who acted, when and where."""
    role = run.resolve(reference) if reference.has("reference") else EMPTY
    person = practitioner_of(reference, run)
    xcn = xcn_of_practitioner(person, run) if person else xcn_of(reference, run)
    hd = xcn.get(9, "")
    namespace, universal, kind = (*hd, "", "", "")[:3] if not isinstance(hd, str) else (hd, "", "")
    name = [_first(xcn.get(number, "")) for number in range(1, 8)]
    parts: dict[int, Part] = {1: _trimmed([*name, "", namespace, universal, kind])}
    begin, end = period_of(role.one("period"), run)
    parts[2], parts[3] = begin, end
    if role.has("location"):
        place = pl_of(role.one("location"), run)
        for number, component in {1: 4, 2: 5, 3: 6, 4: 7, 7: 9, 8: 10}.items():
            found = place.get(number, "")
            parts[component] = found
    return parts


def _first(part: Part) -> str:
    return part if isinstance(part, str) else next(iter(part), "")


def _trimmed(parts: list[str]) -> list[str]:
    while parts and not parts[-1]:
        parts.pop()
    return parts


def put_specimen_fields(obr: Line, specimen: Node, run: Run) -> None:
    """Specimen[OBR]: OBR-7 to OBR-15, where the version has no SPM or the specimen came from there."""
    collection = specimen.one("collection")
    if not obr.has(7):
        begin, end = period_of(collection.one("collectedPeriod"), run)
        obr.put(7, dtm_of(collection, "collectedDateTime", run) or begin)
        obr.put(8, end)
    collection.text("collectedDateTime")
    collection.one("collectedPeriod").skip("start", "end")
    obr.put(9, cq_of(collection.one("quantity")))
    if collection.has("collector"):
        obr.put(10, xcn_of(collection.one("collector"), run))
    fasting = cwe_of(collection.one("fastingStatusCodeableConcept"), run, "", "0916")
    obr.put(13, fasting)
    obr.put(14, dtm_of(specimen, "receivedTime", run))
    additive = specimen.one("container").one("additiveCodeableConcept")
    notes = [each.text("text") for each in specimen.all("note")]
    obr.put(
        15,
        {
            1: _sub(cwe_of(specimen.one("type"), run, "SpecimenType", "0070")),
            2: _sub(cwe_of(additive, run, "AdditivePreservative", "0371")),
            3: notes[0] if notes else "",
            4: _sub(cwe_of(collection.one("bodySite"), run, "BodySite", "0163")),
            6: _sub(cwe_of(specimen.one("condition"), run, "SpecimenCondition", "0493")),
        },
    )
    run.done.add(specimen.path)


def _sub(parts: dict[int, Part]) -> list[str]:
    return [str(parts.get(number, "")) for number in range(1, max(parts, default=0) + 1)]
