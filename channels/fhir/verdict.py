"""What a FHIR server's answer means for a delivery, entry by entry where it has entries: no socket."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from channels.ends import Outcome, OutcomeCode
from channels.fhir.replies import Answer, written
from channels.fhir.request import Request
from channels.http import reply as http
from schemas.fhir import Element, Resource, dumps
from schemas.fhir.check import readable_path
from schemas.fhir.error import FhirError
from schemas.fhir.outcome import Issue, issues_of
from schemas.fhir.read import read_exact
from schemas.fhir.xml import from_xml

KEPT = 1 << 20
"""How much of an answer is kept, in bytes."""

_KEPT_TEXT = 65_536
_LONGEST_HEADER = 1_000
_SHOWN = 5
_STATUS = re.compile(r"[1-5][0-9]{2}(?![0-9])")
_PLACE = re.compile(r"[A-Z][A-Za-z]{1,40}(?:\.[a-z][A-Za-z]{0,40}(?:\[[0-9]{1,6}\])?){0,12}\Z")
# fmt: off
_CODES = frozenset((
    "invalid", "structure", "required", "value", "invariant", "security", "login", "unknown", "expired", "forbidden",
    "suppressed", "processing", "not-supported", "duplicate", "multiple-matches", "not-found", "deleted", "too-long",
    "code-invalid", "extension", "too-costly", "business-rule", "conflict", "transient", "lock-error", "no-store",
    "exception", "timeout", "incomplete", "throttled", "informational",
))  # of R4's value set issue-type
# fmt: on
_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as it came: `whole` says whether all of its body was read; headers are "" where there are none."""

    status: int
    body: bytes = b""
    whole: bool = True
    retry_after: str = ""
    location: str = ""
    etag: str = ""
    last_modified: str = ""

    @property
    def good(self) -> bool:
        """Whether its status says that all went well."""
        return 200 <= self.status < 300


class _Failed(NamedTuple):
    """An entry that did not succeed: where it stands, its status (0: it says none), and why."""

    place: int
    status: int
    issues: list[Issue]

    def __str__(self) -> str:
        return f"Bundle.entry[{self.place}] {self.status or 'has no status'}{_reasons(self.issues)}"


def judge(request: Request, reply: Reply, now: datetime) -> Outcome:
    """What became of the message that `request` was made of."""
    resource = _resource(reply)
    kept = _kept(reply, resource)
    if not reply.good:
        return _by_status(reply, kept, now, _reasons(issues_of(resource or {})))
    if resource is None and reply.body.strip() and reply.whole:
        detail = f"the partner answered {reply.status} with what is no FHIR: is the address that of its FHIR server?"
        return Outcome(OutcomeCode.DEFERRED, detail, kept, unreachable=True)
    match request.kind:
        case "transaction" | "batch":
            return _of_entries(request, reply, resource, kept, now)
        case "message":
            return _of_message(reply, resource, kept, now)
        case "create" if reply.status == 200 and "if-none-exist" in request.headers:
            return Outcome(OutcomeCode.DELIVERED, "200: the partner had it already", kept)
    return Outcome(OutcomeCode.DELIVERED, str(reply.status), kept)


def judge_finished(request: Request, reply: Reply, now: datetime) -> Outcome:
    """What became of a message that the partner worked on for a while, by what its status URL answers in the end: the
    answer itself, the answer as the one entry of a batch-response (as FHIR R5 has it), or what went wrong."""
    resource = _resource(reply)
    inner = _only_entry(resource)
    if inner is not None and (request.kind != "batch" or _is_responses(inner.get("resource"))):
        status, body = _entry_status(inner), inner.get("resource")
        if status:
            answer = replace(reply, status=status, body=dumps(body) if isinstance(body, dict) else b"")
            return judge(request, answer, now)
    kept = _kept(reply, resource)
    wrong = issues_of(resource or {})
    if resource is None and reply.body.strip():
        wrong = _errors_of_manifest(reply.body)
    if resource is None or resource["resourceType"] == "OperationOutcome":
        if any(_is_error(issue) for issue in wrong):
            return Outcome(OutcomeCode.REFUSED, f"the partner could not do it{_reasons(wrong)}", kept)
        return Outcome(OutcomeCode.DELIVERED, f"{reply.status}: done", kept)
    return judge(request, reply, now)


