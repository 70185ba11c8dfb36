"""MSH: who sends what to whom, as MessageHeader, Bundle and Provenance."""

from __future__ import annotations

import re

from schemas.codes import concept_map
from schemas.fhir import Element, Resource
from transforms.elements import absent, add_extension, append, coded, extension, put
from transforms.moments import moment
from transforms.v2_to_fhir.datatypes.authorities import hd_organization, universal_uri, xon_organization
from transforms.v2_to_fhir.datatypes.codes import cwe_coding
from transforms.v2_to_fhir.datatypes.identifiers import hd_identifier
from transforms.v2_to_fhir.datatypes.times import put_date_time, put_instant
from transforms.v2_to_fhir.encoded import in_standard
from transforms.v2_to_fhir.extensions import kept_element
from transforms.v2_to_fhir.run import Run
from transforms.v2_to_fhir.source import SourceSegment, Value
from transforms.v2_to_fhir.version import TRANSFORMATION

EVENT = "http://terminology.hl7.org/CodeSystem/v2-0003"
AGENT_TYPE = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
ACTIVITY = "http://hl7.org/fhir/uv/v2mappings/CodeSystem/provenance-activity-type-v2-to-fhir"
MESSAGE = "urn:hie-engine:message:"
"""What the system of a sender's message control ids begins with."""
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*\Z", re.ASCII)
_SCHEMES = {"ISO": "urn:oid:", "UUID": "urn:uuid:", "DNS": "urn:dns:", "URI": "urn:uri:"}

_STATUS_AFTER = {
    "A03": "finished",
    "A05": "planned",
    "A11": "cancelled",
    "A12": "in-progress",
    "A13": "in-progress",
    "A14": "planned",
    "A21": "onleave",
    "A22": "in-progress",
    "A23": "entered-in-error",
    "A27": "cancelled",
    "A38": "cancelled",
    "A52": "in-progress",
    "A53": "onleave",
}
"""The status of a visit after an event that decides it; after any other the class and the times of PV1 do."""


def msh_bundle(msh: SourceSegment, bundle: Resource, run: Run) -> None:
    """MSH[Bundle]: identifier and time; the type is the site's choice."""
    control_id = msh.text(10)
    if control_id:
        bundle["identifier"] = {"system": f"{MESSAGE}{run.sender_uri}", "value": control_id}
    put_instant(bundle, "timestamp", msh.text(7), run, msh.where(7))


def msh_message_header(msh: SourceSegment, run: Run) -> Resource:
    """MSH[MessageHeader]."""
    header = run.add("MessageHeader", run.sender, run.control_id)
    kind = msh.first(9)
    if kind is not None:
        header["eventCoding"] = msg_coding(kind, run)
    put(header, "destination", _destinations(msh, run))
    put(header, "sender", hd_organization(msh.first(4), run))
    put(header, "responsible", xon_organization(msh.first(22), run))
    header["source"] = _source(msh)
    _put_meta(header, msh, run)
    language = msh.first(19)
    if language is not None and _LANGUAGE.match(language.peek(1)):
        header["language"] = language[1]
    country = msh.text(17) if "sender" in header else ""
    if country:
        codes = concept_map("CountryCode").find(country)
        append(run.referred(header["sender"]), "address", {"country": codes[0].code if codes else country})
    if any(msh.has(field) for field in (23, 24, 25)):
        # Names and addresses share an element: it does not say which of them was which.
        for field in (3, 5, 23, 24, 25):
            if msh.has(field):
                text = in_standard(run.er7.decode_wire(msh.raw(field)), run.er7.delimiters)
                add_extension(header, kept_element(msh.where(field), text))
                for value in msh[field]:
                    value.whole()
    for profile in msh[21]:
        add_extension(header, extension("urn:hie-engine:v2-profile", "valueIdentifier", _profile(profile)))
    return header


def msh_encounter(run: Run) -> str:
    """MSH[Encounter]: the status of a visit that the trigger event says, "" where it leaves it to PV1."""
    return _STATUS_AFTER.get(run.trigger_event, "") if run.message_type == "ADT" else ""


def msg_coding(msg: Value, run: Run) -> Element:
    """MSG[Coding]: the trigger event, shown with type and structure."""
    kind = msg[1].partition("_")[0]
    return {**coded(EVENT, run.trigger_event or kind)["coding"][0], "display": _shown(msg)}


def _shown(msg: Value) -> str:
    """Type, event and structure of a message as MSH-9 has them, each in its place: `ORU^^ORU_R01` without an event."""
    kind, _, old_event = msg[1].partition("_")
    return "^".join((kind, msg[2] or old_event, msg[3])).rstrip("^")


def pt_meta(pt: Value, meta: Element) -> None:
    """PT[Meta]: production, training or debugging as tags."""
    for number, system, codes in ((1, "v2-0103", "ProcessingID"), (2, "v2-0207", "ProcessingMode")):
        code = pt[number]
        if code:
            found = concept_map(codes).find(code)
            tag = coded(f"http://terminology.hl7.org/CodeSystem/{system}", code)["coding"][0]
            if found and found[0].display:
                tag["display"] = found[0].display
            append(meta, "tag", tag)


