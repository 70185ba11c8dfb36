"""OBX: one observation, its value and what is to be known about it."""

from __future__ import annotations

from schemas.fhir import Element, Resource
from transforms.elements import ALTERNATE_CODES, CORE, R5, absent, add_extension, append, coded, extension
from transforms.v2_to_fhir.datatypes.addresses import xad_address
from transforms.v2_to_fhir.datatypes.annotations import lines
from transforms.v2_to_fhir.datatypes.attachments import ed_document_reference, rp_document_reference, text_attachment
from transforms.v2_to_fhir.datatypes.authorities import refer_xon, xon_organization_resource
from transforms.v2_to_fhir.datatypes.codes import cwe_codeable_concept, put_code
from transforms.v2_to_fhir.datatypes.entities import cwe_organization, ei_device, og_extension_subidentifier
from transforms.v2_to_fhir.datatypes.identifiers import ei_identifier, eip_identifiers, identifier_key
from transforms.v2_to_fhir.datatypes.people import practitioner_role, xcn_practitioner, xcn_practitioner_role
from transforms.v2_to_fhir.datatypes.times import put_field_time
from transforms.v2_to_fhir.elements import append_each, of_field, put_first
from transforms.v2_to_fhir.encoded import in_standard
from transforms.v2_to_fhir.extensions import kept_element
from transforms.v2_to_fhir.profiles_results import put_category, put_observation_profile
from transforms.v2_to_fhir.run import Run
from transforms.v2_to_fhir.segments.obx_value import TEXTS, put_reference_range, put_value, put_value_type
from transforms.v2_to_fhir.segments.spm import specimen_of
from transforms.v2_to_fhir.source import SourceSegment

STATUS = "http://terminology.hl7.org/CodeSystem/v2-0085"
OBSERVATION_TYPE = "http://terminology.hl7.org/CodeSystem/v2-0936"
_OBSERVER = coded("http://terminology.hl7.org/CodeSystem/v2-0912", "RO", "Responsible Observer")
_DIRECTOR = coded("http://terminology.hl7.org/CodeSystem/v2-0912", "MDIR", "Medical Director")
_BEYOND_GUIDE = {
    "B": "amended",
    "I": "registered",
    "N": "cancelled",
    "O": "registered",
    "R": "preliminary",
    "S": "preliminary",
    "U": "final",
    "V": "final",
}
"""The statuses (table 0085) for which the guide has no row: the nearest of FHIR's, the sender's stands beside it."""


def obx_observation(obx: SourceSegment, run: Run, more: list[SourceSegment] | None = None) -> Resource:
    """OBX[Observation]; `more` are the OBX that go on with its text (see `text_lines`).

    It is about the patient, of the encounter and, by its times and its kind, of the report that are open.
    """
    identifier = ei_identifier(obx.first(21), run, "FILL") if obx.has(21) else None
    observation = run.add("Observation", *observation_key(obx, identifier, run))
    if identifier is not None:
        observation["identifier"] = [identifier]
    put_status(observation, obx, run)
    observation["code"] = cwe_codeable_concept(obx.first(3), run, obx.where(3)) or absent("unknown")
    put_category(observation, obx, run)
    if run.patient is not None:
        observation["subject"] = run.refer(run.patient)
    if run.encounter is not None:
        observation["encounter"] = run.refer(run.encounter)
    _put_time(observation, obx, run)
    _put_performers(observation, obx, run)
    put_value(observation, obx, more or [], run)
    append_each(
        observation, "interpretation", obx, 8, run, cwe_codeable_concept, codes="InterpretationCodes", table="0078"
    )
    put_first(observation, "bodySite", obx, 20, run, cwe_codeable_concept)
    put_first(observation, "method", obx, 17, run, cwe_codeable_concept)
    if obx.has(18):
        device = ei_device(obx.first(18), run)
        if device is not None:
            observation["device"] = device
    if obx.has(33):
        _put_specimens(observation, obx, run)
    put_reference_range(observation, obx)
    put_value_type(observation, obx, run)
    _put_extensions(observation, obx, run)
    put_observation_profile(observation, run)
    return observation


obx_observation_component = obx_observation
"""OBX[Observation-Component]: the same map; `put_value` makes each repetition of OBX-5 a component."""


def obx_document_reference(obx: SourceSegment, run: Run, document: Resource, more: list[SourceSegment]) -> None:
    """OBX[DocumentReference]: what a document holds, or where it lies; `more` go on with its text (`text_lines`)."""
    kind = obx.text(2)
    if kind in ("ED", "RP"):
        convert = ed_document_reference if kind == "ED" else rp_document_reference
        for value in obx[5]:
            append(document, "content", convert(value, run, obx.where(5)))
        return
    text = lines([value for each in (obx, *more) for value in each.all(5)])
    if text.strip():
        append(document, "content", {"attachment": text_attachment(text)})


def text_lines(obx: SourceSegment, run: Run) -> list[SourceSegment]:
    """The OBX that follow at once and go on with the text of `obx`: TX or FT of the same OBX-3, or of none.

    A line that says more than its text (another status, another time) is an observation of its own. What they say
    again is marked as read, and OBX-4 where it counts the lines.
    """
    kind = obx.raw(2)
    if kind not in TEXTS:
        return []
    found = []
    for following in run.following():
        if following.name != "OBX" or following.raw(2) != kind or not _goes_on(obx, following):
            break
        found.append(following)
    for line in found:
        line.mark(2, 3, *range(6, 34))
        if line.raw(4) in (obx.raw(4), ""):
            line.mark(4)
    return found


