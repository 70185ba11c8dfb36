"""The order that a route keeps: whatever comes and goes, each key's messages start one after the other."""

from hypothesis import given
from hypothesis import strategies as st

from engine.lines import Lines


def test_other_keys_pass_a_message_that_is_held() -> None:
    lines = Lines()
    lines.add(1, ("a",))
    lines.add(2, ("a",))
    lines.add(3, ("b",))
    assert lines.start() == 1
    assert lines.start() == 3
    assert lines.start() is None
    lines.finish(1)
    assert lines.start() == 2


def test_a_merge_waits_for_both_patients_and_holds_both() -> None:
    lines = Lines()
    for place, keys in enumerate([("a",), ("b",), ("a", "b"), ("a",), ("b",)], start=1):
        lines.add(place, keys)
    assert [lines.start(), lines.start(), lines.start()] == [1, 2, None]
    lines.finish(2)
    assert lines.start() is None
    lines.finish(1)
    assert [lines.start(), lines.start()] == [3, None]
    lines.finish(3)
    assert {lines.start(), lines.start()} == {4, 5}


def test_a_retry_keeps_its_place() -> None:
    lines = Lines()
    lines.add(1, ("a",))
    lines.add(2, ("a",))
    assert lines.start() == 1
    lines.again(1)
    assert lines.start() == 1
    lines.finish(1)
    assert lines.start() == 2


_KEYS = st.lists(st.sampled_from("abcd"), max_size=3).map(tuple)


@given(st.lists(_KEYS, max_size=40), st.randoms(use_true_random=False))
def test_every_message_starts_once_and_in_the_order_of_each_of_its_keys(lines_of, chance) -> None:
    lines = Lines()
    waiting = list(enumerate(lines_of))
    under_way: list[int] = []
    started: list[int] = []
    while waiting or under_way or lines.ready:
        choice = chance.random()
        if waiting and choice < 0.4:
            place, keys = waiting.pop(0)
            lines.add(place, keys)
        elif lines.ready and choice < 0.7:
            place = lines.start()
            assert place is not None
            held = {key for other in under_way for key in lines_of[other]}
            assert not held & set(lines_of[place]), "two messages of one key at once"
            under_way.append(place)
            started.append(place)
        elif under_way:
            lines.finish(under_way.pop(chance.randrange(len(under_way))))
    assert sorted(started) == list(range(len(lines_of)))
    for key in "abcd":
        of_key = [place for place in started if key in lines_of[place]]
        assert of_key == sorted(of_key)
    assert len(lines) == 0
