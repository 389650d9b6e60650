"""What a question takes from what was said before it, and which sources may answer it then."""

from __future__ import annotations

import pytest

from core.domain.drafts import Turn
from core.domain.messages import Author
from core.rag.domain.model import Hit, Passage
from core.rag.retrieval.followups import (
    FollowUp,
    Stance,
    Subject,
    is_about,
    names_all,
    speaks_of,
    stance,
    subject_of,
)
from core.rag.semantics.answer_types import Wanted, says, wanted

CUSTOMER, AI, AGENT = Author.CUSTOMER.value, Author.AI.value, Author.AGENT.value

OWN = (
    "But can I pay by card?",
    "How do I close my account?",
    "What are the fees for transfers abroad?",
    "how long does it take to get a refund",
    "Is it possible to bring a dog?",
    "My card is lost, how do I block it?",
    "when do you open",
    "What are your opening hours?",
    "I can't make it tomorrow, how do I cancel",
    "how many km on one charge",
    "can I get one of those plastic cards",
    "its an emergency, my tooth hurts",
    "How expensive is it to get my brakes set right?",
    "해외 송금 수수료가 얼마인가요?",
    "인비절라인 같은 교정도 하시나요?",
    "수영복 위에 래쉬가드 입어도 되나요",
    "카톡으로 차 선물이 왔는데 이거 어떻게 받아요?",
    "계좌를 해지하고 싶어요",
    "그런데 카드로 결제돼요?",
    "배송비는 얼마예요?",
)
REFERS = (
    "is it waterproof?",
    "Can I return it?",
    "how many people is that for",
    "for how many people is that?",
    "until when is that free?",
    "what does a new one cost?",
    "does that include batteries?",
    "거기 주차 되나요?",
    "같은 사이즈로 되나요?",
    "그건 방수가 되나요?",
    "그 상품은 언제 도착해요?",
)
THING = (
    "what about Sunday?",
    "And the family pack?",
    "how about a kayak",
    "and for children?",
    "And plan M?",
    "그럼 일요일은요?",
    "고양이는요?",
    "휴대폰은요?",
)
BARE = (
    "and how much?",
    "why?",
    "how long does it take?",
    "And what does it cost?",
    "When?",
    "얼마예요?",
    "그건 얼마나 걸려요?",
    "왜요?",
    "언제까지요?",
    "비용은요?",
)


@pytest.mark.parametrize(
    ("text", "wanted_stance"),
    [
        *((text, Stance.OWN) for text in OWN),
        *((text, Stance.REFERS) for text in REFERS),
        *((text, Stance.THING) for text in THING),
        *((text, Stance.BARE) for text in BARE),
    ],
)
def test_how_a_question_stands_to_what_was_said(text: str, wanted_stance: Stance) -> None:
    assert stance(text) is wanted_stance


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("how much is it", Wanted.PRICE),
        ("what does that cost?", Wanted.PRICE),
        ("how long does it take?", Wanted.DURATION),
        ("by what time?", Wanted.TIME),
        ("how many people?", Wanted.COUNT),
        ("how big is it?", Wanted.MEASURE),
        ("from what age?", Wanted.AGE),
        ("얼마예요?", Wanted.PRICE),
        ("며칠 걸려요?", Wanted.DURATION),
        ("몇 시까지요?", Wanted.TIME),
        ("몇 시간 걸려요?", Wanted.DURATION),
        ("몇 명까지요?", Wanted.COUNT),
        ("무슨 요일이에요?", Wanted.TIME),
        ("어디서 해요?", Wanted.PLACE),
        ("왜요?", Wanted.REASON),
        ("is it waterproof?", None),
        ("방수 되나요?", None),
    ],
)
def test_what_is_wanted(text: str, kind: Wanted | None) -> None:
    assert wanted(text) is kind


@pytest.mark.parametrize(
    ("text", "kind", "said"),
    [
        ("It costs 12 euros.", Wanted.PRICE, True),
        ("Parking is free for guests.", Wanted.PRICE, True),
        ("Bring it to the jetty by 6 pm.", Wanted.PRICE, False),
        ("It takes three working days.", Wanted.DURATION, True),
        ("It costs 180 dollars for six evenings.", Wanted.TIME, False),
        ("Bring it back by 6 pm.", Wanted.TIME, True),
        ("On Sundays we close early.", Wanted.TIME, True),
        ("한 장에 2,500원입니다.", Wanted.PRICE, True),
        ("이틀 뒤에 갑니다.", Wanted.DURATION, True),
        ("문 앞에 둡니다.", Wanted.TIME, False),
        ("일요일은 쉽니다.", Wanted.TIME, True),
    ],
)
def test_whether_a_text_says_it(text: str, kind: Wanted, said: bool) -> None:
    assert says(text, kind) is said


def talk(*turns: tuple[str, str] | Turn) -> tuple[Turn, ...]:
    return tuple(t if isinstance(t, Turn) else Turn(author=t[0], text=t[1]) for t in turns)


ASKED = (CUSTOMER, "What does a canoe cost?")
ANSWERED = Turn(author=AI, text="38 euros.", sources=("p1",))


def test_the_subject_is_the_last_real_question() -> None:
    expected = Subject(question="What does a canoe cost?", sources=("p1",))
    assert subject_of(talk(ASKED, ANSWERED)) == expected
    for said in ("thanks!", "Hello", "haha", "ok", "👍", "yes", "감사합니다"):
        assert subject_of(talk(ASKED, ANSWERED, (CUSTOMER, said))) == expected


