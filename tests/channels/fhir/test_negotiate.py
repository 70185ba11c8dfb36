"""JSON or XML, and what a client prefers."""

import pytest

from channels.fhir.negotiate import Prefer, answer_form, body_form, read_prefer
from channels.fhir.refusal import RefusedError

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.mark.parametrize(
    ("content_type", "form"),
    [
        ("", None),
        ("application/fhir+json", "json"),
        ("Application/FHIR+JSON; charset=UTF-8; fhirVersion=4.0", "json"),
        ("application/json", "json"),
        ("application/json+fhir", "json"),
        ('application/fhir+xml; charset="utf-8"', "xml"),
        ("text/xml", "xml"),
        ("application/json-patch+json", 415),
        ("application/fhir+json; charset=iso-8859-1", 415),
        ("application/fhir+json; fhirVersion=5.0", 415),
        ("application/x-www-form-urlencoded", 415),
        ("text/plain", 415),
        (";", None),
    ],
)
def test_content_types(content_type: str, form: object) -> None:
    if form == 415:
        with pytest.raises(RefusedError) as refused:
            body_form(content_type)
        assert refused.value.status == 415
    else:
        assert body_form(content_type) == form


def test_a_patch_may_be_json_patch() -> None:
    assert body_form("application/json-patch+json", patch=True) == "json-patch"
    with pytest.raises(RefusedError) as refused:
        body_form("text/plain", patch=True)
    assert "json-patch" in refused.value.headers["accept-patch"]


@pytest.mark.parametrize(
    ("wish", "accept", "form"),
    [
        ("", "", "otherwise"),
        ("", "*/*", "otherwise"),
        ("", "application/*;q=0.5", "otherwise"),
        ("", "application/fhir+xml", "xml"),
        ("", "application/fhir+json;q=0.5, application/fhir+xml", "xml"),
        ("", "application/fhir+xml;q=0, application/json", "json"),
        ("", BROWSER, "xml"),
        ("", "application/fhir+json; fhirVersion=4.0", "json"),
        ("xml", "application/fhir+json", "xml"),
        ("json", "", "json"),
        ("application/fhir xml", "", "xml"),
        ("application/fhir+json", "text/html", "json"),
        ("html", "", 406),
        ("text/turtle", "*/*", 406),
        ("", "text/html", 406),
        ("", "application/fhir+json; fhirVersion=3.0", 406),
        ("", "application/fhir+json;q=nan", 406),
        ("", "application/json-patch+json", 406),
    ],
)
def test_the_form_of_the_answer(wish: str, accept: str, form: object) -> None:
    for otherwise in ("json", "xml"):
        if form == 406:
            with pytest.raises(RefusedError) as refused:
                answer_form(wish, accept, otherwise)  # type: ignore[arg-type]
            assert refused.value.status == 406
        else:
            expected = otherwise if form == "otherwise" else form
            assert answer_form(wish, accept, otherwise) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("header", "prefer"),
    [
        ("", Prefer()),
        ("return=minimal", Prefer("minimal")),
        ("return=OperationOutcome", Prefer("operationoutcome")),
        ('respond-async, return="representation"', Prefer("representation", True)),
        ("RESPOND-ASYNC", Prefer("", True)),
        ("return=everything, handling=strict", Prefer()),
        ("return=minimal, return=representation", Prefer("minimal")),
    ],
)
def test_preferences(header: str, prefer: Prefer) -> None:
    assert read_prefer(header) == prefer
