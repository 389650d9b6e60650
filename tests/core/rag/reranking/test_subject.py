"""Whether an answer is about the thing asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from core.domain.drafts import Draft, Question, Reason
from core.rag.answering.extractive import ExtractiveAnswerer
from core.rag.answering.subject_check import SubjectCheck
from core.rag.confidence.model import HELD, Confidence
from core.rag.domain.model import Found, Hit, Passage, Subject
from core.rag.reranking.discriminant import Groups
from core.rag.reranking.question_matcher import SURELY, PairModel, ThreadMatcher
from core.rag.reranking.ranking import Candidate
from core.rag.reranking.subject import CLASH, subject_of
from core.rag.vectors.index import Field, Match

NOTHING: Mapping[Field, Sequence[Match]] = dict.fromkeys(Field, ())


class Told:
    """A matcher that was told what is the same."""

    def __init__(self, **odds: float) -> None:
        self.odds = odds
        self.asked: list[str] = []
        self.texts: list[str] = []

    async def judge(self, asked: str, known: Sequence[str]) -> Sequence[float]:
        self.texts.append(asked)
        named = [one.removesuffix("?") for one in known]
        self.asked += named
        return [self.odds.get(one, -5.0) for one in named]


def candidates(*names: str) -> list[Candidate]:
    return [Candidate(group=name, known_question=f"{name}?") for name in names]


async def judged(matcher: Told, *names: str, asked: str = "?") -> Subject:
    return await subject_of(
        asked, candidates(*names), NOTHING, groups=Groups(by_answer={}), matcher=matcher
    )


async def test_the_likeliest_in_the_same_words_ends_the_comparison() -> None:
    matcher = Told(norway=4.0, spain=5.0)
    subject = await judged(matcher, "norway", "spain", asked="Norway!")
    assert (subject.group, subject.place, subject.odds) == ("norway", 0, 4.0)
    assert matcher.asked == ["norway"]


async def test_of_two_that_ask_the_same_in_other_words_the_surer_is_chosen() -> None:
    matcher = Told(norway=2.0, spain=5.0, italy=6.0)
    subject = await judged(matcher, "norway", "spain", "italy")
    assert (subject.group, subject.place) == ("spain", 1)
    assert matcher.asked == ["norway", "spain"]  # sure enough: no third one costs time


async def test_the_matcher_reads_the_question_in_the_known_ones_words() -> None:
    matcher = Told(**{"How warm is the whirlpool": 3.0})
    candidate = Candidate(group="pool", known_question="How warm is the whirlpool?")
    subject = await subject_of(
        "is the jacuzzi warm", [candidate], NOTHING, groups=Groups(by_answer={}), matcher=matcher
    )
    assert matcher.texts == ["is the whirlpool warm"]
    assert subject.signals["known_missing"] == 0.0


@pytest.mark.parametrize(
    ("asked", "learned", "odds"),
    [
        ("How much is laser whitening in the chair?", {}, -2.5),
        ("How much is laser whitening in the chair?", {"white": 5}, 2.0),
        ("price of whitening", {}, 2.0),
    ],
)
async def test_a_terse_lesson_lets_no_neighbour_pass(
    asked: str, learned: Mapping[str, int], odds: float
) -> None:
    known = {"How much does teeth whitening cost?": -2.5, "whitening price?": 2.0}
    first, lesson = known
    candidate = Candidate(group="white", known_question=lesson, worded_like=first, called=first)
    subject = await subject_of(
        asked,
        [candidate],
        NOTHING,
        groups=Groups(by_answer={}),
        matcher=Told(**{text.removesuffix("?"): odds for text, odds in known.items()}),
        learned=learned,
    )
    assert subject.odds == odds


async def test_a_less_likely_answer_that_asks_the_same_overtakes() -> None:
    subject = await judged(Told(spain=3.0), "norway", "spain", "italy")
    assert (subject.group, subject.place) == ("spain", 1)
    assert subject.signals["overtook"] == 1.0


async def test_where_none_asks_the_same_the_likeliest_is_said_to_be_far() -> None:
    subject = await judged(Told(norway=-1.0), "norway", "spain", "italy", "france")
    assert (subject.group, subject.odds) == ("norway", -1.0)


async def test_without_a_known_question_nothing_is_said() -> None:
    assert (await judged(Told(), "")).signals == {}


def drafted(question: str, subject: Subject, text: str = "Yes, we deliver to Norway.") -> Draft:
    passage = Passage(id="p", article_id="a", title=subject.wording, heading="", text=text)
    found = Found(
        hits=[Hit(passage=passage, score=1.0, known_question=subject.wording)],
        signals={"question": 0.95, "question_overlap": 0.8, **subject.signals},
        subject=subject,
    )
    asked = Question(conversation_id="c", text=question, locale="en", channel="web")
    return ExtractiveAnswerer(Confidence.load()).answer(asked, found)


PARCELS = "Parcels for the Quillbrook branch can be picked up until 9 pm."
PARCELS_KO = "퀼브룩 지점의 소포는 밤 9시까지 찾아가실 수 있습니다."


@pytest.mark.parametrize(
    ("asked", "heading", "passage", "spoken_of"),
    [
        ("Until when can I pick up parcels at the Quillbrook branch?", "Parcels", PARCELS, True),
        ("when is the latest to pick up my parcel in quillbrook", "Pick-up", PARCELS, False),
        ("Until when can I pick up letters at the Quillbrook branch?", "Parcels", PARCELS, False),
        ("Until when can I pick up parcels at the Norton branch?", "Parcels", PARCELS, False),
        ("What does a parcel to the Quillbrook branch cost?", "Parcels", PARCELS, False),
        ("퀼브룩 지점 소포는 몇 시까지 찾아가요?", "소포 찾기", PARCELS_KO, True),
        ("노턴 지점 소포는 몇 시까지 찾아가요?", "소포 찾기", PARCELS_KO, False),
    ],
)
async def test_a_passage_under_a_heading_speaks_of_everything_asked(
    asked: str, heading: str, passage: str, *, spoken_of: bool
) -> None:
    """A heading is no question that could be the same; what the passage says decides."""
    candidate = Candidate(group="g", known_question=heading, passage_text=passage)
    matcher = Told()
    subject = await subject_of(
        asked, [candidate], NOTHING, groups=Groups(by_answer={}), matcher=matcher
    )
    assert (subject.odds > 0) == spoken_of
    assert matcher.asked == []


def test_another_thing_is_held_and_named() -> None:
    subject = Subject(group="a", odds=-2.0, wording="Do you deliver to Norway?")
    draft = drafted("Do you deliver to Portugal?", subject)
    assert Reason.OTHER_THING in draft.reasons
    assert not draft.sendable
    (finding,) = draft.findings
    assert finding.values == {"asked": "Portugal", "known": "Norway"}


def test_the_same_thing_is_not_held() -> None:
    nothing = dict.fromkeys(("asked_missing", "known_missing", "core_missing"), 0.0)
    known = "Do you deliver to Norway?"
    subject = Subject(group="a", odds=5.0, wording=known, differing=nothing)
    draft = drafted("Is delivery to Norway possible?", subject)
    assert draft.reasons == ()


def test_another_number_is_held_however_sure_the_matcher_is() -> None:
    subject = Subject(
        group="a", odds=6.0, wording="A cake for 8 people?", differing={"other_number": 1.0}
    )
    assert Reason.OTHER_THING in drafted("A cake for 6 people?", subject, "32 pounds.").reasons


@pytest.fixture(scope="module")
def model() -> PairModel:
    return PairModel()


async def test_a_pair_is_computed_once_and_known_words_are_not(
    model: PairModel, computing: ThreadPoolExecutor
) -> None:
    matcher = ThreadMatcher(model, computing)
    same, other = await matcher.judge("When do you open?", ["when do you open", "Where are you?"])
    assert same == SURELY
    assert await matcher.judge("When do you open?", ["Where are you?"]) == [other]
    assert matcher.forget() == 1


SIBLINGS = (
    (
        "Do you deliver to Norway?",
        "is shipping to norway possible",
        "is shipping to spain possible",
    ),
    ("How do I open an account?", "what do I do to open an account", "How do I close an account?"),
    (
        "Does the oat bar contain nuts?",
        "are there nuts in the oat bar",
        "oat bar: any gluten in it?",
    ),
    ("When are you open on Sunday?", "sunday opening hours?", "saturday opening hours?"),
    (
        "What does the bed with drawers cost?",
        "price of the bed with drawers",
        "price without drawers",
    ),
    ("노르웨이에 배송되나요?", "노르웨이로도 배송 가능한가요", "스페인으로도 배송 가능한가요"),
    ("계좌는 어떻게 개설하나요?", "계좌 개설 방법 알려주세요", "계좌 해지 방법 알려주세요"),
    ("일요일 영업시간이 어떻게 되나요?", "일요일에 몇 시까지 해요", "토요일에 몇 시까지 해요"),
    (
        "서랍 있는 침대는 얼마예요?",
        "서랍 있는 침대 가격 알려주세요",
        "서랍 없는 침대 가격 알려주세요",
    ),
)


@pytest.mark.parametrize(("known", "reworded", "other"), SIBLINGS)
async def test_a_rewording_is_nearer_than_a_sibling(
    model: PairModel, computing: ThreadPoolExecutor, known: str, reworded: str, other: str
) -> None:
    matcher = ThreadMatcher(model, computing)

    async def nearness(asked: str) -> float:
        subject = await subject_of(
            asked, candidates(known), NOTHING, groups=Groups(by_answer={}), matcher=matcher
        )
        return subject.odds - CLASH * subject.clashes

    assert await nearness(reworded) > await nearness(other)


async def test_a_source_about_another_thing_is_named_to_the_model_path(
    model: PairModel, computing: ThreadPoolExecutor
) -> None:
    check = SubjectCheck(ThreadMatcher(model, computing), Confidence.load())

    def hit(place: str) -> Hit:
        known, text = f"Do you deliver to {place}?", f"Yes, we deliver to {place}."
        passage = Passage(id=place, article_id=place, title=known, heading="", text=text)
        return Hit(passage=passage, score=1.0, known=0.95, known_question=known)

    text = "Do you deliver to Norway?"
    asked = Question(conversation_id="c", text=text, locale="en", channel="web")
    found = await check(asked, [hit("Norway"), hit("Portugal")])
    assert set(found) == {"Portugal"}
    assert found["Portugal"].values == {"asked": "Norway", "known": "Portugal"}


def test_the_comparison_holds_what_it_doubts_and_eases_what_it_lets_pass() -> None:
    confidence = Confidence.load()
    model = confidence.compared
    assert model is not None
    usual = dict(zip(model.names, map(float, model.means), strict=True))
    usual |= {"learned": 0.0, "same_words": 0.0, "other_number": 0.0, "facets_clash": 0.0}
    # As far as retrieval goes both are the same; what was compared differs.
    near = {**usual, "match": 5.0, "overtook": 0.0, "question": 0.95, "question_margin": 0.1}
    far = {**near, "match": -5.0, "asked_missing": 0.6, "known_missing": 0.6}
    assert not confidence.held(near)
    assert confidence.held(far)
    assert confidence.score(far) <= HELD
    without = replace(confidence, compared=None, subject=None)
    assert confidence.score(near) > without.score(near)
