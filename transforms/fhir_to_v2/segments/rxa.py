"""RXA and RXR: an immunization, given or not."""

from __future__ import annotations

from transforms.elements import OWN
from transforms.fhir_node import EMPTY, Node
from transforms.fhir_to_v2.datatypes.addresses import xad_of
from transforms.fhir_to_v2.datatypes.codes import code_of, cwe_of, cwe_of_coding, has_code
from transforms.fhir_to_v2.datatypes.entities import cwe_of_organization
from transforms.fhir_to_v2.datatypes.identifiers import ei_of, ei_subcomponents, of_type
from transforms.fhir_to_v2.datatypes.locations import hd_of_location, pl_of
from transforms.fhir_to_v2.datatypes.people import xcn_of
from transforms.fhir_to_v2.datatypes.quantities import units_of
from transforms.fhir_to_v2.datatypes.times import dtm_of
from transforms.fhir_to_v2.line import Line, Part, Parts
from transforms.fhir_to_v2.run import Run
from transforms.fhir_to_v2.segments.orc import FILLER, PLACER, order_number, put_agents

_ORDERING = "OP"
_CODES = {
    "64994-7": "Vaccine funding program eligibility category",
    "30963-3": "Vaccine funding source",
    "69764-9": "Document type",
    "30956-7": "Vaccine type",
    "29768-9": "Date vaccine information statement published",
    "29769-7": "Date vaccine information statement presented",
    "30973-2": "Dose number in series",
}
"""The parts of an immunization that CDC's guide 1.5 has an OBX for (LOINC)."""


def orc_of_immunization(immunization: Node, run: Run) -> Line:
    """Immunization[ORC]: RE, for what was done."""
    orc = run.line("ORC", immunization)
    orc.put(1, "RE")
    orc.put(2, ei_of(order_number(immunization, *PLACER), run))
    filler = order_number(immunization, *FILLER)
    plain = next((each for each in immunization.all("identifier") if not each.has("type")), EMPTY)
    orc.put(3, ei_of(filler if filler else (plain if plain.peek("value") != orc.text(2) else EMPTY), run))
    group = [ei_subcomponents(of_type(immunization, kind), run) for kind in ("PGN", "FGN")]
    if any(group):
        orc.put(4, {1: group[0], 2: group[1]} if group[1] else dict(enumerate(group[0], 1)))
    for performer in immunization.all("performer"):
        if has_code(performer.one("function"), _ORDERING):
            performer.one("function").skip("coding")
            orc.put(12, xcn_of(performer.one("actor"), run))
    for each in immunization.one("meta").all("security"):
        orc.put(28, cwe_of_coding(each, run, "ConfidentialityCode", "0177"))
    put_agents(orc, immunization, run)
    orc.put(9, dtm_of(immunization, "recorded", run))
    return orc


def rxa_of(immunization: Node, run: Run) -> Line:
    """Immunization[RXA]."""
    rxa = run.line("RXA", immunization)
    rxa.put(1, "0")
    rxa.put(2, "1")
    when = dtm_of(immunization, "occurrenceDateTime", run) or immunization.text("occurrenceString")
    rxa.put(3, "" if when == "unknown" else when)
    rxa.put(4, "" if when == "unknown" else when)
    rxa.put(5, cwe_of(immunization.one("vaccineCode"), run))
    dose = immunization.one("doseQuantity")
    rxa.put(6, dose.text("value") or "999")
    rxa.put(7, units_of(dose))
    _put_source(rxa, immunization, run)
    for performer in immunization.all("performer"):
        if not has_code(performer.one("function"), _ORDERING):
            performer.one("function").skip("coding", "text")
            rxa.put(10, xcn_of(performer.one("actor"), run))
    _put_place(rxa, immunization, run)
    rxa.put(15, immunization.text("lotNumber"))
    rxa.put(16, dtm_of(immunization, "expirationDate", run))
    if immunization.has("manufacturer"):
        rxa.put(17, cwe_of_organization(immunization.one("manufacturer"), run))
    rxa.put(18, cwe_of(immunization.one("statusReason"), run))
    rxa.put(19, *(cwe_of(each, run) for each in immunization.all("reasonCode")))
    _put_status(rxa, immunization, run)
    rxa.put(22, dtm_of(immunization, "recorded", run))
    return rxa


