"""Scopes v2: what they say, what two of them share, and what an interaction needs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.fhir.interaction import read_interaction
from channels.fhir.smart.scopes import ScopeError, Scopes

TYPES = ["*", "Patient", "Observation", "Bundle"]
scope = st.builds(
    lambda name, letters: f"system/{name}.{''.join(each for each in 'cruds' if each in letters)}",
    st.sampled_from(TYPES),
    st.sets(st.sampled_from("cruds"), min_size=1),
)
scopes = st.lists(scope, max_size=5).map(Scopes.read)


@given(scopes, scopes, st.sampled_from([*TYPES, "Encounter"]), st.sampled_from("cruds"))
def test_what_both_allow_and_nothing_else(one: Scopes, other: Scopes, type: str, letter: str) -> None:
    assert one.both(other).allow(letter, type) == (one.allow(letter, type) and other.allow(letter, type))


@given(scopes)
def test_written_and_read_again(one: Scopes) -> None:
    assert Scopes.asked(str(one)) == one


@given(st.text() | st.lists(scope | st.text(max_size=30)).map(" ".join))
def test_whatever_is_asked_gives_no_more_than_its_good_part(text: str) -> None:
    known = Scopes.asked(text)
    assert set(str(known).split()) == set(str(Scopes.read(str(known).split())).split())
    for type, letters in known.letters.items():
        assert all(f"system/{type}." in text for _ in letters)


@pytest.mark.parametrize(
    "text",
    [
        "system/Patient.uc", "system/Patient.", "system/Patient", "system/Pateint.c", "user/Patient.r", "patient/*.r",
        "system/Patient.read", "system/*.*", "system/Patient.r?name=x", "system/Patient.rr", "openid", "",
    ],
)  # fmt: skip
def test_what_is_no_scope(text: str) -> None:
    with pytest.raises(ScopeError):
        Scopes.read([text])
    assert Scopes.asked(text).letters == {}


@pytest.mark.parametrize(
    ("method", "path", "query", "needed"),
    [
        ("POST", "Patient", "", "system/Patient.c"),
        ("PUT", "Patient/1", "", "system/Patient.u"),
        ("PUT", "Patient", "identifier=1", "system/Patient.u"),
        ("PATCH", "Patient/1", "", "system/Patient.u"),
        ("DELETE", "Patient/1", "", "system/Patient.d"),
        ("GET", "Patient/1", "", "system/Patient.r"),
        ("GET", "Patient/1/_history/2", "", "system/Patient.r"),
        ("GET", "Patient/1/_history", "", "system/Patient.r"),
        ("GET", "Patient/_history", "", "system/Patient.s"),
        ("GET", "Patient", "name=x&_count=2", "system/Patient.s"),
        ("POST", "Patient/_search", "", "system/Patient.s"),
        ("GET", "", "_type=Patient", "system/*.s"),
        ("GET", "_history", "", "system/*.s"),
        ("POST", "$process-message", "", "system/Bundle.c"),
        ("POST", "Bundle", "", "system/Bundle.c"),
        ("POST", "Patient/$validate", "", "system/Patient.c"),
        ("POST", "Patient/1/$validate", "", "system/Patient.c"),
        ("GET", "Patient", "_revinclude=Observation:subject", "system/*.s"),
        ("GET", "Patient", "%5Finclude:iterate=Patient:link", "system/*.s"),
        ("GET", "Patient", "_has:Observation:patient:code=1", "system/*.s"),
        ("GET", "Patient", "general-practitioner.name=x", "system/*.s"),
        ("GET", "Patient", "general-practitioner:Practitioner.name=x", "system/*.s"),
        ("GET", "Patient/1", "_include=*", "system/*.r"),
    ],
)
def test_what_an_interaction_needs(method: str, path: str, query: str, needed: str) -> None:
    interaction = read_interaction(method, path, query)
    assert Scopes.read([]).lacks(interaction) == needed
    assert Scopes.read([needed]).lacks(interaction) == ""
    every_other = "".join(letter for letter in "cruds" if letter != needed[-1])
    assert Scopes.read([f"system/*.{every_other}"]).lacks(interaction) == needed
