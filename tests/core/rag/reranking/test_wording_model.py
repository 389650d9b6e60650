"""What is known of words that differ, from questions of other trades."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.rag.reranking.wording_model import features, forget_wordings, shipped, worded_alike


@pytest.mark.parametrize(
    ("known", "reworded", "sibling"),
    [
        ("Do you sell gravel?", "do you stock gravel", "Do you sell sand?"),
        ("How much is the blue lamp?", "what does the blue lamp cost", "How much is the stand?"),
        ("화분 배달이 되나요?", "화분 배달 가능한가요", "꽃다발 배달이 되나요?"),
    ],
)
def test_a_rewording_is_nearer_than_a_sibling(known: str, reworded: str, sibling: str) -> None:
    assert worded_alike(reworded, known) > worded_alike(sibling, known)


def test_every_feature_has_its_place_in_the_network() -> None:
    counts, network = shipped()
    assert len(features("a b", "b c", counts)) == len(network.mean) == len(network.inner)


@given(st.text(max_size=300), st.text(max_size=300))
def test_any_two_texts_are_judged(asked: str, known: str) -> None:
    assert -60.0 < worded_alike(asked, known) < 60.0


def test_nothing_of_a_customer_is_remembered_after_forgetting() -> None:
    worded_alike("my name is Ada", "Who are you?")
    assert worded_alike.cache_info().currsize
    forget_wordings()
    assert not worded_alike.cache_info().currsize
