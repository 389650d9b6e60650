"""What was used last is kept, and no more than there is room for."""

from __future__ import annotations

import pytest

from core.runtime.lru import LruDict


def kept(size: int, *keys: str) -> LruDict[str, int]:
    known: LruDict[str, int] = LruDict(size)
    for number, key in enumerate(keys):
        known[key] = number
    return known


def test_what_was_not_used_for_longest_goes_first() -> None:
    known = kept(2, "a", "b")
    assert known["a"] == 0
    known["c"] = 2
    assert list(known.items()) == [("a", 0), ("c", 2)]


def test_writing_and_getting_are_uses_and_a_look_is_none() -> None:
    known = kept(3, "a", "b", "c")
    known["a"] = 7
    assert known.get("b") == 1
    assert "c" in known
    known["d"] = 3
    assert list(known) == ["a", "b", "d"]


def test_what_is_not_there_is_told_as_by_any_dict() -> None:
    known = kept(2, "a")
    assert known.get("x") is None
    assert known.get("x", 5) == 5
    assert known.pop("x", None) is None
    assert known.pop("a") == 0
    with pytest.raises(KeyError):
        known["a"]
    assert not known


def test_what_it_holds_is_read_whole_without_changing_the_order() -> None:
    known = kept(3, "a", "b", "c")
    assert list(known.values()) == [0, 1, 2]
    assert list(known.items()) == [("a", 0), ("b", 1), ("c", 2)]
    assert list(known) == ["a", "b", "c"]
    known.clear()
    assert len(known) == 0
