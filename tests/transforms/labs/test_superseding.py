"""A recipient is told each version of a result once, and never an older one over a newer."""

from __future__ import annotations

import pytest

from schemas.message import Message
from tests.transforms.labs.lab import HALE, LISK, npi, order, oru, registry
from tests.transforms.notify.fakes import FakeRegistry
from transforms.labs.find_recipient import find_recipient
from transforms.labs.tell_result import tell_result
from transforms.labs.version import Version
from transforms.step import StepError


def sent(status: str, value: str = "139", at: str = "12", **fields: str) -> Message:
    """A result of Hale's with the status of its order, made at that hour."""
    both = {"OBR_25": status, "OBX_11": status if status in "FCPX" else "F", "OBX_5": value}
    return oru(order(**{"OBR_16": npi(HALE), "OBR_22": f"20260312{at}0000" if at else "", **both, **fields}))


def told(known: FakeRegistry, *feed: Message) -> list[str]:
    """What becomes of each message of `feed`: the kind of notice, or why there is none."""
    became = []
    for one in feed:
        for found in find_recipient(one, registry=known):  # type: ignore[union-attr]
            made = tell_result(found, registry=known)
            assert isinstance(made, Message)
            if "deliver.withheld" in made.attributes:
                assert "notice.key" not in made.attributes
                became.append(made.attributes["deliver.withheld"].partition(":")[0])
            else:
                known.tell(made)
                became.append(made.get("notice.kind"))
    return became


BEHIND, REPEAT = "superseded", "the final result was told already"


@pytest.mark.parametrize(
    ("feed", "expected"),
    [
        ([sent("P"), sent("F", at="13")], ["new", "update"]),
        ([sent("P"), sent("A", at="13"), sent("F", at="14")], ["new", "update", "update"]),
        ([sent("F"), sent("P", at="11")], ["new", BEHIND]),
        ([sent("F"), sent("P", at="13")], ["new", BEHIND]),
        ([sent("F"), sent("A", at="13")], ["new", BEHIND]),
        ([sent("F"), sent("O", at="13")], ["new", BEHIND]),
        ([sent("P", at="13"), sent("F", at="12")], ["new", "update"]),
        ([sent("P", at="13", value="1"), sent("P", at="12", value="2")], ["new", BEHIND]),
        ([sent("P", at="12", value="1"), sent("P", at="12", value="2")], ["new", "update"]),
        ([sent("F"), sent("C", value="140", at="13")], ["new", "correction"]),
        ([sent("F"), sent("C", value="140", at="11")], ["new", "correction"]),
        ([sent("C", value="140"), sent("F", at="11")], ["correction", BEHIND]),
        ([sent("C", value="140"), sent("F")], ["correction", BEHIND]),
        ([sent("C", value="140"), sent("F", value="141", at="13")], ["correction", "update"]),
        ([sent("C", value="1", at="13"), sent("C", value="2", at="12")], ["correction", BEHIND]),
        ([sent("C", value="1", at="12"), sent("C", value="2", at="13")], ["correction", "correction"]),
        ([sent("P"), sent("C", value="140", at="13"), sent("P", at="14")], ["new", "correction", BEHIND]),
        ([sent("F"), sent("F")], ["new", REPEAT]),
        ([sent("F"), sent("F", at="15")], ["new", REPEAT]),
        ([sent("F"), sent("C", value="1", at="13"), sent("F")], ["new", "correction", BEHIND]),
        ([sent("F", value="1"), sent("F", value="2", at="13")], ["new", "update"]),
        ([sent("F", value="1", at="13"), sent("F", value="2", at="12")], ["new", BEHIND]),
        ([sent("P"), sent("X", at="13")], ["new", "withdrawal"]),
        ([sent("X", at="13"), sent("P", at="14")], ["withdrawal", BEHIND]),
        ([sent("F"), sent("X", at="13"), sent("F", at="14")], ["new", "withdrawal", "update"]),
        ([sent("F"), sent("F", OBR_3="L2^LAB")], ["new", "new"]),
        ([sent("F"), sent("P", OBR_3="L1^OTHER")], ["new", "new"]),
        ([sent("F"), sent("P", OBR_4="CBC^Blood^L")], ["new", "new"]),
        ([sent("F", OBR_3="", OBR_2=""), sent("P", OBR_3="", OBR_2="")], ["new", BEHIND]),
        ([sent("F", at=""), sent("F", at="", value="2")], ["new", "update"]),
        ([sent("", OBX_11="P"), sent("", OBX_11="F", at="13"), sent("", OBX_11="P")], ["new", "update", BEHIND]),
        ([sent("F"), sent("F", OBX_11="C", value="2", at="13")], ["new", "correction"]),
        ([sent("F"), sent("F", OBX_11="W", value="2", at="13")], ["new", "correction"]),
        ([sent("F", at="13"), sent("F", value="2", OBR_22="20260312")], ["new", "update"]),
    ],
    ids=lambda value: (
        " ".join(each.get("OBR-25") or each.get("OBX-11") for each in value) if isinstance(value[0], Message) else ""
    ),
)
def test_stories(feed: list[Message], expected: list[str]) -> None:
    assert told(registry(), *feed) == expected


