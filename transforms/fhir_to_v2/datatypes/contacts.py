"""ContactPoint to XTN."""

from __future__ import annotations

from transforms.elements import CORE, OWN
from transforms.fhir_node import Node
from transforms.fhir_to_v2.datatypes.codes import code_of
from transforms.fhir_to_v2.datatypes.times import period_of
from transforms.fhir_to_v2.line import Part
from transforms.fhir_to_v2.run import Run
from transforms.v2_to_fhir.datatypes.contacts import number_of

_PARTS = (
    (5, "contactpoint-country"),
    (6, "contactpoint-area"),
    (7, "contactpoint-local"),
    (8, "contactpoint-extension"),
)
_BY_SYSTEM = {"phone": "PH", "fax": "FX", "email": "Internet", "pager": "BP", "sms": "CP"}


def xtn_of(contact: Node, run: Run) -> dict[int, Part]:
    """ContactPoint[XTN]."""
    value = contact.text("value")
    if not value:
        return {}
    equipment = _equipment(contact, run)
    use = _use(contact, run)
    is_address = contact.peek("system") in ("email", "url") or "@" in value
    if contact.peek("system") == "email" and not use:
        use = "NET"
    parts: dict[int, Part] = {2: use, 3: equipment}
    for number, url in _PARTS if contact.has("extension") else ():
        parts[number] = contact.extension(CORE + url).text("valueString")
    begin, end = period_of(contact.one("period"), run)
    parts.update({13: begin, 14: end, 18: contact.text("rank")})
    if contact.has("extension"):
        parts[9] = contact.extension(f"{OWN}contact-text").text("valueString")
    if is_address:
        parts[4] = value
    elif not parts.get(7):
        parts[1 if run.has_component("XTN", 1) else 12] = value
    elif value != number_of(*(str(parts[number]) for number, _ in _PARTS)):
        parts[12] = value
    return parts


def _equipment(contact: Node, run: Run) -> str:
    if contact.has("_system"):
        own = code_of(contact, "system", run)
        if own != contact.peek("system"):
            return own
    system, use = contact.text("system"), contact.peek("use")
    if system == "phone" and use == "mobile":
        return "CP"
    return _BY_SYSTEM.get(system, "")


def _use(contact: Node, run: Run) -> str:
    if not contact.has("use") and not contact.has("_use"):
        return ""
    if contact.peek("use") in ("temp", "old") and not contact.has("_use"):
        return ""
    if contact.peek("use") == "mobile" and not contact.has("_use"):
        contact.text("use")
        return "PRS" if not run.before(2, 7) else "PRN"
    return code_of(contact, "use", run, "TelecommunicationUseCode")
