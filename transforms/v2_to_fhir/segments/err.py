"""ERR: what is wrong with a message."""

from __future__ import annotations

from schemas.fhir import Element, Resource
from transforms.elements import append, put
from transforms.v2_to_fhir.datatypes.codes import cwe_codeable_concept
from transforms.v2_to_fhir.run import Run
from transforms.v2_to_fhir.segments.msa import is_positive
from transforms.v2_to_fhir.source import SourceSegment, Value

ERROR_CODES = "0357"
_SEVERITIES = {"E": "error", "F": "fatal", "W": "warning", "I": "information"}
_ISSUES = {
    "0": "informational",
    "100": "structure",
    "101": "required",
    "102": "value",
    "103": "code-invalid",
    "104": "too-long",
    "198": "structure",
    "199": "value",
    "200": "not-supported",
    "201": "not-supported",
    "202": "not-supported",
    "203": "not-supported",
    "204": "not-found",
    "205": "duplicate",
    "206": "lock-error",
    "207": "exception",
}
"""Table 0357 as R4's kinds of issue."""


def err_operation_outcome(err: SourceSegment, run: Run, outcome: Resource) -> None:
    """ERR, which the guide does not map: one issue; ERR-1 alone, as before v2.5, one for each error."""
    if not any(err.has(field) for field in range(2, 13)):
        for eld in err[1]:
            append(outcome, "issue", _old_issue(eld, run, err.where(1)))
        return
    code = err.first(3)
    issue: Element = {
        "severity": _SEVERITIES.get(err.text(4), "error"),
        "code": _ISSUES.get(code.peek(1) if code is not None else "", "processing"),
    }
    details = cwe_codeable_concept(code, run, err.where(3), table=ERROR_CODES) or {}
    own = cwe_codeable_concept(err.first(5), run, err.where(5), table="0533") or {}
    append(details, "coding", *own.get("coding", []))
    put(details, "text", "; ".join(value.whole() for value in err[8]) or own.get("text", details.get("text")))
    put(issue, "details", details)
    put(issue, "diagnostics", err.text(7))
    put(issue, "location", [_place(value) for value in err[2]])
    append(outcome, "issue", issue)


def msa_operation_outcome(msa: SourceSegment, run: Run, outcome: Resource) -> None:
    """MSA-3 and MSA-6, what acknowledgments of before v2.5 say in words and in a code."""
    details = cwe_codeable_concept(msa.first(6), run, msa.where(6), table=ERROR_CODES) or {}
    text = msa.text(3)
    if text:
        details["text"] = text
    if details:
        code = next((each["code"] for each in details.get("coding", [])), "")
        good = is_positive(msa.text(1))
        issue: Element = {"severity": "information" if good else "error"}
        issue["code"] = _ISSUES.get(code) or ("informational" if good else "processing")
        issue["details"] = details
        append(outcome, "issue", issue)


def _place(erl: Value) -> str:
    """An ERL as one writes an address: `PID[1]-3[2].4`."""
    segment, sequence, field, repetition, component, sub = (erl[number] for number in range(1, 7))
    text = f"{segment}[{sequence}]" if sequence else segment
    if field:
        text += f"-{field}"
    if repetition:
        text += f"[{repetition}]"
    return text + "".join(f".{part}" for part in (component, sub) if part)


def _old_issue(eld: Value, run: Run, where: str) -> Element:
    code = eld.part(4)
    issue: Element = {"severity": "error", "code": _ISSUES.get(code.peek(1), "processing")}
    put(issue, "details", cwe_codeable_concept(code, run, where, table=ERROR_CODES) if code else None)
    segment, sequence, field = eld[1], eld[2], eld[3]
    if segment:
        text = f"{segment}[{sequence}]" if sequence else segment
        issue["location"] = [f"{text}-{field}" if field else text]
    return issue
