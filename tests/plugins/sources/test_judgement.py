"""What goes into the knowledge by itself, and what waits for a person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from plugins.sources.judgement import judge, moves_in
from plugins.sources.model import Row


def standing(count: int) -> list[Row]:
    """Documents that stand in the knowledge as the source gives them."""
    return [
        Row(source="s", address=f"/{n}", found=f"f{n}", applied=f"f{n}", wordings=f"w{n}")
        for n in range(count)
    ]


def changed(row: Row) -> Row:
    """It says something else now."""
    return replace(row, found=row.found + "'", wordings=row.wordings + "'")


def gone(row: Row) -> Row:
    """It is not there any more."""
    return replace(row, found="", wordings="")


def waits(
    rows: list[Row], *, contradictions: Mapping[str, list[str]] | None = None
) -> dict[str, str]:
    """The first reason of what waits, by address."""
    verdict = judge(rows, share=0.2, contradictions=contradictions)
    return {address: reasons[0] for address, reasons in verdict.waits.items()}


def test_small_changes_go_in() -> None:
    rows = standing(20)
    rows[:3] = [changed(rows[0]), changed(rows[1]), gone(rows[2])]
    rows.append(Row(source="s", address="/new", found="n", wordings="n"))
    assert waits(rows) == {}
    assert len(judge(rows, share=0.2).goes) == 4
    assert judge(standing(20), share=0.2).goes == []


def test_large_ones_wait_as_a_whole() -> None:
    rows = [changed(r) if i < 5 else r for i, r in enumerate(standing(20))]
    rows.append(Row(source="s", address="/new", found="n", wordings="n"))
    told = waits(rows)
    assert len(told) == 6
    assert told["/new"] == "large: 0 removed, 5 changed, of 20"


def test_an_emptied_source_never_empties_the_knowledge() -> None:
    for count in (1, 2, 3, 50):
        told = waits([gone(r) for r in standing(count)])
        assert set(told.values()) == {"emptied"}
        assert len(told) == count


def test_what_came_first_goes_in_however_much_it_is() -> None:
    rows = [Row(source="s", address=f"/{n}", found=f"f{n}", wordings="same") for n in range(500)]
    assert waits(rows) == {}


def new(count: int) -> list[Row]:
    """Documents that the source did not give before."""
    return [
        Row(source="s", address=f"/n{i}", found=f"n{i}", wordings=f"n{i}") for i in range(count)
    ]


def test_a_source_that_gains_very_much_waits_for_a_person() -> None:
    for had, comes, wait in ((1, 10, 0), (1, 11, 11), (20, 200, 200), (100, 20, 0), (100, 21, 21)):
        rows = [*standing(had), *new(comes)]
        told = judge(rows, share=0.2, settled=True).waits
        assert len(told) == wait, (had, comes)
    assert told["/n0"] == ["grew: 21 added, to 100"]


def test_what_changes_beside_a_gain_goes_in() -> None:
    rows = [*standing(40), *new(60)]
    rows[0] = changed(rows[0])
    verdict = judge(rows, share=0.2, settled=True)
    assert [row.address for row in verdict.goes] == ["/0"]
    assert len(verdict.waits) == 60


def test_the_rest_of_a_first_sync_that_was_broken_off_is_no_gain() -> None:
    assert judge([*standing(100), *new(400)], share=0.2).waits == {}


def test_what_moves_is_no_gain() -> None:
    rows = standing(100)
    moved = [replace(r, address=f"/moved{r.address}", applied="") for r in rows[:15]]
    rows[:15] = [replace(r, found="") for r in rows[:15]]
    assert judge([*rows, *moved, *new(12)], share=0.2, settled=True).waits == {}


def test_many_that_say_the_same_now_wait() -> None:
    rows = standing(100)
    rows[:3] = [replace(r, found=f"x{i}", wordings="maintenance") for i, r in enumerate(rows[:3])]
    assert waits(rows) == {f"/{n}": "alike: 3" for n in range(3)}


def test_contradictions_wait_and_the_rest_goes() -> None:
    rows = standing(20)
    rows[:2] = [changed(rows[0]), changed(rows[1])]
    told = waits(rows, contradictions={"/0": ["14 days ≠ Returns: 30 days"]})
    assert told == {"/0": "contradicts: 14 days ≠ Returns: 30 days"}


def test_what_a_person_has_refused_is_not_asked_again() -> None:
    [row] = standing(1)
    assert changed(row).change is not None
    assert replace(changed(row), refused=changed(row).found).change is None
    assert replace(gone(row), refused="").change is None
    assert replace(changed(row), refused="").change is not None


def test_what_moved_is_told_from_what_came_and_went() -> None:
    rows = standing(3)
    rows = [gone(replace(r)) for r in rows[:2]] + [rows[2]]
    rows[0] = replace(rows[0], wordings="w0")
    rows.append(Row(source="s", address="/new", found="n", wordings="w0"))
    assert moves_in(rows) == {"/new": "/0"}
    rows.append(Row(source="s", address="/copy", found="n", wordings="w0"))
    assert moves_in(rows) == {}