def _by_status(reply: Reply, kept: bytes, now: datetime, more: str) -> Outcome:
    return http.judge_status(http.Reply(reply.status, kept, reply.retry_after), now, more)


def _of_entries(request: Request, reply: Reply, resource: Resource | None, kept: bytes, now: datetime) -> Outcome:
    entries = resource.get("entry", []) if resource is not None and _is_responses(resource) else None
    if not isinstance(entries, list) or (request.kind == "batch" and len(entries) != request.entries):
        return _without_entries(request, reply, resource, kept)
    failed = list(_failures(entries))
    if request.kind == "transaction":
        failed = [each for each in failed if each.status]  # done as a whole, whatever an entry forgets to say
    if not failed:
        return Outcome(OutcomeCode.DELIVERED, f"{reply.status}, {len(entries)} entries", kept)
    shown = "; ".join(map(str, failed[:_SHOWN])) + ("; ..." if len(failed) > _SHOWN else "")
    detail = f"{len(failed)} of {len(entries)} entries failed: {shown}"
    if any(http.is_transient(each.status) for each in failed):
        return Outcome(OutcomeCode.DEFERRED, detail, kept, retry_after=http.retry_after(reply.retry_after, now))
    return Outcome(OutcomeCode.REFUSED, detail, kept)


def _without_entries(request: Request, reply: Reply, resource: Resource | None, kept: bytes) -> Outcome:
    """A 2xx that does not answer each entry: enough for a transaction, which is done whole or not at all."""
    issues = issues_of(resource or {})
    if any(_is_error(issue) for issue in issues):
        return Outcome(OutcomeCode.REFUSED, f"the partner answered {reply.status}{_reasons(issues)}", kept)
    if request.kind == "transaction" or not request.entries:
        return Outcome(OutcomeCode.DELIVERED, str(reply.status), kept)
    why = "" if reply.whole else " within what is read of an answer; set `prefer: [return=minimal]`"
    detail = f"the partner answered {reply.status} without a word on each of the {request.entries} entries{why}"
    return Outcome(OutcomeCode.REFUSED, detail, kept)


def _of_message(reply: Reply, resource: Resource | None, kept: bytes, now: datetime) -> Outcome:
    """By MessageHeader.response.code of the response message, where there is one (R4, messaging.html)."""
    inside = list(_resources(resource))
    header = next((each for each in inside if each.get("resourceType") == "MessageHeader"), {})
    response = header.get("response")
    code = response.get("code") if isinstance(response, dict) else None
    issues = [issue for each in (resource or {}, *inside) for issue in issues_of(each)]
    match code:
        case "transient-error":
            detail = f"the receiver answered transient-error{_reasons(issues)}"
            return Outcome(OutcomeCode.DEFERRED, detail, kept, retry_after=http.retry_after(reply.retry_after, now))
        case "fatal-error":
            return Outcome(OutcomeCode.REFUSED, f"the receiver answered fatal-error{_reasons(issues)}", kept)
        case "ok":
            return Outcome(OutcomeCode.DELIVERED, f"{reply.status} ok", kept)
    if any(_is_error(issue) for issue in issues_of(resource or {})):
        return Outcome(OutcomeCode.REFUSED, f"the partner answered {reply.status}{_reasons(issues)}", kept)
    return Outcome(OutcomeCode.DELIVERED, str(reply.status), kept)


