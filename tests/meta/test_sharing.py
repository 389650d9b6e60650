"""How tests are shared among workers loses none, and leaves no long one for the end."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.support.sharing import shared

MODULES = st.lists(st.tuples(st.booleans(), st.integers(min_value=1, max_value=9)), max_size=30)


@given(modules=MODULES, workers=st.integers(min_value=1, max_value=6))
def test_the_long_ones_stand_at_the_start_or_after_a_third_of_the_short(
    modules: list[tuple[bool, int]], workers: int
) -> None:
    tests = [
        f"{'long' if is_long else 'short'}-{number}::{n}"
        for number, (is_long, count) in enumerate(modules)
        for n in range(count)
    ]
    ordered = shared(
        tests,
        workers,
        module=lambda test: test.split("::")[0],
        takes_long=lambda test: test.startswith("long"),
    )
    assert sorted(ordered) == sorted(tests)
    begun = 0
    for left in range(workers, 0, -1):
        length = (len(tests) - begun) // left
        kinds = [test.startswith("long") for test in ordered[begun : begun + length]]
        before = kinds.index(True) if any(kinds) else 0
        assert kinds[before:] == sorted(kinds, reverse=True)[: length - before]
        assert before == ((length - sum(kinds)) // 3 if left % 2 and any(kinds) else 0)
        begun += length


def test_a_module_stays_together_where_there_is_room() -> None:
    tests = ["a::1", "a::2", "b::1", "c::1", "c::2", "d::1"]
    ordered = shared(tests, 2, module=lambda test: test[0], takes_long=lambda test: test[0] in "ac")
    assert ordered == ["a::1", "a::2", "b::1", "c::1", "c::2", "d::1"]
