"""In which form a request comes and in which it is answered: JSON or XML (R4, 3.1.0.1.10 and 3.1.0.1.11), `Prefer`."""

from __future__ import annotations

from typing import Literal, NamedTuple

from channels.fhir.refusal import RefusedError

Form = Literal["json", "xml", "json-patch"]

FHIR_JSON = "application/fhir+json"
FHIR_XML = "application/fhir+xml"
CONTENT_TYPES: dict[Form, str] = {"json": f"{FHIR_JSON}; charset=utf-8", "xml": f"{FHIR_XML}; charset=utf-8"}
"""What an answer in each form is called."""

_FORMS: dict[str, Form] = {
    FHIR_JSON: "json",
    "application/json": "json",
    "text/json": "json",
    "application/json+fhir": "json",  # before R4
    FHIR_XML: "xml",
    "application/xml": "xml",
    "text/xml": "xml",
    "application/xml+fhir": "xml",
    "application/json-patch+json": "json-patch",
}
_VERSIONS = ("4.0", "4.0.1")
_RETURNS = ("minimal", "representation", "operationoutcome")


class Prefer(NamedTuple):
    """The header Prefer: what to return (`minimal`, `representation`, `operationoutcome`, "" when it does not say), and
    whether to answer before it is done."""

    returns: str = ""
    asynchronous: bool = False


def body_form(content_type: str, *, patch: bool = False) -> Form | None:
    """The form that Content-Type names, None when there is none; raises `RefusedError` (415)."""
    name, parameters = _parameters(content_type)
    if not name:
        return None
    form = _FORMS.get(name)
    if form is None or (form == "json-patch" and not patch):
        accepted = ", ".join([FHIR_JSON, FHIR_XML, *(["application/json-patch+json"] if patch else [])])
        header = {"accept-patch" if patch else "accept": accepted}
        raise RefusedError(415, "not-supported", f"Send {accepted}.", headers=header, finding="FHIR-404")
    if parameters.get("fhirversion", "4.0") not in _VERSIONS:
        raise RefusedError(415, "not-supported", "This is FHIR 4.0 (R4).", finding="FHIR-404")
    if parameters.get("charset", "utf-8").lower() not in ("utf-8", "utf8", "us-ascii"):
        raise RefusedError(415, "not-supported", "FHIR is written in UTF-8.", finding="FHIR-404")
    return form


def answer_form(wish: str, accept: str, otherwise: Form) -> Form:
    """The form to answer in: `wish` is the parameter `_format`, which goes before the header `accept`.

    `otherwise` is for who takes either. Raises `RefusedError` (406).
    """
    if wish:
        name, parameters = _parameters(wish.replace(" ", "+"))  # a + in a query is often not escaped
        return _answerable({"json": FHIR_JSON, "xml": FHIR_XML}.get(name, name), parameters)
    best: tuple[float, Form] | None = None
    ranges = [_parameters(each) for each in accept.split(",") if each.strip()]
    for name, parameters in ranges:
        weight = _weight(parameters.get("q", "1"))
        form = otherwise if name in ("*/*", "application/*") else _FORMS.get(name)
        version_fits = parameters.get("fhirversion", "4.0") in _VERSIONS
        if form in ("json", "xml") and version_fits and weight > 0 and (best is None or weight > best[0]):
            best = (weight, form)
    if best is not None:
        return best[1]
    if not ranges:
        return otherwise
    raise RefusedError(406, "not-supported", f"Answers are in {FHIR_JSON} or {FHIR_XML}.")


def read_prefer(header: str) -> Prefer:
    """The preferences that are understood here (R4, 3.1.0.1.9); others are passed over, as RFC 7240 says."""
    returns, asynchronous = "", False
    for each in header.split(",")[:20]:
        name, _, value = each.partition(";")[0].partition("=")
        name, value = name.strip().lower(), value.strip().strip('"').lower()
        if name == "return" and value in _RETURNS and not returns:
            returns = value
        asynchronous = asynchronous or name == "respond-async"
    return Prefer(returns, asynchronous)


def _answerable(name: str, parameters: dict[str, str]) -> Form:
    form = _FORMS.get(name)
    if form not in ("json", "xml") or parameters.get("fhirversion", "4.0") not in _VERSIONS:
        raise RefusedError(406, "not-supported", "_format is json or xml.")
    return form


def _parameters(header: str) -> tuple[str, dict[str, str]]:
    """The media type in `header` and its parameters, names in lower case."""
    name, *rest = header.split(";")[:20]
    pairs = [each.partition("=") for each in rest]
    return name.strip().lower(), {key.strip().lower(): value.strip().strip('"') for key, _, value in pairs}


def _weight(text: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        return 0.0
    return weight if 0 <= weight <= 1 else 0.0