def msh_provenance_source(msh: SourceSegment, run: Run, targets: list[Element]) -> Resource:
    """MSH[Provenance-Source]: where the message came from."""
    provenance = run.add("Provenance", run.sender, run.control_id, "source")
    provenance["target"] = targets
    put_date_time(provenance, "occurredDateTime", msh.text(7), run, msh.where(7))
    provenance["recorded"] = _recorded(msh, run)
    kind = msh.first(9)
    shown = _shown(kind) if kind is not None else ""
    provenance["activity"] = {"coding": [{"display": f"message - {shown}"}]}
    author = xon_organization(msh.first(22), run) or hd_organization(msh.first(4), run)
    agent: Element = {"type": coded(AGENT_TYPE, "author")}
    agent["who"] = author or {"display": "the sending facility, which the message does not name"}
    provenance["agent"] = [agent]
    provenance["entity"] = [{"role": "source", "what": _message(run)}]
    for number, software in enumerate(run.software):
        provenance["entity"].append({"role": "derivation" if number else "source", "what": software})
    application = msh.first(3)
    if application is not None and msh.has(24):
        identifier = hd_identifier(application)
        if identifier is not None:
            provenance["entity"].append({"role": "source", "what": {"identifier": identifier}})
    return provenance


def msh_provenance_transformation(msh: SourceSegment, run: Run, targets: list[Element]) -> Resource:
    """MSH[Provenance-Transformation]: that this engine made these resources, and by which version of its maps."""
    provenance = run.add("Provenance", run.sender, run.control_id, "transformation")
    provenance["target"] = targets
    provenance["recorded"] = _recorded(msh, run)
    provenance["activity"] = coded(ACTIVITY, "v2-fhir-transformation")
    provenance["agent"] = [{"type": coded(AGENT_TYPE, "assembler"), "who": {"display": TRANSFORMATION}}]
    provenance["entity"] = [{"role": "source", "what": _message(run)}]
    return provenance


def msh_provenance_operator(msh: SourceSegment, provenance: Resource, run: Run) -> None:
    """MSH[Provenance-Operator]: who did what the event tells of, where EVN-5 does not say."""
    operator = xon_organization(msh.first(22), run) or hd_organization(msh.first(4), run)
    if operator is not None:
        provenance["agent"] = [{"who": operator}]


def hd_message_header_source_name(hd: Value, element: Element) -> None:
    """HD[MessageHeader.source-name]."""
    put(element, "name", hd[1])
    put(element, "software", hd[2])


def hd_message_header_source_endpoint(hd: Value, element: Element) -> None:
    """HD[MessageHeader.source-endpoint]."""
    scheme = _SCHEMES.get(hd[3])
    if hd.has(2) and scheme is not None:
        element["endpoint"] = scheme + hd[2]
        return
    if hd.has(2):
        element["name"] = f"{hd[1]} - {hd[3]}:{hd[2]}"
    else:
        element.setdefault("name", hd[1])
    element["_endpoint"] = absent("unknown")


def hd_message_header_destination_name(hd: Value, element: Element) -> None:
    """HD[MessageHeader.destination-name]."""
    put(element, "name", hd[1] or hd[2])


def hd_message_header_destination_endpoint(hd: Value, element: Element) -> None:
    """HD[MessageHeader.destination-endpoint]."""
    put(element, "name", hd[1])
    if hd.has(2):
        element["endpoint"] = universal_uri(hd[2], hd[3]) or hd[2]
    else:
        element["_endpoint"] = absent("unknown")


def _source(msh: SourceSegment) -> Element:
    element: Element = {}
    application, address = msh.first(3), msh.first(24)
    if application is not None:
        hd_message_header_source_name(application, element)
    endpoint = address or application
    if endpoint is not None:
        hd_message_header_source_endpoint(endpoint, element)
    else:
        element["_endpoint"] = absent("unknown")
    return element


def _destinations(msh: SourceSegment, run: Run) -> list[Element]:
    application, address = msh.first(5), msh.first(25)
    responsible = msh.first(23)
    receivers = [xon_organization(responsible, run)] if responsible is not None else []
    if not receivers:
        receivers = [hd_organization(facility, run) for facility in msh[6]]
    if application is None and address is None and not any(receivers):
        return []
    first: Element = {}
    if application is not None:
        if address is not None:
            hd_message_header_destination_name(application, first)
        else:
            hd_message_header_destination_endpoint(application, first)
    if address is not None:
        hd_message_header_destination_endpoint(address, first)
    if "endpoint" not in first:
        first["_endpoint"] = absent("unknown")
    others: list[Element] = [
        {"_endpoint": absent("unknown"), "receiver": receiver} for receiver in receivers[1:] if receiver is not None
    ]
    if receivers and receivers[0] is not None:
        first["receiver"] = receivers[0]
    return [first, *others]


def _put_meta(header: Resource, msh: SourceSegment, run: Run) -> None:
    meta: Element = {}
    processing = msh.first(11)
    if processing is not None:
        pt_meta(processing, meta)
    security = msh.text(8)
    if security:
        append(meta, "security", {"display": security})
    for field, codes, table in (
        (26, "ConfidentialityClassification", "0952"),
        (27, "SecurityLabelHandlingInstructions", "0953"),
    ):
        for value in msh[field]:
            append(meta, "security", cwe_coding(value, run, msh.where(field), codes, table))
    put(header, "meta", meta)


def recorded(run: Run) -> str:
    """When the message was sent, as an instant; where it does not say so exactly, when it was received."""
    return _recorded(run.segments[0], run)


def _profile(ei: Value) -> Element:
    element: Element = {"value": ei[1]}
    uri = universal_uri(ei[3], ei[4])
    if uri:
        element["system"] = uri
    if ei.has(2):
        element["assigner"] = {"display": ei[2]}
    return element


def _recorded(msh: SourceSegment, run: Run) -> str:
    """When the message was sent, as an instant; where it does not say so exactly, when it was received."""
    sent = moment(msh.text(7), run.zone).text
    return sent if "T" in sent else run.now.isoformat()


def _message(run: Run) -> Element:
    """The message itself, as the journal and its sender know it."""
    return {"identifier": {"system": f"{MESSAGE}{run.sender_uri}", "value": run.control_id or "unknown"}}