def observation_key(obx: SourceSegment, identifier: Element | None, run: Run) -> tuple[str, ...]:
    """What identifies an observation: OBX-21, else its order, patient or message; with OBX-3, OBX-4 and how often."""
    code = obx.first(3)
    told = (_code(obx), obx.raw(4)) if code is not None else ("", obx.raw(4))
    key: tuple[str, ...]
    if identifier is not None:
        key = (*identifier_key(identifier, run), *told)
    elif run.report is not None:
        key = (run.report["id"], *told)
    elif run.order is not None:
        key = (run.order["id"], *told)
    elif run.patient is not None and obx.has(14):
        key = (run.patient["id"], *told, obx.raw(14))
    else:
        key = (run.sender, run.control_id, run.patient["id"] if run.patient is not None else "", *told)
    number = run.count("\x1f".join(("OBX", *key)))
    return key if number == 1 else (*key, str(number))


def put_status(observation: Resource, obx: SourceSegment, run: Run) -> None:
    """Put OBX-11 into the Observation as its status."""
    code = obx.text(11)
    nearest = _BEYOND_GUIDE.get(code)
    if nearest is not None:
        observation["status"] = nearest
    elif code:
        put_code(observation, "status", code, "ObservationResultStatusCodesInterpretation", run, obx.where(11), "0085")
    observation.setdefault("status", "unknown")
    if nearest is not None or code == "X":
        original = extension(ALTERNATE_CODES, "valueCodeableConcept", coded(STATUS, code))
        observation["_status"] = {"extension": [original]}


def _code(obx: SourceSegment) -> str:
    code = obx.first(3)
    return "" if code is None else code.peek(1) or code.peek(2) or code.peek(4)


def _goes_on(first: SourceSegment, line: SourceSegment) -> bool:
    if line.raw(3) not in ("", first.raw(3)):
        return False
    return all(line.raw(field) in ("", first.raw(field)) for field in range(6, 34))


def _put_time(observation: Resource, obx: SourceSegment, run: Run) -> None:
    """OBX-14; where it is absent, the time of the report holds for its results (HL7 v2.9, 7.4.2.14)."""
    if obx.has(14):
        put_field_time(observation, "effectiveDateTime", obx, 14, run)
    elif run.report is not None:
        for name in ("effectiveDateTime", "_effectiveDateTime", "effectivePeriod"):
            if name in run.report:
                observation[name] = run.report[name]


def _put_performers(observation: Resource, obx: SourceSegment, run: Run) -> None:
    for value in obx[16]:
        append(observation, "performer", xcn_practitioner_role(value, run, obx.where(16), _OBSERVER))
    if obx.has(15):
        append(observation, "performer", of_field(cwe_organization(obx.first(15), run), obx, 15))
    if obx.has(23) or obx.has(25):
        append(observation, "performer", _performing_organization(observation, obx, run))


def _performing_organization(observation: Resource, obx: SourceSegment, run: Run) -> Element | None:
    """OBX-23 with its address (OBX-24); where OBX-25 names its medical director, his role in it."""
    found = xon_organization_resource(obx.first(23), run)
    organization: Element | None = None
    if found is not None:
        address = xad_address(obx.first(24), run, obx.where(24))
        append(found, "address", address)
        if address is not None and address != found["address"][0]:
            text = in_standard(run.er7.decode_wire(obx.raw(24)), run.er7.delimiters)
            add_extension(observation, kept_element(obx.where(24), text))
        organization = refer_xon(found, obx[23][0], run)
    director = xcn_practitioner(obx.first(25), run, obx.where(25))
    if director is None:
        return organization
    return practitioner_role(director, run, _DIRECTOR, organization=organization)


def _put_specimens(observation: Resource, obx: SourceSegment, run: Run) -> None:
    values = obx[33]
    specimens = [specimen_of(eip_identifiers(value, run), run) for value in values]
    references = [run.refer(each) for each in specimens if each is not None]
    if len(references) == 1:
        observation["specimen"] = references[0]
        return
    for reference in references:
        add_extension(observation, extension(f"{R5}Observation.specimen", "valueReference", reference))


def _put_extensions(observation: Resource, obx: SourceSegment, run: Run) -> None:
    sub = obx.first(4)
    if sub is not None:
        found = og_extension_subidentifier(sub, run, obx.where(4))
        if found is not None:
            add_extension(observation, found)
    for value in obx[10]:
        nature = cwe_codeable_concept(value, run, obx.where(10), "NatureOfAbnormalTesting", "0080")
        if nature is not None:
            url = f"{CORE}observation-nature-of-abnormal-test"
            add_extension(observation, extension(url, "valueCodeableConcept", nature))
    if obx.has(19):
        held: Element = {}
        put_field_time(held, "valueDateTime", obx, 19, run)
        add_extension(observation, {"url": f"{CORE}observation-analysis-date-time", **held})
    kind = obx.text(30)
    if kind:
        concept = coded("http://terminology.hl7.org/CodeSystem/v2-0937", kind)
        add_extension(observation, extension(f"{CORE}observation-structure-type", "valueCodeableConcept", concept))
