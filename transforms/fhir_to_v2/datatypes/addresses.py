"""Address to XAD."""

from __future__ import annotations

from transforms.elements import CORE, OWN
from transforms.fhir_node import Node
from transforms.fhir_to_v2.datatypes.codes import code_of
from transforms.fhir_to_v2.datatypes.times import validity_of
from transforms.fhir_to_v2.line import Part, decoded
from transforms.fhir_to_v2.run import Run
from transforms.v2_to_fhir.extensions import V2_FIELD, V2_TEXT


def xad_of(address: Node, run: Run) -> dict[int, Part]:
    """Address[XAD]."""
    lines = address.texts("line")
    kept = address.one("_line").extension(V2_TEXT).text("valueString") if address.has("_line") else ""
    has_third = len(lines) > 2 and run.has_component("XAD", 19)
    second = lines[1:2] if has_third else lines[1:]
    parts: dict[int, Part] = {
        1: lines[0] if lines else "",
        2: ", ".join(second),
        3: address.text("city"),
        4: address.text("state"),
        5: address.text("postalCode"),
        6: address.text("country"),
        9: "" if county_of(address) else address.text("district"),
        **validity_of(address, run, "XAD", 12, 13),
    }
    if has_third:
        parts[19] = ", ".join(lines[2:])
    if kept:
        street = decoded(kept)
        parts.update({1: street.get(1, ""), 2: street.get(2, ""), 19: street.get(3, "")})
    if address.has("_line"):
        parts[10] = address.beside("line").extension(f"{CORE}iso21090-ADXP-censusTract").text("valueString")
    if address.has("text") and not any(parts.values()):
        parts[1] = address.text("text")
    if any(parts.values()):
        parts[7] = _type_of(address, run)
    return parts


def county_of(address: Node) -> str:
    """The county that stands in PID-12, where the way forward took it from there."""
    if address.has("extension") and address.extension(V2_FIELD).text("valueString") == "PID-12":
        return address.text("district")
    if address.has("_district") and address.beside("district").extension(V2_FIELD).text("valueString") == "PID-12":
        return address.text("district")
    return ""


def _type_of(address: Node, run: Run) -> str:
    """The address type (table 0190): of use, type or the extensions that stand for either."""
    if address.has("extension"):
        own = address.extension(f"{OWN}address-type").one("valueCodeableConcept").one("coding")
        if own:
            own.text("system")
            return own.text("code")
        vacation = address.extension(f"{CORE}iso21090-AD-use").text("valueCode")
        if vacation:
            return vacation
    if address.has("use") or address.has("_use"):
        return code_of(address, "use", run, "AddressType[Use]")
    return (
        "M"
        if address.peek("type") == "both" and address.text("type")
        else code_of(address, "type", run, "AddressType[Type]")
    )
