"""Words as sparse vectors."""

from __future__ import annotations

from core.rag.vectors.lexical import document_vector, query_vector, token_set, tokens


def test_english_words_are_compared_by_their_stems() -> None:
    assert tokens("Activating the cards") == tokens("activated card")


def test_korean_words_are_compared_by_pairs_of_characters() -> None:
    assert tokens("카드를") == ["카드", "드를"]
    assert token_set("카드를 등록") & token_set("카드 등록하기") == {"카드", "등록"}


def test_a_question_of_small_words_only_still_has_tokens() -> None:
    assert tokens("who are you") == ["who", "are", "you"]


def test_a_text_without_words_has_no_vector() -> None:
    assert query_vector("?! …").indices == ()


def test_a_repeated_word_counts_more_but_ever_less() -> None:
    once = document_vector("refund", usual_length=8)
    twice = document_vector("refund refund", usual_length=8)
    many = document_vector("refund " * 50, usual_length=8)
    assert once.indices == twice.indices == many.indices
    assert once.values < twice.values < (2.2,)
    assert many.values < (2.2,)
