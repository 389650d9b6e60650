"""The shipped guide, prior and model together: what is asked plainly is answered, the rest asks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from core.domain.drafts import Draft, Question
from core.nlu.language_detection import language_of
from core.rag.answering.extractive import ExtractiveAnswerer
from core.rag.commands.evaluation import Bench
from core.rag.confidence.model import Confidence
from core.rag.domain.chunks import passages_of
from core.rag.reading.readers import files_in, read_file
from core.rag.retrieval.retriever import HybridRetriever
from core.rag.vectors.embeddings import ThreadEmbedder

pytestmark = pytest.mark.apart

GUIDE = Path(__file__).parents[4] / "docs" / "guide"

ANSWERED = [
    ("How do I talk to a person?", "Talk to a person"),
    ("can i talk to somebody real", "Talk to a person"),
    ("How do I enable Telegram?", "plugins enable telegram"),
    ("how to connect telegram bot", "plugins enable telegram"),
    ("How do I approve a draft in Slack?", "Approve"),
    ("How can I add a new user to the team?", "users add"),
    ("How do I turn off telegram", "plugins disable"),
    ("상담원과 이야기하려면 어떻게 하나요?", "상담원과 이야기하기"),
    ("사람이랑 얘기하고 싶은데요", "상담원과 이야기하기"),
    ("텔레그램은 어떻게 연결하나요?", "plugins enable telegram"),
    ("슬랙에서 초안을 승인하려면?", "승인"),
    ("문자 그만 받고 싶어요", "STOP"),
]
ASKED = [
    "What is the capital of Mongolia?",
    "내일 날씨 어때?",
    "How do I bake bread?",
    "환불은 어떻게 받나요?",
    "Where is my order?",
    "비트코인 가격 알려줘",
    "What are your opening hours?",
    "How do I enable WhatsApp?",
    "카카오톡은 어떻게 연결하나요?",
    "점심 메뉴 추천해줘",
    # Built like questions of the guide, about something else.
    "How do I approve a loan?",
    "How do I reject a job offer?",
    "How can I invite a friend to the game?",
    "How do I delete my bank account?",
    "How do I turn off the heating?",
    "대출은 어떻게 승인받나요?",
    "계좌는 어떻게 추가하나요?",
]


@pytest.fixture(scope="module")
def confidence() -> Confidence:
    return Confidence.load()


@pytest.fixture
async def guide(
    computing: ThreadPoolExecutor, embedder: ThreadEmbedder
) -> AsyncIterator[HybridRetriever]:
    articles = [article for file in files_in([GUIDE]) for article in read_file(file)]
    bench = await Bench.over(articles, embedder, computing)
    yield bench.retriever
    await bench.close()


async def test_plain_questions_are_answered_alone_and_strange_ones_are_not(
    guide: HybridRetriever, confidence: Confidence
) -> None:
    threshold = confidence.threshold(0.95)
    answerer = ExtractiveAnswerer(confidence)

    async def draft(text: str) -> Draft:
        locale = language_of(text)
        asked = Question(conversation_id="c", text=text, locale=locale, channel="web")
        return answerer.answer(asked, await guide.search(text, locale=locale))

    for text, expected in ANSWERED:
        answer = await draft(text)
        assert expected in answer.text, text
        assert language_of(answer.text) == language_of(text), text
        assert answer.citations[0].title, text
        assert answer.confidence >= threshold, (text, answer.confidence)
    for text in ASKED:
        answer = await draft(text)
        assert answer.confidence < threshold, (text, answer.confidence)


def test_both_languages_have_the_same_pages_and_sections() -> None:
    pages = {}
    for lang in ("en", "ko"):
        articles = [a for file in files_in([GUIDE / lang]) for a in read_file(file)]
        assert all(article.locale == lang for article in articles)
        pages[lang] = {
            article.id.removeprefix(f"guide-{lang}-"): (
                article.topic,
                len({passage.heading for passage in passages_of(article)}),
            )
            for article in articles
        }
    assert pages["en"] == pages["ko"]
    assert len(pages["en"]) >= 8


def test_every_answer_of_the_guide_is_quoted_whole() -> None:
    for file in files_in([GUIDE]):
        for article in read_file(file):
            for passage in passages_of(article):
                assert len(passage.text) <= 600, passage.heading