def _failures(entries: list[Any]) -> Iterator[_Failed]:
    for index, entry in enumerate(entries):
        status = _entry_status(entry)
        if 200 <= status < 300 or status == 304:  # a conditional read that found nothing newer
            continue
        response = entry.get("response") if isinstance(entry, dict) else None
        said = [response.get("outcome")] if isinstance(response, dict) else []
        said += [entry.get("resource")] if isinstance(entry, dict) else []
        yield _Failed(index, status, [issue for each in said if isinstance(each, dict) for issue in issues_of(each)])


def _entry_status(entry: Any) -> int:
    """The status of an entry of a response, 0 when it has none."""
    response = entry.get("response") if isinstance(entry, dict) else None
    status = response.get("status") if isinstance(response, dict) else None
    found = _STATUS.match(status.strip()) if isinstance(status, str) else None
    return int(found.group()) if found else 0


def _is_responses(resource: Any) -> bool:
    return (
        isinstance(resource, dict)
        and resource.get("resourceType") == "Bundle"
        and resource.get("type") in ("transaction-response", "batch-response")
    )


def _only_entry(resource: Resource | None) -> Element | None:
    entries = resource.get("entry") if resource is not None and _is_responses(resource) else None
    only = entries[0] if isinstance(entries, list) and len(entries) == 1 else None
    return only if isinstance(only, dict) else None


def _resources(bundle: Resource | None) -> Iterator[Resource]:
    entries = bundle.get("entry") if bundle is not None else None
    for entry in entries if isinstance(entries, list) else ():
        resource = entry.get("resource") if isinstance(entry, dict) else None
        if isinstance(resource, dict):
            yield resource


def _is_error(issue: Issue) -> bool:
    return issue.severity in ("fatal", "error")


def _reasons(issues: list[Issue]) -> str:
    """The issues' codes and places; never their texts, which may quote the patient's data."""
    named = []
    for issue in sorted(issues, key=lambda issue: not _is_error(issue))[:_SHOWN]:
        place = issue.expression[0] if issue.expression else ""
        code = issue.code if issue.code in _CODES else "an issue"
        named.append(f"{code} at {place}" if _is_place(place) else code)
    return f" ({', '.join(named)})" if named else ""


def _is_place(text: str) -> bool:
    """Whether `text` is the path of an element that R4 has, and so says nothing of a patient."""
    if not _PLACE.match(text):
        return False
    try:
        readable_path(text)
    except FhirError:
        return False
    return True


def _errors_of_manifest(body: bytes) -> list[Issue]:
    """The errors of a manifest, which is what R4's own asynchronous operations end with; they are files elsewhere."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return []
    errors = value.get("error") if isinstance(value, dict) else None
    return [Issue("error", "processing", "")] if errors else []


def _resource(reply: Reply) -> Resource | None:
    """The resource in the body, None when there is none, or not all of it."""
    if not reply.whole:
        return None
    start = reply.body[:64].removeprefix(_MARK).lstrip()
    try:
        if start.startswith(b"{"):
            return read_exact(reply.body)
        return from_xml(reply.body) if start.startswith(b"<") else None
    except FhirError:
        return None


def _kept(reply: Reply, resource: Resource | None) -> bytes:
    """The answer for the journal: as `replies.written` has it, so that the client of a named route can be given it."""
    if resource is None and reply.body.strip():
        return reply.body[:_KEPT_TEXT]
    headers = [text[:_LONGEST_HEADER] for text in (reply.location, reply.etag, reply.last_modified)]
    whole = written(Answer(reply.status, resource, *headers))
    if len(whole) <= KEPT:
        return whole
    short = written(Answer(reply.status, _outlined(resource), *headers))
    return short if len(short) <= KEPT else written(Answer(reply.status, None, *headers))


def _outlined(resource: Resource | None) -> Resource | None:
    """Of the answer to a transaction or batch, the entries' responses without their resources; of any other, none."""
    if resource is None or not _is_responses(resource):
        return None
    entries = resource.get("entry")
    if not isinstance(entries, list):
        return None
    responses = [{"response": each["response"]} for each in entries if isinstance(each, dict) and "response" in each]
    return {**resource, "entry": responses}
