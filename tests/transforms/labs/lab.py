"""Result messages of an invented laboratory, and the providers that get them."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

from schemas.message import Message
from tests.transforms.notify.fakes import FakeRegistry
from tests.transforms.written import message
from transforms.registry import Provider, Subscriber

HALE, LISK, WARD, CLINIC, NOWHERE = "9880425977", "9306778249", "1003000126", "1234567893", "1679576722"
"""NPIs: Hale and her clinic, Lisk with a Direct address alone, Ward without any way, and one that nobody knows."""

EASTMERE = Subscriber("eastmere", "Eastmere", npi=CLINIC, delivery="mllp", address="127.0.0.1:2601", format="v2")
DIRECTORY = {
    HALE: Provider(HALE, "practitioner", "Hale, Ada", organizations=(CLINIC,)),
    LISK: Provider(LISK, "practitioner", "Lisk, Oriana", endpoints={"direct": "lisk@d.example", "fhir": "https://f"}),
    WARD: Provider(WARD, "practitioner", "Ward, Ben"),
    CLINIC: Provider(CLINIC, "organization", "Eastmere", endpoints={"mllp": "10.0.0.1:1"}),
}
_ids = count(1)


def registry(*subscribers: Subscriber) -> FakeRegistry:
    """The directory, and these subscribers, else Eastmere alone."""
    return FakeRegistry(list(subscribers or (EASTMERE,)), directory=DIRECTORY)


def npi(number: str, name: str = "") -> str:
    """A provider (XCN) by NPI."""
    return f"{number}^{name}^^^^^^^NPI"


def order(**fields: str) -> str:
    """ORC, OBR and one OBX; fields by address: `OBR_16="..."`."""
    segments = {
        "ORC": {1: "RE"},
        "OBR": {
            1: "1",
            2: "O1^STANNE",
            3: "L1^LAB",
            4: "BMP^Basic^L",
            7: "20260312113000",
            22: "20260312120000",
            25: "F",
        },
        "OBX": {1: "1", 2: "NM", 3: "2951-2^Sodium^LN", 5: "139", 6: "mmol/L", 11: "F"},
    }
    for name, text in fields.items():
        segment, number = name.split("_")
        segments[segment][int(number)] = text
    return "".join(
        "|".join([name, *(held.get(n, "") for n in range(1, max(held) + 1))]) + "\n" for name, held in segments.items()
    )


def oru(*orders: str) -> Message:
    """A result message with these orders, as an end hands it over; each has an id of its own."""
    head = "MSH|^~\\&|LAB|STANNE|HIE|REGION|20260312120500||ORU^R01^ORU_R01|M1|P|2.5.1\n"
    pid = "PID|1||7704318^^^STANNE^MR||Okonjo^Thessaly||19610417|F\n"
    return replace(message(head + pid + "".join(orders)), id=f"{next(_ids):032}")
