"""An entry's before and after are lines that people read."""

from __future__ import annotations

import pytest

from core.accounts.audit.changes import LONGEST, changes, is_moment
from core.accounts.audit.log import Entry, Wanted


def entry(*, before: dict[str, object], after: dict[str, object]) -> Entry:
    """One with these."""
    return Entry(
        n=1, at="2026-12-01T00:00:00.000Z", who="ada@example.com", what="user.role", address="",
        subject="mina@example.com", before=before, after=after,
    )  # fmt: skip


def test_each_field_stands_once_with_both_sides() -> None:
    found = changes(entry(before={"role": "agent"}, after={"role": "admin", "ended": ""}))
    assert [(c.name, c.before, c.after) for c in found] == [
        ("role", "agent", "admin"),
        ("ended", "", ""),
    ]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, ""),
        (True, "✓"),
        (False, "–"),
        (0, "0"),
        (["a", "b"], "a, b"),
        ({"en": ["x", "y"], "ko": "z"}, "en: x, y, ko: z"),
        ("x" * 500, "x" * LONGEST + "…"),
    ],
)
def test_values_are_said_in_a_line(value: object, said: str) -> None:
    [only] = changes(entry(before={}, after={"field": value}))
    assert only.after == said


def test_a_deed_is_found_by_its_words_or_by_its_name() -> None:
    document = {"who": "ada", "what": "user.role", "subject": "", "at": "2026"}
    assert Wanted(what="user").includes(document)
    assert Wanted(what="changed a", deeds=frozenset({"user_role"})).includes(document)
    assert not Wanted(what="changed a", deeds=frozenset({"user_add"})).includes(document)


@pytest.mark.parametrize(
    ("value", "is_one"),
    [
        ("2026-12-01T09:15:08.606000+00:00", True),
        ("2026-12-01T09:15:08Z", True),
        ("2026-12-01", False),
        ("2026-12-01T99:99:99Z", False),
        ("shop", False),
        ("", False),
    ],
)
def test_a_moment_is_told_from_other_values(value: str, is_one: bool) -> None:
    assert is_moment(value) is is_one
