"""MSH: who sends what to whom, from MessageHeader, Bundle and Provenance."""

from __future__ import annotations

import re

from schemas.codes import concept_map
from schemas.hl7v2 import timestamp
from transforms.elements import OWN
from transforms.fhir_node import EMPTY, Node
from transforms.fhir_to_v2.datatypes.authorities import Hd, assigner_hd, system_hd, xon_of
from transforms.fhir_to_v2.datatypes.codes import cwe_of_coding
from transforms.fhir_to_v2.datatypes.times import dtm_of
from transforms.fhir_to_v2.event import Event
from transforms.fhir_to_v2.line import Line, Part
from transforms.fhir_to_v2.run import Run
from transforms.v2_to_fhir.segments.msh import MESSAGE

_PROCESSING = "http://terminology.hl7.org/CodeSystem/v2-0103"
_MODE = "http://terminology.hl7.org/CodeSystem/v2-0207"
_SOURCE_NAME = re.compile(r"(.*) - (\w*):(.+)\Z", re.DOTALL)


def msh_of(header: Node, event: Event, run: Run) -> Line:
    """MessageHeader[MSH]."""
    options = run.options
    msh = run.line("MSH", header)
    source = header.one("source")
    application, address = _application(source)
    msh.put(3, options.sending_application or _hd(application))
    msh.put(4, options.sending_facility or _hd(assigner_hd(header.one("sender"), run)))
    _put_destinations(msh, header, run)
    msh.put(7, _sent(run))
    for security in header.one("meta").all("security"):
        _put_security(msh, security, run)
    msh.put(9, {1: event.message_type, 2: event.trigger_event, 3: "" if run.before(2, 3, 1) else event.structure})
    msh.put(10, control_id(header, run))
    _put_processing(msh, header, run)
    msh.put(12, options.version)
    msh.put(17, _country(header, run))
    msh.put(18, options.charset)
    msh.put(19, header.text("language"))
    for profile in header.extensions(f"{OWN}v2-profile"):
        msh.put(21, _profile(profile.one("valueIdentifier")))
    if header.has("responsible"):
        msh.put(22, xon_of(header.one("responsible"), run))
    if any(address):
        msh.put(24, _hd(address))
    return msh


def control_id(header: Node, run: Run) -> str:
    """MSH-10: the site's, the Bundle's identifier, the source message's own, the header's id, else a hash of it all.

    The same resource gives the same id, so that a receiver can drop a repeat.
    """
    if run.options.control_id:
        return run.options.control_id
    identifier = run.bundle.one("identifier")
    value = identifier.text("value")
    if value:
        identifier.text("system")
        return value
    for what in (entity.one("what") for each in run.of_type("Provenance") for entity in each.all("entity")):
        if what.one("identifier").peek("system").startswith(MESSAGE):
            return what.one("identifier").text("value")
    own = header.text("id")
    if own:
        return own if len(own) <= (20 if run.before(2, 7) else 199) else own.replace("-", "")[:20]
    return run.digest[:20]


def _application(source: Node) -> tuple[Hd, Hd]:
    """The sending application and, where it is another, the network address."""
    name, software, endpoint = source.text("name"), source.text("software"), source.text("endpoint")
    old = _SOURCE_NAME.match(name)
    if old is not None and software == old[3]:
        return (old[1], old[3], old[2]), ("", "", "")
    universal = system_hd(endpoint.replace("urn:uri:", "", 1)) if endpoint else ("", "", "")
    if universal[2] in ("ISO", "UUID", "DNS") or (universal[1] and universal[1] == software):
        return (name, *universal[1:]), ("", "", "")
    if software and not endpoint and not source.has("version"):
        return (name, software, ""), ("", "", "")
    return (name, "", ""), universal


def _put_destinations(msh: Line, header: Node, run: Run) -> None:
    options = run.options
    destinations = header.all("destination")
    first = destinations[0] if destinations else EMPTY
    endpoint = first.text("endpoint")
    name = first.text("name")
    universal = system_hd(endpoint) if endpoint else ("", "", "")
    if universal[0]:
        universal = ("", universal[0], "")
    is_address = universal[2] == "URI"
    msh.put(5, options.receiving_application or _hd((name, "", "") if is_address else (name, *universal[1:])))
    facilities = [_hd(assigner_hd(each.one("receiver"), run)) for each in destinations if each.has("receiver")]
    msh.put(6, *([options.receiving_facility] if options.receiving_facility else facilities))
    if is_address:
        msh.put(25, _hd(universal))


def _sent(run: Run) -> str:
    """MSH-7: when the message was sent."""
    if run.bundle.has("timestamp") or run.bundle.has("_timestamp"):
        return dtm_of(run.bundle, "timestamp", run)
    for each in run.of_type("Provenance"):
        if each.one("activity").one("coding").peek("display").startswith("message - "):
            found = dtm_of(each, "occurredDateTime", run)
            if found:
                return found
    return timestamp(run.now)


def _put_security(msh: Line, security: Node, run: Run) -> None:
    if security.has("code"):
        confidential = "Confidentiality" in security.peek("system")
        msh.put(26 if confidential else 27, cwe_of_coding(security, run))
    else:
        msh.put(8, security.text("display"))


def _put_processing(msh: Line, header: Node, run: Run) -> None:
    parts: dict[int, str] = {1: run.options.processing_id, 2: ""}
    for tag in header.one("meta").all("tag"):
        for number, system in ((1, _PROCESSING), (2, _MODE)):
            if tag.peek("system") == system:
                tag.skip("system", "display")
                parts[number] = parts[number] or tag.text("code")
    msh.put(11, {**parts, 1: parts[1] or "P"})


def _country(header: Node, run: Run) -> str:
    sender = run.resolve(header.one("sender")) if header.one("sender").has("reference") else EMPTY
    country = sender.one("address").text("country")
    return concept_map("CountryCode").back_code(country) or country


def _profile(identifier: Node) -> dict[int, Part]:
    universal = system_hd(identifier.text("system")) if identifier.has("system") else ("", "", "")
    return {
        1: identifier.text("value"),
        2: identifier.one("assigner").text("display"),
        3: universal[1],
        4: universal[2],
    }


def _hd(parts: Hd) -> dict[int, Part]:
    return {1: parts[0], 2: parts[1], 3: parts[2]}
