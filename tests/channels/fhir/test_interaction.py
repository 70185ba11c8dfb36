"""What a request asks for, by its method and address."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.fhir.interaction import Interaction, check_allowed, check_resource, condition_of, read_interaction
from channels.fhir.refusal import RefusedError

CONDITION = "identifier=http://x|1"


@pytest.mark.parametrize(
    ("method", "path", "query", "found"),
    [
        ("POST", "", "", Interaction("bundle")),
        ("GET", "", "_type=Patient", Interaction("search")),
        ("GET", "metadata", "", Interaction("capabilities")),
        ("HEAD", "metadata", "", Interaction("capabilities")),
        ("GET", "_history", "", Interaction("history")),
        ("POST", "_search", "", Interaction("search")),
        ("POST", "$process-message", "", Interaction("message", "Bundle")),
        ("GET", "_status/0a1b", "", Interaction("status", id="0a1b")),
        ("POST", "Patient", "", Interaction("create", "Patient")),
        ("POST", "Patient/", "", Interaction("create", "Patient")),
        ("GET", "Patient", "name=x", Interaction("search", "Patient")),
        ("POST", "Patient/_search", "", Interaction("search", "Patient")),
        ("GET", "Patient/_history", "", Interaction("history", "Patient")),
        ("GET", "Patient/a-1.B", "", Interaction("read", "Patient", "a-1.B")),
        ("HEAD", "Patient/1", "", Interaction("read", "Patient", "1")),
        ("PUT", "Patient/1", "", Interaction("update", "Patient", "1")),
        ("PUT", "Patient/1", "_format=json", Interaction("update", "Patient", "1")),
        ("PATCH", "Patient/1", "", Interaction("patch", "Patient", "1")),
        ("DELETE", "Patient/1", "", Interaction("delete", "Patient", "1")),
        ("PUT", "Patient", CONDITION, Interaction("update", "Patient", condition=CONDITION)),
        ("PATCH", "Patient", f"_format=json&{CONDITION}", Interaction("patch", "Patient", condition=CONDITION)),
        ("DELETE", "Patient", CONDITION, Interaction("delete", "Patient", condition=CONDITION)),
        ("GET", "Patient/1/_history", "", Interaction("history", "Patient", "1")),
        ("GET", "Patient/1/_history/2", "", Interaction("vread", "Patient", "1", version="2")),
    ],
)
def test_interactions(method: str, path: str, query: str, found: Interaction) -> None:
    assert read_interaction(method, path, query) == found


@pytest.mark.parametrize(
    ("method", "path", "query", "status"),
    [
        ("GET", "Pateint", "", 404),
        ("GET", "patient/1", "", 404),
        ("POST", "$everything", "", 404),
        ("GET", "Patient/1/$everything", "", 404),
        ("POST", "Patient/$lookup", "", 404),
        ("GET", "Patient/1/2", "", 404),
        ("GET", "Patient/1/_history/2/3", "", 404),
        ("GET", "_status", "", 404),
        ("GET", "../etc", "", 404),
        ("PUT", "Patient", "", 400),
        ("DELETE", "Patient", "", 400),
        ("DELETE", "Patient", "_format=json", 400),
        ("DELETE", "Patient", "identifier=", 400),
        ("PUT", "Patient/a_b", "", 400),
        ("GET", f"Patient/{'a' * 65}", "", 400),
        ("GET", "Patient/1/_history/a b", "", 400),
        ("POST", "Patient/1", "", 405),
        ("POST", "metadata", "", 405),
        ("GET", "$process-message", "", 405),
        ("DELETE", "_status/1", "", 405),
        ("PUT", "", "", 405),
        ("TRACE", "Patient", "", 405),
        ("GET", "Patient/_search", "", 405),
    ],
)
def test_what_is_no_interaction(method: str, path: str, query: str, status: int) -> None:
    with pytest.raises(RefusedError) as refused:
        read_interaction(method, path, query)
    assert refused.value.status == status
    assert ("allow" in refused.value.headers) == (status == 405)


def test_conditions_and_versions_are_kept() -> None:
    assert read_interaction("POST", "Patient", "", f"Patient?{CONDITION}").condition == CONDITION
    assert read_interaction("PUT", "Patient/1", "", "", 'W/"3"').if_match == 'W/"3"'


@pytest.mark.parametrize("written", [CONDITION, f"?{CONDITION}", f"Patient?{CONDITION}", f" {CONDITION} "])
def test_how_conditions_are_written(written: str) -> None:
    assert condition_of(written) == CONDITION


@pytest.mark.parametrize(
    ("method", "path", "types", "status", "allow"),
    [
        ("POST", "Patient", [], 200, ""),
        ("POST", "Patient", ["Patient"], 200, ""),
        ("POST", "Observation", ["Patient"], 404, ""),
        ("PUT", "Patient/1", [], 405, ""),
        ("GET", "Patient/1", [], 405, ""),
        ("GET", "Patient", [], 405, "POST"),
        ("POST", "", [], 200, ""),
        ("POST", "$process-message", ["Patient"], 405, ""),
        ("GET", "metadata", ["Patient"], 200, ""),
    ],
)
def test_what_a_channel_takes(method: str, path: str, types: list[str], status: int, allow: str) -> None:
    interaction = read_interaction(method, path)
    if status == 200:
        check_allowed(interaction, ["create", "batch"], types, reads=False)
        return
    with pytest.raises(RefusedError) as refused:
        check_allowed(interaction, ["create", "batch"], types, reads=False)
    assert refused.value.status == status
    assert refused.value.headers.get("allow", "") == allow


@pytest.mark.parametrize(
    ("method", "path", "query", "resource", "place"),
    [
        ("POST", "Patient", "", {"resourceType": "Observation"}, "Observation"),
        ("POST", "Patient", "", {"resourceType": "<Jane>"}, "Resource"),
        ("POST", "Patient", "", {"resourceType": "Patient", "id": 7}, "Patient.id"),
        ("POST", "Patient", "", {"resourceType": "Patient", "id": "a b"}, "Patient.id"),
        ("PUT", "Patient/1", "", {"resourceType": "Patient"}, "Patient.id"),
        ("PUT", "Patient/1", "", {"resourceType": "Patient", "id": "2"}, "Patient.id"),
        ("PUT", "Patient/1", "", {"resourceType": "Patient", "id": "1"}, ""),
        ("POST", "Patient", "", {"resourceType": "Patient", "id": "1"}, ""),
        ("PUT", "Patient", CONDITION, {"resourceType": "Patient"}, ""),
    ],
)
def test_the_resource_must_be_the_one_that_the_address_names(
    method: str, path: str, query: str, resource: dict[str, Any], place: str
) -> None:
    interaction = read_interaction(method, path, query)
    if not place:
        check_resource(interaction, resource)
        return
    with pytest.raises(RefusedError) as refused:
        check_resource(interaction, resource)
    assert (refused.value.status, refused.value.issues[0].expression) == (400, (place,))
    assert "Jane" not in str(refused.value.outcome)


@given(
    st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]) | st.text(max_size=12),
    st.lists(
        st.sampled_from(["Patient", "_history", "_search", "$process-message", "metadata", "_status", "1", ""])
        | st.text(max_size=8),
        max_size=5,
    ).map("/".join),
    st.text(max_size=20) | st.from_regex(re.compile(r"[a-z]{1,5}=[a-z|&=;%]{0,9}"), fullmatch=True),
)
def test_any_address_is_an_interaction_or_refused(method: str, path: str, query: str) -> None:
    try:
        found = read_interaction(method, path, query)
    except RefusedError as refused:
        assert refused.status in (400, 404, 405)
    else:
        assert found.kind