def rxr_of(immunization: Node, run: Run) -> Line | None:
    """Immunization[RXR], where the route or the site is known."""
    rxr = Line("RXR", immunization)
    rxr.put(1, cwe_of(immunization.one("route"), run, "RouteOfAdministration", "0162"))
    rxr.put(2, cwe_of(immunization.one("site"), run, "BodyParts", "0163"))
    return run.append(rxr)


def obxs_of_immunization(immunization: Node, run: Run) -> None:
    """Immunization[OBX]: eligibility, funding, statements given to the patient, the number of the dose."""
    for each in immunization.all("programEligibility"):
        _obx(immunization, "64994-7", cwe_of(each, run, "", "0064"), "1", run)
    if immunization.has("fundingSource"):
        _obx(immunization, "30963-3", cwe_of(immunization.one("fundingSource"), run), "1", run)
    for number, education in enumerate(immunization.all("education"), 2):
        _education(immunization, education, str(number), run)
    for each in immunization.all("protocolApplied"):
        dose = each.text("doseNumberPositiveInt") or each.text("doseNumberString")
        if dose:
            _obx(immunization, "30973-2", dose, "1", run, "NM" if dose.isdecimal() else "ST")


def _education(immunization: Node, education: Node, number: str, run: Run) -> None:
    sub_id = education.text("id").removeprefix("obx-4-") if education.peek("id").startswith("obx-4-") else number
    shown = education.text("documentType")
    kind = cwe_of(education.extension(f"{OWN}vis-document-type").one("valueCodeableConcept"), run)
    vaccine = cwe_of(education.extension(f"{OWN}vis-vaccine-type").one("valueCodeableConcept"), run)
    if kind:
        _obx(immunization, "69764-9", kind, sub_id, run)
    if vaccine or (not kind and shown != "Vaccine Information Statement"):
        _obx(immunization, "30956-7", vaccine or {2: shown}, sub_id, run)
    kind_of_time = "TS" if run.before(2, 6) else "DTM"
    for code, name in (("29768-9", "publicationDate"), ("29769-7", "presentationDate")):
        when = dtm_of(education, name, run)
        if when:
            _obx(immunization, code, when, sub_id, run, kind_of_time)


def _obx(immunization: Node, code: str, value: Parts | str, sub_id: str, run: Run, kind: str = "") -> None:
    obx = run.line("OBX", immunization)
    count = 0
    for line in reversed(run.lines):
        if line.name == "RXA":
            break
        count += line.name == "OBX"
    obx.put(1, str(count))
    obx.put(2, kind or ("CE" if run.before(2, 6) else "CWE"))
    obx.put(3, {1: code, 2: _CODES[code], 3: "LN"})
    obx.put(4, sub_id)
    obx.put(5, value)
    obx.put(11, "F")


def _put_source(rxa: Line, immunization: Node, run: Run) -> None:
    source = immunization.text("primarySource")
    origin = cwe_of(immunization.one("reportOrigin"), run)
    if source == "true":
        rxa.put(9, {1: "00", 2: "New immunization record", 3: "NIP001"})
    elif origin:
        rxa.put(9, origin)
    elif source == "false":
        rxa.put(9, {1: "01", 2: "Historical information - source unspecified", 3: "NIP001"})


def _put_place(rxa: Line, immunization: Node, run: Run) -> None:
    if not immunization.has("location"):
        return
    reference = immunization.one("location")
    place = run.resolve(reference) if reference.has("reference") else EMPTY
    if run.has_field("RXA", 27):
        rxa.put(27, pl_of(reference, run))
        rxa.put(28, xad_of(place.one("address"), run))
        return
    address = place.one("address")
    lines = address.texts("line")
    parts: dict[int, Part] = {4: hd_of_location(reference, run)}
    parts.update({9: "".join(lines[:1]), 10: ", ".join(lines[1:]), 11: address.text("city"), 12: address.text("state")})
    parts.update({13: address.text("postalCode"), 14: address.text("country")})
    rxa.put(11, parts)


def _put_status(rxa: Line, immunization: Node, run: Run) -> None:
    """RXA-20 and RXA-21: what was not given, or was recorded in error, must not read as given."""
    status = immunization.peek("status")
    if immunization.has("_status"):
        rxa.put(20, code_of(immunization, "status", run, "CompletionStatus"))
    elif status == "not-done":
        rxa.put(20, "RE" if immunization.has("statusReason") else "NA")
    else:
        rxa.put(20, "CP")
    immunization.text("status")
    rxa.put(21, "D" if status == "entered-in-error" else "A")
