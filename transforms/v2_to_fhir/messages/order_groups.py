"""Orders and their results: the ORC, OBR, OBX, SPM, TQ1 and NTE of ORU, OUL, ORM, OML, OMG and their responses.

What belongs together is told by the order of the segments; feeds leave segments out and put them elsewhere, so each
handler takes what is open, and nothing is refused for its place.
"""

from __future__ import annotations

from schemas.fhir import Element, Resource
from transforms.elements import absent, add_extension, append, extension, put
from transforms.v2_to_fhir.extensions import V2_FIELD
from transforms.v2_to_fhir.messages.clinical import on_dg1
from transforms.v2_to_fhir.messages.common import on_pid, on_prt
from transforms.v2_to_fhir.order_group import OrderGroup
from transforms.v2_to_fhir.profiles_results import LABORATORY, put_report_profile
from transforms.v2_to_fhir.run import Run
from transforms.v2_to_fhir.segments.obr import has_specimen, obr_service_request, obr_specimen, parent_identifiers
from transforms.v2_to_fhir.segments.orc import orc_service_request
from transforms.v2_to_fhir.segments.order_numbers import number_key, order_key, put_alternate_numbers, put_order_numbers
from transforms.v2_to_fhir.segments.prt import prt_practitioner_role
from transforms.v2_to_fhir.segments.prt_result import prt_device, prt_observation_location
from transforms.v2_to_fhir.segments.rol import is_deleted
from transforms.v2_to_fhir.segments.spm import sac_specimen, spm_specimen
from transforms.v2_to_fhir.segments.tq1 import tq1_service_request
from transforms.v2_to_fhir.source import SourceSegment

_BETWEEN = ("NTE", "PRT", "ROL", "TQ1", "TQ2", "CTD", "BLG", "CTI")
"""What may stand between an ORC and its OBR."""
_DOCUMENT = ("OBX", "TXA")


def on_order_pid(pid: SourceSegment, run: Run) -> Resource:
    """PID: another patient, whose orders follow."""
    close_group(run)
    run.specimen = None
    run.results.clear()
    return on_pid(pid, run)


def obr_of(run: Run) -> SourceSegment | None:
    """The OBR of the ORC that is being handled, None where it has none."""
    between: set[str] = set()
    for segment in run.following():
        if segment.name == "OBR":
            # An OBX between them is the document of the order (HL7 v2.9, ORU_R01.ORDER_DOCUMENT), of which TXA tells.
            return segment if "OBX" not in between or "TXA" in between else None
        if segment.name not in (*_BETWEEN, *_DOCUMENT) and not segment.name.startswith("Z"):
            break
        between.add(segment.name)
    return None


def open_order(orc: SourceSegment | None, obr: SourceSegment | None, run: Run) -> Resource:
    """Begin an order: a ServiceRequest with its numbers, patient, visit and, where one is open already, specimen."""
    group = run.group = OrderGroup(orc, obr)
    order = run.order = run.latest = run.add("ServiceRequest", *order_key("ServiceRequest", orc, obr, run))
    put_order_numbers(order, orc, obr, run)
    put_alternate_numbers(order, orc, obr, run)
    for identifier in order.get("identifier", ()):
        run.requests.setdefault(number_key(identifier), order)
    order["status"] = "unknown"
    if orc is not None:
        orc_service_request(orc, run, order)
    order["subject"] = run.refer(run.patient) if run.patient is not None else absent("unknown")
    if run.encounter is not None:
        order["encounter"] = run.refer(run.encounter)
    if obr is not None:
        obr_service_request(obr, run, order, orc)
    _put_parents(order, obr, orc, run)
    if run.specimen is not None:
        group.specimens.append(run.specimen)
        group.has_spm = True
    if "code" not in order and run.options.profile != "none":
        order["code"] = absent("unknown")
    return order


def close_group(run: Run) -> None:
    """End the order that is open: what its specimen, its results and its report have of each other is known now."""
    group, report, order = run.group, run.report, run.order
    if group is None:
        return
    if group.obr is not None:
        _put_obr_specimen(group, group.obr, run)
    if group.collector is not None and group.specimens:
        group.specimens[0].setdefault("collection", {})["collector"] = group.collector
    references = [run.refer(each) for each in {each["id"]: each for each in group.specimens}.values()]
    if not references and group.parent is not None and "specimen" in group.parent:
        references = [group.parent["specimen"]]
    if report is not None:
        put(report, "specimen", references)
        for result in group.results:
            append(result, "basedOn", *report["basedOn"])
            if len(references) == 1:
                result.setdefault("specimen", references[0])
        put_report_profile(report, run)
    elif order is not None:
        put(order, "specimen", references)
    for specimen in group.specimens:
        put_specimen_profile(specimen, run)
    run.group = run.order = run.report = run.observation = None
    run.section = ""


def _put_obr_specimen(group: OrderGroup, obr: SourceSegment, run: Run) -> None:
    """What OBR says of the specimen: of the one that SPM describes, else of one of its own.

    The time of a laboratory's observation is when its specimen was taken (HL7 v2.9, 7.4.1.7).
    """
    owner = run.report or run.order
    is_taken = run.section == LABORATORY and group.parent is None and obr.has(7)
    if not (has_specimen(obr) or is_taken) or owner is None:
        return
    if not group.specimens:
        specimen = run.add("Specimen", owner["id"], "specimen")
        add_extension(specimen, extension(V2_FIELD, "valueString", "OBR-15"))
        group.specimens.append(specimen)
    obr_specimen(obr, run, group.specimens[0])