def test_there_is_no_subject_where_nothing_was_asked() -> None:
    assert subject_of(()) is None
    assert subject_of(talk((CUSTOMER, "hi"))) is None


def test_what_a_person_was_asked_is_no_subject_nor_what_was_before() -> None:
    spoken = Turn(author=CUSTOMER, text="Can you send me a kayak?", with_person=True)
    assert subject_of(talk(ASKED, ANSWERED, spoken)) is None
    found = subject_of(talk(spoken, ASKED, ANSWERED))
    assert found is not None
    assert found.question == "What does a canoe cost?"


def test_a_thing_named_since_belongs_to_the_subject() -> None:
    later = Turn(author=AI, text="29 euros.", sources=("p2",))
    found = subject_of(talk(ASKED, ANSWERED, (CUSTOMER, "and a kayak?"), later))
    assert found == Subject(question="What does a canoe cost?", sources=("p2",), things=("kayak",))
    assert found.text == "What does a canoe cost? kayak"


def test_what_was_settled_last_is_the_subject() -> None:
    hard = Turn(author=CUSTOMER, text="Why was I charged twice?", seq=2)
    easy = Turn(author=CUSTOMER, text="What does a canoe cost?", seq=4)
    answer = Turn(author=AI, text="38 euros.", seq=5, sources=("p1",), answers=(4,))
    assert subject_of((hard, easy, answer)) == Subject(
        question="What does a canoe cost?", sources=("p1",)
    )
    waits = subject_of((easy, answer, hard))
    assert waits == Subject(question="Why was I charged twice?", sources=())
    late = Turn(author=AI, text="By mistake.", seq=6, sources=("p3",), answers=(2,))
    found = subject_of((hard, easy, answer, late))
    assert found is not None
    assert (found.question, found.sources) == ("Why was I charged twice?", ("p3",))


def hit(text: str, title: str = "", *, ident: str = "p1") -> Hit:
    passage = Passage(id=ident, article_id=ident, title=title, heading="", text=text)
    return Hit(passage=passage, score=1.0, known_question=title)


CANOE = hit("A canoe costs 38 euros a day and seats three people.", "What does a canoe cost?")
KAYAK = hit("A kayak is 29 euros a day.", "How much is a kayak?", ident="p2")
PASS = hit("The roaming pack costs 12 euros.", "What does the roaming pack cost?", ident="p3")


def following(question: str, subject: str = "What does a canoe cost?") -> FollowUp:
    asked = Subject(question=subject, sources=("p1",))
    return FollowUp(question=question, stance=stance(question), subject=asked)


def test_what_was_given_answers_only_what_it_plainly_speaks_of() -> None:
    assert following("for how many people is that?").fits_given(CANOE)
    assert following("how much is it?").fits_given(CANOE)
    for other in ("and a kayak?", "how deep is it?", "is it waterproof?", "why?", "another one?"):
        assert not following(other).fits_given(CANOE), other
    assert not following("and for two weeks?").fits_given(CANOE)
    assert not following("and how much?").fits_given(hit("Bring it to the jetty.", "How return?"))


def test_another_source_has_to_be_about_the_thing_and_nothing_else() -> None:
    assert following("and a kayak?").fits(KAYAK)
    assert not following("and a kayak?").fits(CANOE)
    assert not following("and a pedal boat?").fits(KAYAK)
    assert not following("how much?").fits(KAYAK), "of the canoe, that is"
    family = following("And the family pack?", "What does the roaming pack cost?")
    assert not family.fits(PASS)


def test_a_source_is_about_a_question_when_it_has_its_words() -> None:
    assert is_about("can I pay by card?", hit("Pay in cash or by any Mastercard."))
    assert not is_about("But can I pay by card?", hit("Bring the canoe to the jetty."))
    assert is_about("강아지를 데려가도 되나요?", hit("강아지는 데려오셔도 됩니다."))
    assert not is_about("카드로 결제돼요?", hit("카누는 6시까지 반납하세요."))


def test_what_was_given_says_nothing_of_the_other_way_round() -> None:
    known = "How do I switch off the alarm?"
    off = hit("Hold the key for three seconds; it is off at once.", known)
    assert not following("and how do I switch it on again?", known).fits_given(off)
    both = hit("Hold the key to switch it off; hold it again to switch it on.", known)
    assert following("and how do I switch it on again?", known).fits_given(both)


def test_what_a_question_leaves_open_the_known_one_must_not_name_alone() -> None:
    assert names_all("is there a lock with it", "Do I get a lock?")
    assert names_all("can I have it gift-wrapped", "Do you gift-wrap?")
    assert not names_all("is it waterproof?", "Is the hiking boot waterproof?")
    assert not names_all("how do I start it?", "How do I start the pump?")
    assert not names_all("how do I start it?", "How can I do that?")
    assert names_all("그거 방수 되나요?", "방수가 되나요?")
    assert not names_all("그거 방수 되나요?", "등산화는 방수가 되나요?")


def test_children_are_spoken_of_where_a_child_is() -> None:
    said = hit("Check-ups are free under 16.", "How much is a check-up for my child?")
    assert speaks_of(said, "children")
    assert speaks_of(hit("For children of all ages.", "Ages"), "child")
    assert not speaks_of(said, "women")
