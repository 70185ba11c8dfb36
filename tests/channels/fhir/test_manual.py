"""The manual page has every option, finding and attribute that the code has, and no other."""

import re
from pathlib import Path

from channels.fhir import FhirInbound, FhirOutbound
from channels.fhir.intake import attributes_of
from channels.fhir.interaction import Interaction
from channels.fhir.reception import _FINDINGS
from channels.fhir.smart import Smart
from engine.config.options import signature_of

PAGE = (Path(__file__).parents[3] / "docs" / "ends" / "fhir.md").read_text()
INBOUND, _, OUTBOUND = PAGE.partition("## FHIR out\n")


def section(title: str, page: str = INBOUND) -> str:
    return page.partition(f"### {title}\n")[2].partition("\n### ")[0]


def names(text: str) -> set[str]:
    return {
        name for cell in re.findall(r"^\| (`[^|]*) \|", text, re.MULTILINE) for name in re.findall(r"`([^`]+)`", cell)
    }


def test_every_option_with_its_default() -> None:
    signature = signature_of(FhirInbound)
    table = section("Options")
    assert names(table) == {option.name for option in signature.options}
    for option in signature.options:
        if option.shown_default:
            assert f"| `{option.name}` | `{option.shown_default}` |" in table


def test_every_option_out_with_its_default() -> None:
    signature = signature_of(FhirOutbound)
    table = section("Options out", OUTBOUND)
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == {option.name for option in signature.options}
    for option in signature.options:
        if option.shown_default:
            assert f"| `{option.name}` | `{option.shown_default}` |" in table
    smart = section("SMART Backend Services", OUTBOUND)
    assert set(re.findall(r"^\| `(\w+)` \|", smart, re.MULTILINE)) == set(Smart.model_fields)
    assert f"| `scope` | `{Smart.model_fields['scope'].default}` |" in smart


def test_every_finding() -> None:
    assert names(section("Findings")) == {*_FINDINGS, *(f"FHIR-{number}" for number in (407, 408, 414, 415, 416))}


def test_every_attribute() -> None:
    whole = attributes_of(
        Interaction("update", "Patient", "1", "x=y", if_match="1"),
        "PUT",
        dict.fromkeys(("fhir.client", "fhir.peer", "fhir.request_id", "fhir.xml"), "x"),
    )
    assert names(section("Attributes")) == set(whole)
    assert set(re.findall(r"`(fhir\.\w+)`", FhirInbound.__doc__ or "")) == set(whole)