def put_specimen_profile(specimen: Resource, run: Run) -> None:
    """Supply what US Core wants of a Specimen."""
    if "type" not in specimen and run.options.profile != "none":
        specimen["type"] = absent("unknown")


def on_tq1(tq1: SourceSegment, run: Run) -> Resource | None:
    """TQ1: when the order is to be carried out."""
    if run.order is not None:
        tq1_service_request(tq1, run, run.order)
    return run.order


def on_spm(spm: SourceSegment, run: Run) -> Resource:
    """SPM: a specimen of the order that is open, or, before any order, of those that follow.

    In messages that go by specimen (OUL^R22, OML^O33) the next SPM ends the orders of the last one.
    """
    if run.specimen is not None:
        close_group(run)
    specimen = run.latest = spm_specimen(spm, run)
    if run.group is None:
        run.specimen = specimen
    else:
        run.group.specimens.append(specimen)
        run.group.has_spm = True
    put_specimen_profile(specimen, run)
    return specimen


def on_sac(sac: SourceSegment, run: Run) -> Resource:
    """SAC: the container of the specimen that is open, or a specimen of which no more is told."""
    known = run.group.specimens if run.group is not None else []
    specimen = sac_specimen(sac, run, known[-1] if known else run.specimen)
    if not known and run.group is not None:
        run.group.specimens.append(specimen)
    elif run.specimen is None and run.group is None:
        run.specimen = specimen
    run.latest = specimen
    put_specimen_profile(specimen, run)
    return specimen


def on_order_dg1(dg1: SourceSegment, run: Run) -> Resource | None:
    """DG1: a diagnosis; behind an order, why it was ordered."""
    condition = on_dg1(dg1, run)
    if condition is not None and run.order is not None:
        append(run.order, "reasonReference", run.refer(condition))
    return condition


def on_order_prt(prt: SourceSegment, run: Run) -> Resource | None:
    """PRT: who took part in what is before it, with which device, where."""
    if run.group is None and run.observation is None:
        return on_prt(prt, run)
    target = run.latest if run.latest is not None else run.order
    if target is None or is_deleted(prt, 2, run):
        return target
    if target["resourceType"] == "Observation":
        return _put_participation(target, prt, run)
    role = prt_practitioner_role(prt, run)
    if role is None or run.group is None:
        return target
    _put_role(role, prt, run, run.group)
    return role


def on_beside(segment: SourceSegment, run: Run) -> Resource | None:
    """A segment that no map reads: kept with what it stands behind."""
    return run.latest or run.order or run.patient


def put_focus(run: Run, *types: str) -> None:
    """Put the resources of these types into the focus of the header, behind the patient and the visit."""
    focus = run.header.setdefault("focus", [])
    known = {each["reference"] for each in focus}
    references = (run.refer(each) for each in run.resources if each["resourceType"] in types)
    focus += [each for each in references if each["reference"] not in known]
    if not focus:
        del run.header["focus"]


def is_about_specimen(run: Run) -> bool:
    """Whether an OBX here is about the specimen: behind an SPM whose order has results already, or before any order."""
    if run.group is None:
        return run.specimen is not None
    return run.group.has_spm and run.specimen is None and bool(run.group.results)


def _put_participation(observation: Resource, prt: SourceSegment, run: Run) -> Resource:
    if prt.has(10) or prt.has(16):
        device = prt_device(prt, run)
        if device is not None:
            observation.setdefault("device", device)
    if prt.has(9) or (prt.has(14) and not prt.has(5)):
        prt_observation_location(prt, run, observation)
    if not prt.has(5):
        return observation
    role = prt_practitioner_role(prt, run)
    if role is None:
        return observation
    append(observation, "performer", run.refer(role))
    return role


def _put_role(role: Resource, prt: SourceSegment, run: Run, group: OrderGroup) -> None:
    """Put the role that PRT-4 (table 0912) names into the order, the report or the specimen that it belongs to."""
    kind = prt.first(4)
    code = kind.peek(1) if kind is not None else ""
    reference = run.refer(role)
    if code == "SC":
        group.collector = reference
    elif code == "OP" and run.order is not None:
        run.order["requester"] = reference
    elif code == "PRI" and run.report is not None:
        append(run.report, "resultsInterpreter", reference)
    elif run.report is not None:
        append(run.report, "performer", reference)
    elif run.order is not None:
        append(run.order, "performer", reference)


def _put_parents(order: Resource, obr: SourceSegment | None, orc: SourceSegment | None, run: Run) -> None:
    """The order that this one comes from: by its numbers, and the ServiceRequest where the message has it."""
    identifiers = parent_identifiers(obr, orc, run)
    if not identifiers:
        return
    known = run.requests.get(number_key(identifiers[-1]))
    known = known if known is not order else None
    for identifier in identifiers:
        reference: Element = {"type": "ServiceRequest", "identifier": identifier}
        append(order, "basedOn", {**run.refer(known), **reference} if known is not None else reference)
