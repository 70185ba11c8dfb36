"""HumanName, Address and ContactPoint to PN, AD and TEL."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from transforms.fhir_node import Node
from transforms.fhir_to_ccda.datatypes.times import period_of
from transforms.fhir_to_ccda.element import Element, make, null
from transforms.fhir_to_ccda.run import CHANGED, Run

_ADDRESS_USES = {"home": "HP", "work": "WP", "temp": "TMP", "old": "BAD"}
_ADDRESS_TYPES = {"postal": "PST", "physical": "PHYS"}
_TELECOM_USES = {"home": "HP", "work": "WP", "temp": "TMP", "old": "BAD", "mobile": "MC"}
_NAME_USES = {"usual": "L", "nickname": "P", "anonymous": "P"}
_QUALIFIER = "http://hl7.org/fhir/StructureDefinition/iso21090-EN-qualifier"
_QUALIFIERS = frozenset(["LS", "AC", "NB", "PR", "HON", "BR", "AD", "SP", "MID", "CL", "IN", "TITLE"])
_MOST_LINES = 4
_SCHEMES = {"phone": "tel", "pager": "tel", "sms": "tel", "fax": "fax", "email": "mailto"}
_TEL = "+-.()/,;=&*#!~':"


def names_of(names: Sequence[Node], run: Run) -> list[Element]:
    """The PN of each HumanName that says something."""
    usual = any(each.peek("use") == "usual" for each in names)
    return [made for each in names if (made := name_of(each, run, usual=usual)) is not None]


def name_of(name: Node, run: Run, *, usual: bool = False) -> Element | None:
    """The PN of a HumanName; `usual` says whether the person has another name that is used."""
    use, family, given = name.text("use"), name.text("family"), name.texts("given")
    if not family and not given:
        return make("name", text=name.text("text")) if name.has("text") else None
    made = make("name", use=("C" if usual else "L") if use == "official" else _NAME_USES.get(use, ""))
    qualifiers = _qualifiers(name)
    for number, each in enumerate(name.texts("prefix")):
        made.append(make("prefix", text=each, qualifier=qualifiers.get(f"prefix[{number}]", "")))
    for number, each in enumerate(given):
        qualifier = qualifiers.get(f"given[{number}]", "CL" if use == "nickname" and number == 0 else "")
        made.append(make("given", text=each, qualifier=qualifier))
    if not given:
        made.append(null("given"))
    qualifier = qualifiers.get("family", "BR" if use == "maiden" else "")
    made.append(make("family", text=family, qualifier=qualifier) if family else null("family"))
    for number, each in enumerate(name.texts("suffix")):
        made.append(make("suffix", text=each, qualifier=qualifiers.get(f"suffix[{number}]", "")))
    low, high = period_of(name.one("period"), run)
    if low or high:
        valid = make("validTime")
        valid.extend([make(side, value=value) for side, value in (("low", low), ("high", high)) if value])
        made.append(valid)
    elif use in ("old", "temp"):
        run.tell(CHANGED, f"{name.path}.use", "a name in a document cannot say this use; give the name a period")
    return made


def _qualifiers(name: Node) -> dict[str, str]:
    """The qualifiers of the parts of a name (HL7's extension), by `family` and `given[0]`."""
    found: dict[str, str] = {}
    for part in ("family", "given", "prefix", "suffix"):
        for beside in name.all(f"_{part}"):
            words = [
                each.text("valueCode")
                for each in beside.extensions(_QUALIFIER)
                if each.peek("valueCode") in _QUALIFIERS
            ]
            if words:
                found[beside.path.rpartition(".")[2].removeprefix("_")] = " ".join(words)
    return found


def patient_name(made: Element) -> Element:
    """The name of a patient, who has a given and a family name even where only the whole is known."""
    if len(made):
        return made
    return make("name", null("given"), make("family", text=made.text or ""))


def shown_name(name: Node) -> str:
    """A HumanName as a reader writes it."""
    if name.peek("text"):
        return name.peek("text")

    parts = [*name.peeks("prefix"), *name.peeks("given"), name.peek("family"), *name.peeks("suffix")]
    return " ".join(filter(None, parts))


def addresses_of(addresses: Sequence[Node], run: Run) -> list[Element]:
    """The AD of each Address that says something."""
    return [made for each in addresses if (made := address_of(each, run)) is not None]


def address_of(address: Node, run: Run) -> Element | None:
    """The AD of an Address, with what the US Realm asks of one; None where it says nothing."""
    lines, city = address.texts("line"), address.text("city")
    text = address.peek("text") if lines or city else address.text("text")
    state, postal, country = address.text("state"), address.text("postalCode"), address.text("country")
    district = address.text("district")
    if not any((lines, city, state, postal, country, district, text)):
        return None
    if not lines and text and not city:
        lines = [text]
    if len(lines) > _MOST_LINES:
        lines = [*lines[: _MOST_LINES - 1], ", ".join(lines[_MOST_LINES - 1 :])]
    uses = (_ADDRESS_USES.get(address.text("use"), ""), _ADDRESS_TYPES.get(address.text("type"), ""))
    made = make("addr", use=" ".join(filter(None, uses)))
    made.extend([make("streetAddressLine", text=each) for each in lines] or [null("streetAddressLine")])
    made.append(make("city", text=city) if city else null("city"))
    if district:
        made.append(make("county", text=district))
    made.append(make("state", text=state) if state else null("state"))
    made.append(make("postalCode", text=postal) if postal else null("postalCode"))
    if country:
        made.append(make("country", text=country))
    low, high = period_of(address.one("period"), run)
    if low or high:
        valid = make("useablePeriod", kind="IVL_TS")
        valid.extend([make(side, value=value) for side, value in (("low", low), ("high", high)) if value])
        made.append(valid)
    return made


def no_address() -> Element:
    """The AD of whom nobody knows where to find, with the parts that the US Realm asks for."""
    return make("addr", *(null(name) for name in ("streetAddressLine", "city", "state", "postalCode")))


def telecoms_of(telecoms: Sequence[Node], run: Run) -> list[Element]:
    """The TEL of each ContactPoint that says something."""
    return [made for each in telecoms if (made := telecom_of(each, run)) is not None]


def telecom_of(telecom: Node, run: Run) -> Element | None:
    """The TEL of a ContactPoint, None where it has no value."""
    value, system = telecom.text("value").strip(), telecom.text("system")
    if not value:
        return None
    use = _TELECOM_USES.get(telecom.text("use"), "")
    if system == "pager":
        use = "PG"
    scheme = _SCHEMES.get(system, "")
    known = value.partition(":")[0].lower() in ("tel", "fax", "mailto", "http", "https", "sms", "ftp")
    address = value if known or not scheme else f"{scheme}:{quote(value, safe=_TEL + '@')}"
    if not scheme and not known:
        address = quote(value, safe=_TEL + "@?%")
    made = make("telecom", value=address, use=use)
    low, high = period_of(telecom.one("period"), run)
    if low or high:
        valid = make("useablePeriod", kind="IVL_TS")
        valid.extend([make(side, value=value) for side, value in (("low", low), ("high", high)) if value])
        made.append(valid)
    return made
