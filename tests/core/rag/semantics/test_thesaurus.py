"""A question is put in the words of the known one that it is laid beside."""

from __future__ import annotations

import pytest

from config.languages import patterns
from core.rag.semantics.thesaurus import put_as


@pytest.mark.parametrize(
    ("asked", "known", "put"),
    [
        ("Is the hot tub warm?", "How warm is the whirlpool?", "is the whirlpool warm?"),
        ("Are pushchairs ok?", "Can I bring a pram?", "are pram ok?"),
        ("수경 없이 되나요", "물안경이 필요한가요?", "물안경 없이 되나요"),
        ("My labrador is coming", "May I bring a dog?", "my dog is coming"),
        ("Oh right, by the way: is there parking?", "Can I park?", "is there parking?"),
        ("아 맞다 배송비가 있나요?", "배송비가 있나요?", "배송비가 있나요?"),
        ("ok", "Is it ok?", "ok"),
    ],
)
def test_what_customers_say_for_the_same_thing_is_put_alike(
    asked: str, known: str, put: str
) -> None:
    assert put_as(asked, known) == put


@pytest.mark.parametrize(
    ("asked", "known"),
    [
        ("May I bring a dog?", "May I bring my labrador?"),  # a dog is no labrador
        ("May I bring a cat?", "May I bring a dog?"),  # two of one kind are two things
        ("Is the sauna warm?", "How warm is the whirlpool?"),
        ("Is the whirlpool a hot tub?", "How warm is the whirlpool?"),  # it has the word itself
        ("강아지도 되나요", "고양이도 되나요"),
        ("", ""),
    ],
)
def test_another_thing_stays_what_it_is(asked: str, known: str) -> None:
    assert put_as(asked, known) == asked


@pytest.mark.parametrize("language", ["en", "ko"])
def test_no_group_names_a_wording_twice(language: str) -> None:
    table = patterns("synonyms")[language]
    for group in [*table["same"], *table["kinds"].values()]:
        wordings = [wording.strip() for wording in group.split(",")]
        assert all(wordings), group
        assert len(set(wordings)) == len(wordings), group
