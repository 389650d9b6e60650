"""No text makes a function of the product take more than its share, nor more than it grows by."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from approvals.learning.contradictions import contradictions
from approvals.learning.evidence import likeness
from approvals.learning.extraction import without_name
from channels.slack.content import plain
from channels.slack.render import to_posts
from channels.sms.normalize import to_inbound as from_sms
from channels.telegram.normalize import Bot
from channels.telegram.normalize import to_inbound as from_telegram
from channels.telegram.render import to_telegram
from core.domain.drafts import Question, Turn
from core.domain.messages import Address, Author, Citation, InboundMessage, OutboundMessage, Sender
from core.engine.inbound.inbox import _storable
from core.nlu.consent import opting_out
from core.nlu.language_detection import customers_language, detect_locale
from core.nlu.tapbacks import reacts_to
from core.privacy.whole_words import WholeWords
from core.rag.answering.extractive import quote
from core.rag.domain.chunks import passages_of
from core.rag.domain.model import Article, Found, Hit, Passage
from core.rag.groundedness.support import foreign_links, nearest, support
from core.rag.knowledge.indexing import questions_of
from core.rag.llm.claims import sentences_from
from core.rag.llm.prompt import blanks
from core.rag.reading.readers import READERS
from core.rag.safety.injection import LeakCheck
from core.rag.vectors.lexical import document_vector
from core.rendering.html import to_html
from core.rendering.markdown import from_markdown, render_message
from core.rendering.plain_marks import as_written
from core.rendering.sms import to_sms
from core.rendering.tree import split, to_plain, utf16_length
from core.text.anonymization import anonymized
from core.text.pii import mask_all
from tests.support.hostile.texts import of_one_text, slow

pytestmark = pytest.mark.no_cover  # a tracer would be what takes the time

LONGEST = 20_000  #: characters of a message, a person's answer or a model's
ARTICLE = 400_000
LIMIT = 0.6  #: seconds of processor time for the longest text; a shared machine steals some
GROWTH = 8.0  #: four times the text may take so many times as long; its square would take 16

NOT_OF_A_TEXT = (
    "core.storage.client.",  # opens a database
    "core.sdk.imports.",  # imports a module
    "plugins.registry.catalog.",  # likewise
    "core.accounts.secret_box.",  # derives a key: slow on purpose, of our own secret
    "core.text.linear_regex.",  # reads our own patterns
    "core.slack.mrkdwn._style",  # makes one
    "core.rag.reading.markdown._rendered",  # a whole file: see test_a_file
    "config.formats.",  # settings of the operator
)
IN_ARTICLES = (
    "core.rag.domain.chunks.",
    "core.rag.vectors.lexical.",
    "core.rag.groundedness.support._numbers",
    "core.rag.reading.readers.",
)

CALLS = dict(of_one_text(lambda where: where.startswith(NOT_OF_A_TEXT)))


def passage(text: str) -> Passage:
    return Passage(id="a#1", article_id="a", title="A", heading="B", text=text)


def article(text: str) -> Article:
    return Article(id="a", title="A", text=text)


def sent(author: Author) -> Callable[[str], OutboundMessage]:
    address = Address(channel="web", account="", chat="1")
    source = (Citation(id="a#1", title="A", url="https://a.example/"),)
    return lambda text: OutboundMessage(
        id="1",
        conversation_id="c",
        address=address,
        author=author,
        text=text,
        citations=source if author is Author.AI else (),
    )


def drawn(author: Author, draw: Callable[[Any], Any]) -> Callable[[str], Any]:
    return lambda text: draw(render_message(sent(author)(text), sources_label="Sources"))


def asked(text: str) -> Question:
    return Question(conversation_id="c", text=text, locale="en", channel="web")


def in_a_log(text: str) -> bool:
    """Many short texts of one person, looked for in as many lines that hold none of them."""
    texts = [f"{text[at : at + 9]} {at}" for at in range(0, len(text), 10)]
    said = WholeWords(texts)
    return any(said.stand_in(f"INFO core.engine.worker: {one}x") for one in texts)


LEAKS = LeakCheck(
    canary="K7-qzx-91", instructions="You answer customers only from the sources. " * 9
)
HIT = Hit(passage=passage("You can return it within 30 days. " * 30), score=1.0)
BOT = Bot(id=1, username="desk_bot")

OF_MORE: dict[str, Callable[[str], Any]] = {
    "detect_locale": lambda text: detect_locale(text, default="en"),
    "consent": opting_out,
    "customers_language": lambda text: customers_language(text, default="es"),
    "_storable": lambda text: _storable(
        InboundMessage(
            address=Address(channel="web", account="", chat="1"),
            external_id="1",
            sender=Sender(id="1", name=text),
            text=text,
        )
    ),
    "anonymized": lambda text: anonymized(text, names=["Bo Li", "김철수", text[:80]]),
    "likeness": lambda text: likeness(text[:8_000], text[:8_000][::-1]),
    "sentences of a whole answer": lambda text: list(sentences_from(text, final=True)),
    "mask_all": lambda text: mask_all((text, text[:900]), locale="ko"),
    "leaks": LEAKS.leaks,
    "document_vector": lambda text: document_vector(text, usual_length=9),
    "support of a claim": lambda text: support(text, [passage("You can pay by card. 30 days.")]),
    "support by a passage": lambda text: support("Pay by card, 30.", [passage(text[:2200])]),
    "foreign_links": lambda text: foreign_links(text, [passage("https://a.example")]),
    "nearest": lambda text: nearest("Pay by card", passage(text[:2200])),
    "quote for a question": lambda text: quote(text, HIT),
    "quote of a passage": lambda text: quote(
        "pay by card", Hit(passage=passage(text[:2200]), score=1.0)
    ),
    "blanks": lambda text: blanks(
        question=text,
        history=(Turn(author="customer", text=text),) * 8,
        hits=(Hit(passage=passage(text), score=1.0),) * 5,
        locale="en",
        hint=text,
        canary="x",
    ),
    "contradictions": lambda text: contradictions(
        text, Found(hits=(Hit(passage=passage(text), score=1.0, known=1.0),))
    ),
    "without_name": lambda text: without_name(text, "Kim Minsu"),
    "without_name of a name": lambda text: without_name("I am Kim Minsu.", text[:300]),
    "html": lambda text: to_html(from_markdown(text)),
    "html of a person": lambda text: to_html(as_written(text)),
    "telegram": drawn(Author.AI, to_telegram),
    "telegram of a person": drawn(Author.AGENT, to_telegram),
    "telegram of the system": drawn(Author.SYSTEM, to_telegram),
    "slack": drawn(Author.AI, lambda blocks: to_posts(blocks, ())),
    "slack of a person": drawn(Author.AGENT, lambda blocks: to_posts(blocks, ())),
    "sms": drawn(Author.AI, to_sms),
    "sms of a person": drawn(Author.AGENT, to_sms),
    "split": drawn(
        Author.AGENT,
        lambda blocks: split(blocks, limit=900, measure=lambda part: utf16_length(to_plain(part))),
    ),
    "many lines in a log": in_a_log,
    "slack's own words": lambda text: plain(text, "U1"),
    "a phone's reaction": lambda text: reacts_to(text, (text,)),
    "from SMS": lambda text: from_sms(
        {"From": "+15550100", "To": "+15550101", "Body": text, "MessageSid": "SM1"}, account="AC1"
    ),
    "from Telegram": lambda text: from_telegram(
        {
            "update_id": 1,
            "message": {
                "message_id": 1,
                "date": 1,
                "text": text,
                "chat": {"id": 1, "type": "private"},
                "from": {"id": 1, "first_name": text[:200]},
            },
        },
        BOT,
    ),
}


@pytest.mark.parametrize("name", sorted(OF_MORE))
def test_a_text_of_a_stranger_or_a_model(name: str) -> None:
    found = slow(OF_MORE[name], length=LONGEST, limit=LIMIT, growth=GROWTH)
    assert not found, f"{name}: {found}"


@pytest.mark.parametrize("name", sorted(CALLS))
def test_a_function_of_one_text(name: str) -> None:
    found = slow(CALLS[name], length=LONGEST, limit=LIMIT, growth=GROWTH)
    assert not found, f"{name}: {found}"


def test_what_grows_as_the_square_is_found_and_what_grows_as_the_text_is_not() -> None:
    def squared(text: str) -> int:
        return sum(text[at:].count("(") for at in range(0, len(text), 2))

    def linear(text: str) -> int:
        return sum(text.count(sign) for sign in set(text) for _ in range(200))

    assert slow(squared, length=LONGEST, limit=0.05, growth=GROWTH)
    assert not slow(linear, length=LONGEST, limit=LIMIT, growth=GROWTH)


def test_there_are_as_many_as_there_were() -> None:
    assert len(CALLS) > 80


@pytest.mark.parametrize(
    "name", sorted([n for n in CALLS if n.startswith(IN_ARTICLES)] + ["passages", "questions"])
)
def test_an_article(name: str) -> None:
    """Nobody waits for it, but the time grows as the article does."""
    read = {
        "passages": lambda text: passages_of(article(text)),
        "questions": lambda text: questions_of(article(text), passages_of(article(text))),
        **CALLS,
    }[name]
    found = slow(read, length=ARTICLE, limit=4.0, growth=GROWTH)
    assert not found, found


@pytest.mark.parametrize(
    "kind", [".md", ".mdx", ".txt", ".html", ".csv", ".tsv", ".jsonl", ".json"]
)
def test_a_file(kind: str) -> None:
    head = {
        ".csv": "question,answer\na,",
        ".html": "<html><body><p>",
        ".jsonl": '{"id":"a","text":"',
    }

    def read(text: str) -> object:
        return READERS[kind](
            Path(f"a{kind}"), (head.get(kind, "") + text).encode("utf-8", "replace")
        )

    found = slow(read, length=ARTICLE // 4, limit=4.0, growth=GROWTH)
    assert not found, found