def test_each_recipient_has_a_story_of_its_own() -> None:
    known = registry()
    assert told(known, sent("F")) == ["new"]
    assert told(known, sent("F", OBR_28=npi(LISK))) == [REPEAT, "new"]


def test_a_message_routed_again_after_a_crash_tells_the_same() -> None:
    known, final = registry(), sent("F")
    assert told(known, final) == told(known, final) == ["new"]


def test_what_is_told_is_evidence_without_the_result() -> None:
    (found,) = find_recipient(sent("C", value="4711"), registry=registry())  # type: ignore[misc]
    made = tell_result(found, registry=registry())
    assert isinstance(made, Message)
    wanted = {"event": "result", "kind": "correction", "patient": "7704318", "sender": "STANNE"}
    assert {name: made.get(f"notice.{name}") for name in wanted} == wanted
    assert made.get("result.status") == "corrected"
    assert made.get("notice.key") == "result STANNE L1^LAB BMP^L"
    assert "4711" not in str(made.attributes)


def test_a_time_zone_tells_which_is_later() -> None:
    early, late = (Version("final", each, "d") for each in ("20260312120000+0200", "20260312110000+0000"))
    assert early.is_behind(late)
    assert not late.is_behind(early)
    assert not Version("final", "20260312130000", "e").is_behind(late)
    assert Version.parse(str(late)) == late
    assert Version.parse(str(Version("final", "", "e"))) == Version("final", "", "e")
    assert Version.parse("admit") is None


@pytest.mark.parametrize("field", ["OBR_3", "OBR_4", "OBR_22", "OBR_2", "OBX_5"])
@pytest.mark.parametrize("text", ["a b  c", "\\X00\\", "\\X0D\\x", "9" * 5_000, "-", "\u202e"])
def test_whatever_a_field_holds_a_repeat_is_a_repeat(field: str, text: str) -> None:
    given = {"OBR_16": npi(HALE), field: text}
    known = registry()
    assert told(known, oru(order(**given)), oru(order(**given))) == ["new", REPEAT]
    ((_, key, _),) = known.notes
    assert key.isprintable()
    assert len(key) <= 200


def test_who_is_unknown_passes_and_who_is_missing_is_said() -> None:
    (unknown,) = find_recipient(oru(order()), registry=registry())  # type: ignore[misc]
    assert tell_result(unknown, registry=registry()) is unknown
    with pytest.raises(StepError, match="for nobody"):
        tell_result(oru(order()), registry=registry())
    (two,) = find_recipient(oru(order(OBR_16=npi(HALE)), order(OBR_3="L2", OBR_16=npi(HALE))), registry=registry())  # type: ignore[misc]
    with pytest.raises(StepError, match="2 orders"):
        tell_result(two, registry=registry())


def test_what_is_held_for_a_person_was_not_told() -> None:
    known = registry()
    [found] = find_recipient(sent("F"), registry=known)  # type: ignore[union-attr]
    held = found.derive("map_codes", attributes={"codes.unmapped": "XYZ"})
    assert tell_result(held, registry=known) is held


@pytest.mark.parametrize(
    ("feed", "expected"),
    [
        ([sent("F"), sent("F")], ["new"]),
        ([sent("F"), sent("F", at="13")], ["new"]),
        ([sent("P"), sent("F"), sent("F")], ["update"]),
        ([sent("F"), sent("C", value="140"), sent("C", value="140")], ["correction"]),
        ([sent("F"), sent("P", at="13")], [BEHIND]),
    ],
)
def test_a_result_that_was_refused_is_told_when_it_is_sent_again(feed: list[Message], expected: list[str]) -> None:
    known = registry()
    told(known, *feed[:-1])
    known.lose()
    assert told(known, feed[-1]) == expected
