"""ACK: which message is answered, how it was taken, and what was wrong with it."""

from __future__ import annotations

import pytest

from tests.transforms.v2_to_fhir.conversion import convert_text, only, resources


@pytest.mark.parametrize(
    ("code", "response"),
    [
        ("AA", "ok"),
        ("CA", "ok"),
        ("AE", "fatal-error"),
        ("CE", "fatal-error"),
        ("AR", "transient-error"),
        ("CR", "transient-error"),
        ("", None),
        ("ZZ", None),
    ],
)
def test_how_it_was_taken(code: str, response: str | None) -> None:
    header = only(convert_text("ACK^A01^ACK", f"MSA|{code}|STA-1"), "MessageHeader")
    assert header["response"]["identifier"] == "STA-1"
    assert header["response"].get("code") == response


def test_number_that_is_no_id_of_fhir_is_kept_beside() -> None:
    response = only(convert_text("ACK", "MSA|AA|STA 1/7"), "MessageHeader")["response"]
    assert "identifier" not in response
    assert response["_identifier"]["extension"][1]["valueString"] == "STA 1/7"


def test_errors_are_issues_that_the_response_points_to() -> None:
    found = convert_text(
        "ACK^A01^ACK",
        "MSA|AE|STA-1",
        "ERR||PID^1^5^1^2|101^Required field missing^HL70357|E|||PID-5 is empty|The name is missing",
        "ERR||PV1^1^2|103^Table value not found^HL70357|W",
    )
    outcome = only(found, "OperationOutcome")
    first, second = outcome["issue"]
    assert (first["severity"], first["code"], first["location"]) == ("error", "required", ["PID[1]-5[1].2"])
    assert (first["diagnostics"], first["details"]["text"]) == ("PID-5 is empty", "The name is missing")
    assert (second["severity"], second["code"]) == ("warning", "code-invalid")
    details = only(found, "MessageHeader")["response"]["details"]
    assert details == {"reference": f"urn:uuid:{outcome['id']}"}


def test_words_of_an_old_acknowledgment() -> None:
    found = convert_text("ACK", "MSA|AE|STA-1|No such patient|||204^Unknown key identifier^HL70357")
    (issue,) = only(found, "OperationOutcome")["issue"]
    assert (issue["severity"], issue["code"], issue["details"]["text"]) == ("error", "not-found", "No such patient")


def test_old_error_segment() -> None:
    found = convert_text("ACK", "MSA|AE|STA-1", "ERR|PID^1^3^102&Data type error&HL70357")
    (issue,) = only(found, "OperationOutcome")["issue"]
    assert (issue["code"], issue["location"]) == ("value", ["PID[1]-3"])


def test_acceptance_has_no_outcome() -> None:
    assert resources(convert_text("ACK^A01^ACK", "MSA|AA|STA-1"), "OperationOutcome") == []
