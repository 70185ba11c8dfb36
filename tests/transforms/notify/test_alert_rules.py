"""What Da Vinci's guide demands of a notification (Unsolicited Notifications 1.1.0), a case for each rule."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from schemas.fhir.bundled import references
from tests.transforms.notify.test_alert import notice, only, told

GUIDE = "http://hl7.org/fhir/us/davinci-alerts/"
FULL_FACILITY = (
    "MSH|^~\\&|ADT|STANNE|HIE|REGION|20260312083015+0100||ADT^A01^ADT_A01|M77|P|2.5.1\n"
    "EVN|A01|20260312082955+0100|||||STANNE^1457350280^NPI\n"
    "PID|1||7^^^STANNE^MR||Vale^Ann^B^Jr||19610417|F||||||||||VN1^^^STANNE\n"
    "PV1|1|I|4W^412^B^STANNE||||1992033318^Pellworth^Imogen^^^Dr^MD^^NPI||||||||||||VN1^^^STANNE^VN\n"
    "PV2|||R07.9^Chest pain^I10\nDG1|1||R07.9^Chest pain^I10\nIN1|1|PPO|HG4471|Heron Mutual|||||||||||||||SUB\n"
)
BARE = "MSH|^~\\&|A|STANNE|||20261125||ADT^A01|M1|P|2.5.1\nEVN||20261125\nPID|1||7||Vale\nPV1|1|I|||||||||||||||||V1\n"


def bundle(body: str | None = None, name: str = "adt_a01", phase: str = "arrival", **facts: str) -> Any:
    sent = notice(name, phase, **facts)
    return told(sent if body is None else replace(sent, body=body.replace("\n", "\r").encode()))


def resources(made: Any, kind: str) -> list[Any]:
    return [each["resource"] for each in made["entry"] if each["resource"]["resourceType"] == kind]


def header(made: Any) -> Any:
    return made["entry"][0]["resource"]


def absent(element: Any) -> str:
    return str(element["extension"][0]["valueCode"])


def reasons(node: Any) -> Iterator[str]:
    """Every data-absent-reason below `node`."""
    if isinstance(node, list):
        for each in node:
            yield from reasons(each)
    elif isinstance(node, dict):
        if node.get("url", "").endswith("/data-absent-reason"):
            yield node["valueCode"]
        for each in node.values():
            yield from reasons(each)


def reached(made: Any) -> set[str]:
    """The entries that references lead to from the header, and those that lead to what is reached."""
    known = {each["fullUrl"]: each["resource"] for each in made["entry"]}
    found = {made["entry"][0]["fullUrl"]}
    while True:
        more = {each.text for url in found for each in references(known[url], "")} & known.keys()
        more |= {url for url, each in known.items() if {one.text for one in references(each, "")} & found}
        if more <= found:
            return found
        found |= more


def _is_ann(who: Any) -> bool:
    told = (who["name"][0]["family"], who["name"][0]["given"], who["birthDate"], who["gender"])
    return told == ("Vale", ["Ann", "B"], "1961-04-17", "female") and "7" in {
        each["value"] for each in who["identifier"]
    }


def _is_anns(visit: Any) -> bool:
    told = (visit["class"]["code"], visit["identifier"][0]["value"])
    return told == ("IMP", "VN1") and bool(visit["location"][0]["location"]["reference"])


NPI = {"system": "http://hl7.org/fhir/sid/us-npi", "value": "1457350280"}
RULES: list[tuple[str, Callable[[], bool]]] = [
    (
        "1 type message, an id, a timestamp",
        lambda: all(bundle()[name] for name in ("id", "timestamp")) and bundle()["type"] == "message",
    ),
    ("1 two entries or more", lambda: len(bundle(BARE)["entry"]) >= 2),
    (
        "1 no total, search, request, response",
        lambda: (
            "total" not in bundle() and {key for each in bundle()["entry"] for key in each} == {"fullUrl", "resource"}
        ),
    ),
    (
        "1 one MessageHeader, the first",
        lambda: (
            [at for at, each in enumerate(bundle()["entry"]) if each["resource"]["resourceType"] == "MessageHeader"]
            == [0]
        ),
    ),
    (
        "2 an id, an event of the guide's, a focus, no response",
        lambda: (
            header(bundle())["eventCoding"]["system"] == f"{GUIDE}CodeSystem/notification-event"
            and bool(header(bundle())["id"] and header(bundle())["focus"][0]["reference"])
            and "response" not in header(bundle())
        ),
    ),
    (
        "2 at most one destination, with its endpoint",
        lambda: [each["endpoint"] for each in header(bundle())["destination"]] == ["https://fhir.riverside.example/r4"],
    ),
    ("2 no destination without an endpoint", lambda: "destination" not in header(bundle(subscriber_address=""))),
    (
        "2 a source with its endpoint, or why not",
        lambda: (
            "endpoint" in header(bundle(BARE))["source"] or bool(absent(header(bundle(BARE))["source"]["_endpoint"]))
        ),
    ),
    (
        "3 the focus is the visit",
        lambda: header(bundle())["focus"] == [{"reference": f"urn:uuid:{only(bundle(), 'Encounter')['id']}"}],
    ),
    (
        "3 the visit by the guide's profile and US Core's",
        lambda: (
            {each.rpartition("/")[2] for each in only(bundle(), "Encounter")["meta"]["profile"]}
            == {"adt-notification-encounter", "us-core-encounter"}
        ),
    ),
    (
        "3 subject, participant, location are there",
        lambda: all(only(bundle(BARE), "Encounter").get(name) for name in ("subject", "participant", "location")),
    ),
    (
        "4 sender and responsible: the institution",
        lambda: (
            [
                next(
                    each["name"]
                    for each in resources(bundle(), "Organization")
                    if header(bundle())[role]["reference"].endswith(each["id"])
                )
                for role in ("sender", "responsible")
            ]
            == ["STANNE", "STANNE"]
        ),
    ),
    (
        "4 author: who treats the patient",
        lambda: (
            header(bundle())["author"]["reference"]
            in {f"urn:uuid:{each['id']}" for each in resources(bundle(), "Practitioner")}
        ),
    ),
    (
        "4 the visit's provider is known",
        lambda: only(bundle(), "Encounter")["serviceProvider"] == header(bundle())["sender"],
    ),
    (
        "4 diagnoses, each of the visit",
        lambda: (
            [each["encounter"]["reference"] for each in resources(bundle(), "Condition")]
            == [header(bundle())["focus"][0]["reference"]] * len(resources(bundle(), "Condition"))
            and len(resources(bundle(), "Condition")) > 0
        ),
    ),
    ("4 insurance", lambda: len(resources(bundle(), "Coverage")) > 0),
    (
        "5 references lead to entries",
        lambda: (
            {each.text for one in bundle()["entry"] for each in references(one["resource"], "")}
            <= {each["fullUrl"] for each in bundle()["entry"]}
        ),
    ),
    ("5 nothing that is not connected", lambda: reached(bundle()) == {each["fullUrl"] for each in bundle()["entry"]}),
    ("7 one patient", lambda: len(resources(bundle(), "Patient")) == 1),
    (
        "9 why it is not known: participant, place",
        lambda: (
            set(reasons(only(bundle(BARE), "Encounter")["participant"])) == {"unknown"}
            and set(reasons(only(bundle(BARE), "Location"))) >= {"unknown"}
        ),
    ),
    (
        "9 masked where the subscriber has the least",
        lambda: set(reasons(only(bundle(subscriber_content="minimum"), "Patient"))) == {"masked"},
    ),
    (
        "12 A01 begins the visit",
        lambda: only(bundle(FULL_FACILITY), "Encounter")["period"] == {"start": "2026-03-12T08:29:55+01:00"},
    ),
    (
        "12 A03 ends and finishes it",
        lambda: (
            (
                only(bundle(name="adt_a03", phase="discharge"), "Encounter")["period"]["end"],
                only(bundle(name="adt_a03", phase="discharge"), "Encounter")["status"],
            )
            == ("2026-03-16T11:00:00+01:00", "finished")
        ),
    ),
    (
        "12 MSH-10, with a system",
        lambda: (
            bundle(FULL_FACILITY)["identifier"]["value"] == "M77"
            and bool(bundle(FULL_FACILITY)["identifier"]["system"])
        ),
    ),
    (
        "12 MSH-10 of ours in the least content",
        lambda: (
            bool(bundle(FULL_FACILITY, subscriber_content="minimum")["identifier"]["system"])
            and bundle(FULL_FACILITY, subscriber_content="minimum")["identifier"]["value"] != "M77"
        ),
    ),
    (
        "12 EVN-7 is the facility's NPI",
        lambda: (
            NPI
            in next(each for each in resources(bundle(FULL_FACILITY), "Organization") if each.get("name") == "STANNE")[
                "identifier"
            ]
        ),
    ),
    (
        "12 PID-3, 5, 7, 8",
        lambda: _is_ann(only(bundle(FULL_FACILITY), "Patient")),
    ),
    (
        "12 PV1-2, PV1-3, PV1-19",
        lambda: _is_anns(only(bundle(FULL_FACILITY), "Encounter")),
    ),
    (
        "12 EVN-7 is the NPI of the place as well, and of no bed",
        lambda: (
            [each["name"] for each in resources(bundle(FULL_FACILITY), "Location") if NPI in each["identifier"]]
            == ["STANNE"]
        ),
    ),
    (
        "12 PID-18 is the visit's account",
        lambda: (
            [
                (each["identifier"][0]["value"], each["type"]["coding"][0]["code"])
                for each in resources(bundle(FULL_FACILITY), "Account")
                if only(bundle(FULL_FACILITY), "Encounter")["account"] == [{"reference": f"urn:uuid:{each['id']}"}]
            ]
            == [("VN1", "PBILLACCT")]
        ),
    ),
    ("12 PV1-4", lambda: only(bundle(), "Encounter")["type"][0]["coding"][0]["code"] == "E"),
    (
        "12 A02 leaves the visit in progress, as in the guide's own example",
        lambda: only(bundle(name="adt_a02", phase="transfer"), "Encounter")["status"] == "in-progress",
    ),
    (
        "12 PV1-36 on discharge",
        lambda: (
            "dischargeDisposition" in only(bundle(name="adt_a03", phase="discharge"), "Encounter")["hospitalization"]
        ),
    ),
    (
        "12 PV2-3 on admission",
        lambda: only(bundle(FULL_FACILITY), "Encounter")["reasonCode"][0]["coding"][0]["code"] == "R07.9",
    ),
]


@pytest.mark.parametrize("rule", [name for name, _ in RULES])
def test_a_rule_of_the_guide(rule: str) -> None:
    assert dict(RULES)[rule]()
