"""A notice's ADT message as FHIR, which the forms of FHIR and of clinical documents are made of."""

from __future__ import annotations

from schemas.fhir import Element, Resource
from schemas.finding import Finding
from schemas.hl7v2 import Er7
from schemas.message import Message
from transforms.converting import refusal
from transforms.elements import NPI, append
from transforms.notify.notice import Notice
from transforms.v2_to_fhir.convert import convert
from transforms.v2_to_fhir.options import Options


def converted(message: Message, er7: Er7, notice: Notice, options: Options) -> tuple[Resource, tuple[Finding, ...]]:
    """The Bundle of `er7`, in which the institution has its name and its NPI, and what was found on the way.

    Raises `StepError` where there is none.
    """
    made = convert(er7, options, message.received)
    if made.bundle is None:
        raise refusal(made.findings[-1])
    institution = _sender(made.bundle)
    if institution is not None and notice.institution:
        institution["name"] = notice.institution
    if institution is not None and notice.institution_npi:
        number = {"system": NPI, "value": notice.institution_npi}
        if number not in institution.get("identifier", ()):
            append(institution, "identifier", number)
    return made.bundle, made.findings


def _sender(bundle: Resource) -> Resource | None:
    """The Organization of MSH-4, whose event it is."""
    entries = bundle["entry"]
    header: Resource = next((each["resource"] for each in entries if _is_header(each)), {})
    url = header.get("sender", {}).get("reference")
    return next((each["resource"] for each in entries if each.get("fullUrl") == url), None)


def _is_header(entry: Element) -> bool:
    return bool(entry["resource"]["resourceType"] == "MessageHeader")
