"""Articles that say the same are found, whatever they are called; siblings are not."""

from __future__ import annotations

from datetime import UTC, datetime

from analytics.knowledge.copies import copies
from analytics.knowledge.uses import titled
from core.rag.domain.model import Article
from core.rag.knowledge.store import StoredArticle

RETURNS = "You can send an item back within thirty days of delivery, in the box that it came in."


def stored(number: int, text: str, *, locale: str = "en") -> StoredArticle:
    article = Article(id=f"a{number}", title=f"Title {number}", text=text, locale=locale)
    return StoredArticle(
        article=article, file="", digest="", pending=False, updated_at=datetime.now(UTC)
    )


def found(*texts: str) -> list[list[str]]:
    groups = copies([stored(n, text) for n, text in enumerate(texts)])
    return [sorted(one.article.id for one in group) for group in groups]


def test_the_same_text_under_other_titles() -> None:
    other = "The office in Leeds is open from nine to five, and the phones are answered until six."
    assert found(RETURNS, other, RETURNS.upper()) == [["a0", "a2"]]


def test_a_copy_with_a_word_more_or_a_typo_mended() -> None:
    assert found(RETURNS, RETURNS.replace("delivery", "delivry"), f"Please note: {RETURNS}") == [
        ["a0", "a1", "a2"]
    ]


def test_siblings_that_differ_in_a_number_or_much_are_none() -> None:
    fee = "A transfer to {} costs {} euros and arrives on the next working day, at the latest."
    assert found(fee.format("Norway", 5), fee.format("Norway", 9)) == []
    other = "You can send an item back, but only unopened and with the receipt that came with it."
    assert found(RETURNS, other) == []


def test_short_answers_and_other_languages_are_none() -> None:
    assert found("Yes, we do.", "Yes, we do.") == []
    one, other = stored(0, RETURNS), stored(1, RETURNS, locale="ko")
    assert copies([one, other]) == []


def test_thousands_of_siblings_are_looked_through_at_once() -> None:
    rows = [f"Branch {n} in street {n * 7} opens at nine and closes at six." for n in range(3_000)]
    assert found(*rows, RETURNS, RETURNS) == [["a3000", "a3001"]]


def test_who_is_cited_with_a_heading_is_the_article() -> None:
    known = {"Fees", "Fees › Cards"}
    assert titled("Fees", known) == "Fees"
    assert titled("Fees › Transfers › Abroad", known) == "Fees"
    assert titled("Fees › Cards › Abroad", known) == "Fees › Cards"
    assert titled("Opening hours", known) == ""
