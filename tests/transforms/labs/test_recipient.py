"""Who gets a result: everybody who is named and found, each once, and a person looks for the others."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from schemas.message import TEXT
from schemas.tables import CodeMap
from tests.transforms.labs.lab import CLINIC, EASTMERE, HALE, LISK, NOWHERE, WARD, npi, order, oru, registry
from tests.transforms.written import message
from transforms.labs.find_recipient import find_recipient
from transforms.labs.split_orders import split_orders
from transforms.recipient import recipients
from transforms.step import StepError

SAMPLES = Path(__file__).parents[3] / "samples/hl7v2"
IDS = CodeMap.read(
    "code,system,to_code,to_display,to_system\nD77,STANNE,9306778249,,\nD1,,9880425977,,\n", "maps/ids.csv"
)
PRT = "PRT|1|AD||{0}^^HL70912|{1}\n"


def found(*orders: str, **options: object) -> list[tuple[str, str]]:
    """Who gets the result as what; for nobody known, `?` and where."""
    made = find_recipient(oru(*orders), registry=registry(), **options)  # type: ignore[arg-type]
    return [
        (each.get("subscriber.id") or "?", each.get("recipient.role") or each.findings[-1].where)
        for each in made  # type: ignore[union-attr]
    ]


TO_HALE, TO_LISK = ("eastmere", "ordering"), (f"npi:{LISK}", "ordering")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"OBR_16": npi(HALE)}, [TO_HALE]),
        ({"ORC_12": npi(HALE)}, [TO_HALE]),
        ({"OBR_16": npi(HALE), "ORC_12": npi(HALE)}, [TO_HALE]),
        ({"OBR_16": f"{HALE}^Hale^Ada^^^^^^^^^^NPI"}, [TO_HALE]),
        ({"OBR_16": f"{HALE}^Hale^Ada^^^^^^&2.16.840.1.113883.4.6&ISO"}, [TO_HALE]),
        ({"OBR_16": f"{HALE}^Hale^Ada^^^Dr^MD^NPI"}, [TO_HALE]),
        ({"OBR_16": npi(LISK)}, [TO_LISK]),
        ({"OBR_16": npi(HALE), "OBR_28": npi(LISK)}, [TO_HALE, (f"npi:{LISK}", "copy")]),
        ({"OBR_16": npi(LISK), "OBR_28": f"{npi(LISK)}~{npi(HALE)}"}, [TO_LISK, ("eastmere", "copy")]),
        ({"OBR_16": f"H9^Hale^Ada^^^^^^STANNE~{HALE}^Hale^Ada^^^^^^NPI"}, [TO_HALE]),
        ({"OBR_16": npi(NOWHERE)}, [("?", "OBR-16")]),
        ({"OBR_16": npi(WARD)}, [("?", "OBR-16")]),
        ({"OBR_16": "^Hale^Ada"}, [("?", "OBR-16")]),
        ({"OBR_16": f"{HALE}^Hale^Ada"}, [("?", "OBR-16")]),
        ({"OBR_16": "12^Hale^Ada^^^^^^NPI"}, [("?", "OBR-16")]),
        ({"OBR_16": '""'}, [("?", "OBR-16")]),
        ({}, [("?", "OBR-16")]),
        ({"OBR_16": npi(HALE), "OBR_28": npi(NOWHERE)}, [TO_HALE, ("?", "OBR-28")]),
        ({"ORC_21": f"Eastmere^^^^^NPI^^^^{CLINIC}"}, [("eastmere", "facility")]),
        ({"ORC_21": f"Eastmere^^^^^&2.16.840.1.113883.4.6&ISO^NPI^^^{CLINIC}"}, [("eastmere", "facility")]),
        ({"OBR_16": npi(NOWHERE), "ORC_21": f"Eastmere^^^^^NPI^^^^{CLINIC}"}, [("eastmere", "facility")]),
        ({"OBR_16": npi(LISK), "ORC_21": f"Eastmere^^^^^NPI^^^^{CLINIC}"}, [TO_LISK]),
        ({"OBR_16": npi(NOWHERE), "ORC_21": "Eastmere"}, [("?", "ORC-21")]),
    ],
    ids=str,
)
def test_who_is_named_gets_it(fields: dict[str, str], expected: list[tuple[str, str]]) -> None:
    assert found(order(**fields)) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (PRT.format("OP", npi(HALE)), [TO_HALE]),
        (PRT.format("RCT", npi(LISK)), [("?", "OBR-16"), (f"npi:{LISK}", "copy")]),
        (PRT.format("OP", f"||^x|{''}"), [("?", "OBR-16")]),
        (PRT.format("OP", f"|||Eastmere^^^^^NPI^^^^{CLINIC}"), [("eastmere", "facility")]),
        (PRT.format("PI", npi(HALE)), [("?", "OBR-16")]),
        (PRT.format("OP", npi(HALE)).replace("|AD|", "|DE|"), [("?", "OBR-16")]),
    ],
)
def test_participants_are_named_too(line: str, expected: list[tuple[str, str]]) -> None:
    assert sorted(found(order(), line)) == sorted(expected)


def test_options() -> None:
    ordered = order(OBR_16="D77^Lisk^^^^^^^STANNE", OBR_28="D1^Hale^^^^^^^OTHER")
    assert found(ordered, ids=IDS) == [TO_LISK, ("eastmere", "copy")]
    assert found(order(OBR_16="D77^Lisk^^^^^^^OTHER"), ids=IDS) == [("?", "OBR-16")]
    assert found(order(OBR_16=HALE), bare_numbers="npi") == [TO_HALE]
    assert found(order(OBR_16=f"{HALE}^Hale^^^^^^^STANNE"), bare_numbers="npi") == [("?", "OBR-16")]
    everywhere = find_recipient(oru(order()), registry=registry(), always=["public-health"])  # type: ignore[arg-type]
    assert [(each.get("subscriber.id"), each.get("recipient.verdict")) for each in everywhere] == [  # type: ignore[union-attr]
        ("public-health", "known"),
        ("", "unknown"),
    ]
    both = order(OBR_16=npi(LISK), ORC_21=f"Eastmere^^^^^NPI^^^^{CLINIC}")
    assert found(both, facility="also") == [TO_LISK, ("eastmere", "facility")]
    (made,) = find_recipient(oru(order(OBR_16=npi(LISK))), registry=registry(), ends=["fhir", "direct"])  # type: ignore[arg-type]
    assert (made.get("subscriber.delivery"), made.get("subscriber.address")) == ("fhir", "https://f")


def test_a_subscriber_is_told_as_it_wishes_and_nobody_who_does_not_want_results() -> None:
    deaf = replace(EASTMERE, name="deaf", events=frozenset({"admit"}))
    (made,) = find_recipient(oru(order(OBR_16=npi(HALE))), registry=registry(deaf, EASTMERE))  # type: ignore[arg-type]
    wanted = {"id": "eastmere", "delivery": "mllp", "address": "127.0.0.1:2601", "format": "v2", "npi": CLINIC}
    assert {name: made.get(f"subscriber.{name}") for name in wanted} == wanted
    assert made.get("recipient.rule") == f"OBR-16: subscribed by that of its organization {CLINIC}"
    (made,) = find_recipient(oru(order(OBR_16=npi(HALE))), registry=registry(deaf))  # type: ignore[arg-type]
    assert made.get("subscriber.id") == f"npi:{CLINIC}"


def test_who_looks_for_the_unknown_is_told_where_and_why() -> None:
    sent = oru(order(OBR_16=f"{npi(NOWHERE)}~Q^Vale^Ann^^^^^^STANNE"))
    (made,) = find_recipient(sent, registry=registry(), ids=IDS)  # type: ignore[arg-type]
    assert made.get("recipient.verdict") == "unknown"
    assert made.get("recipient.rule") == (
        f"OBR-16: NPI {NOWHERE} is not in the directory, and nobody subscribes by it; "
        "OBR-16: a number that is no NPI, and maps/ids.csv does not have it"
    )
    assert not [name for name in made.attributes if name.startswith("subscriber.")]
    assert {each.code for each in made.findings} == {"LAB-101"}
    assert made.body == sent.body


def test_an_order_apart_goes_to_who_ordered_it_and_its_children_with_it() -> None:
    parts = split_orders(
        oru(
            order(OBR_16=npi(HALE)),
            order(OBR_3="L2^LAB", OBR_16=npi(LISK)),
            order(OBR_3="L3^LAB", OBR_4="MIC", OBR_29="O9^X&Y"[:2] + "&STANNE^L2&LAB"),
        )
    )
    assert [part.er7.get_all("OBR[*]-3.1") for part in parts] == [["L1"], ["L2", "L3"]]
    assert [part.get("MSH-10") for part in parts] == ["M1-1", "M1-2"]
    assert [part.get("PID-3.1") for part in parts] == ["7704318", "7704318"]
    assert [part.get("split.number") for part in parts] == ["1", "2"]
    one = oru(order())
    assert split_orders(one) == [one]
    whole = [*split_orders(message((SAMPLES / "oru_r01_microbiology.hl7").read_bytes()))]
    assert [len(each.er7.named("OBR")) for each in whole] == [2]


def test_a_patient_without_an_order_goes_to_nobody_with_anothers() -> None:
    one = oru(order())
    stranger = b"PID|1||99^^^STANNE||Stranger^Other||19500101|M\rPID|"
    both = replace(one, body=one.body.replace(b"PID|", stranger, 1))
    (sent,) = split_orders(both)
    assert b"Stranger" not in sent.body
    assert sent.body == one.body.replace(b"|M1|", b"|M1-1|", 1)


def test_the_patient_of_each_order_is_its_own() -> None:
    two = "PID|1||88^^^STANNE||Vale^Ann\n"
    parts = split_orders(oru(order(), two, order(OBR_3="L2^LAB")))
    assert [part.er7.get_all("PID[*]-3.1") for part in parts] == [["7704318"], ["88"]]
    of_another = order(OBR_3="L2^LAB", OBR_29="^L1&LAB")
    assert len(split_orders(oru(order(), two, of_another))) == 2


def test_what_has_no_order_is_said() -> None:
    for step in (split_orders, lambda sent: list(find_recipient(sent, registry=registry()))):  # type: ignore[arg-type]
        with pytest.raises(StepError, match="answers no order"):
            step(oru())
        with pytest.raises(StepError, match="HL7 v2"):
            step(message(b"x", TEXT))


def test_the_look_up_serves_others_by_number() -> None:
    assert [each.name for each in recipients(registry(), HALE, "result").by] == ["eastmere"]
    assert recipients(registry(), NOWHERE, "result").by == ()
    assert "without an endpoint" in recipients(registry(), WARD, "result").rule
