"""A message's questions are found as people write them; statements and one question stay one."""

from __future__ import annotations

import time

import pytest

from core.nlu.questions import (
    Kind,
    asks,
    may_hold_several,
    only_announces,
    pieces,
    questions,
    same_words,
    without_leads,
)
from core.nlu.questions_ko import split
from core.rag.answering.compound_questions import things_asked

SEVERAL = {
    "What time do you open and can I bring my dog?": 2,
    "How do I return a canoe?\nalso do you sell fishing licences": 2,
    "what time do you open how much is a day ticket": 2,
    "Can I bring my dog and is there a fee?": 2,
    "What are your hours, do you take cards": 2,
    "Hi, I'm planning a trip. What's the check-in time? And do you have parking?": 2,
    "What does the roaming pack cost, and the family pack?": 2,
    "how much is it and for how long": 2,
    "Can I cancel and when?": 2,
    "Are dogs allowed and if so how much": 2,
    "do you have parking can i bring my dog": 2,
    "1) opening hours 2) price of a day ticket": 2,
    "- is breakfast included\n- is there a lift\n- where do I park": 3,
    "need to know the price of a day ticket. also the opening hours": 2,
    "I'd like to know whether you ship to Norway, and if I can pay by card": 2,
    "My parcel has not arrived at all, please help. I want to change the address.": 2,
    "Tell me where you are. And when can I come?": 2,
    "where is it? what does it cost? can kids come?": 3,
    "Is it open on Sunday & do I need a ticket": 2,
    "영업시간이 어떻게 되나요 그리고 주차도 되나요": 2,
    "환불은 어떻게 하나요? 배송비는 얼마예요?": 2,
    "카드 결제 돼요 주차 돼요?": 2,
    "가격은 얼마고 주차는 되나요": 2,
    "주차 되는지 반려견 동반 되는지 알려주세요": 2,
    "얼마예요 언제 열어요": 2,
    "어떻게 신청하고 언제 받나요": 2,
    "카누 반납은 어떻게 하나요?\n또 낚시 면허도 파나요": 2,
    "배송비는 어떻게 되고 며칠 걸리나요?": 2,
    "주차장 있나요, 강아지 데려가도 되나요?": 2,
    "1. 바비큐 이용 방법 2. 와이파이 되는지": 2,
    "체크인은 몇 시부터이고 체크아웃은 몇 시인가요?": 2,
    "바다실 하루에 얼마예요 세탁기 있어요?": 2,
    "what are your hours and how do I get there": 2,
    "영업시간이 언제까지예요 어떻게 가요": 2,
}
ONE = (
    "How do I cancel and get a refund?",
    "When and where do you open?",
    "I lost my card and what should I do",
    "Is it free or do I pay?",
    "If I cancel, do I get a refund",
    "When I arrive at the airport, where do I park?",
    "Can you tell me what time you open",
    "hi\nabout my card\nhow do I get a new one?",
    "Do you know how much is a ticket",
    "what do you do if i cancel",
    "I'd like to return a lamp. How do I do that?",
    "Is the pass free for kids and valid for a year?",
    "Thanks! How long does it take?",
    "My dryer makes a noise. What should I do?",
    "Does it cost 3.50 an hour, i.e. is that per person?",
    "How do I find out who called and said that my card is blocked?",
    "Could I reserve one in advance please, and how",
    "Can I cancel my course? How do I do that?",
    "had a tooth pulled today, what am I allowed to eat",
    "can't come on thursday, how do I move the lesson",
    "was ill on tuesday, is that lesson gone",
    "뭘 준비하고 가야 하나요",
    "예약 취소하면 환불되나요",
    "어제 주문했는데 언제 도착하나요?",
    "필요 서류가 뭐예요",
    "비밀번호를 잊어버렸는데 어떻게 해야 하나요",
    "감사합니다! 근데 얼마예요?",
    "안녕하세요 주말에 가려고 하는데요 영업시간이 어떻게 되나요?",
    "로그인하려고 하는데 안 돼요. 어떻게 하나요?",
    "예약하려면 어떻게 해야 하죠",
    "언제까지 취소하면 돈 안 내도 돼요?",
    "토요일은 몇 시까지 진료하시는지 궁금합니다",
    "고기는 며칠까지 먹을 수 있나요?",
    "돈이 얼마나 들죠?",
    "오전에 갈까 하는데 대기가 긴가요",
    "사진이 어두워서 검정인지 남색인지 모르겠어요",
    "얼마를 준비해 가야 하는지 알려 주세요",
    "회원증 되나요? 어떻게 하죠?",
)


@pytest.mark.parametrize("text", SEVERAL)
def test_several_questions_are_several(text: str) -> None:
    found = things_asked(text)
    assert len(found) == SEVERAL[text], found


@pytest.mark.parametrize("text", ONE)
def test_one_question_is_one(text: str) -> None:
    found = things_asked(text)
    assert len(found) == 1, found


def test_what_is_cut_loses_no_word() -> None:
    for text in (*SEVERAL, *ONE):
        letters = [c for piece in pieces(text) for c in piece.text if c.isalpha()]
        assert letters == [c for c in text if c.isalpha()]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("My order number is 12345", Kind.REMARK),
        ("it is about the mobile app", Kind.REMARK),
        ("the blue one", Kind.REMARK),
        ("I can't log in", Kind.WISH),
        ("is anybody there", Kind.QUESTION),
        ("제 주문번호는 12345입니다", Kind.REMARK),
        ("파란색이에요", Kind.REMARK),
        ("로그인이 안 돼요", Kind.WISH),
        ("주소를 바꾸고 싶어요", Kind.WISH),
    ],
)
def test_what_a_sentence_does(text: str, kind: Kind) -> None:
    assert [piece.kind for piece in pieces(text)] == [kind]
    assert asks(text) == (kind is not Kind.REMARK)


@pytest.mark.parametrize(
    "text",
    [
        "I have another question.",
        "can I ask you something?",
        "one more thing",
        "질문 하나 더 있어요.",
        "두 가지 여쭤볼게요",
        "다른 거 물어봐도 돼요?",
    ],
)
def test_that_a_question_comes_is_no_question(text: str) -> None:
    assert only_announces(text)
    assert not asks(text)
    assert questions(f"{text}\nDo you deliver?") == ("Do you deliver?",)


@pytest.mark.parametrize(
    "text", ["can I ask for a refund?", "question about shipping", "문의 전화"]
)
def test_a_question_about_asking_is_one(text: str) -> None:
    assert not only_announces(text)


def test_two_ways_are_two_questions() -> None:
    assert questions("예약하는 법이랑 취소하는 법 알려줘") == (
        "예약하는 법이랑",
        "취소하는 법 알려줘",
    )
    assert questions("가격도 알려주세요") == ("가격도 알려주세요",)


@pytest.mark.parametrize(
    ("text", "several"),
    [
        ("I forgot my password and also want another address", True),
        ("It came dented, what now? And should I keep the box?", True),
        ("비밀번호를 잊어버렸어요. 그리고 주소도 바꾸고 싶어요", True),
        ("상품권 기한이랑 남은 금액", True),
        ("May I bring cats and dogs?", False),
        ("I come from Leeds. Is there parking?", False),
        ("어제 주문했어요. 언제 오나요?", False),
    ],
)
def test_what_may_hold_two_matters(text: str, *, several: bool) -> None:
    assert may_hold_several(text) == several


def test_the_same_words() -> None:
    assert same_words("Where is it?", "where  IS it??")
    assert same_words("어디예요?", "어디 예요")
    assert not same_words("Where is it?", "Where is it now?")
    assert not same_words("?", "!")


@pytest.mark.parametrize(
    ("text", "bare"),
    [
        ("ok, and can I pay by card?", "can I pay by card?"),
        ("Can you tell me what is in plan L?", "what is in plan L?"),
        ("아 그리고 주차 되나요?", "주차 되나요?"),
        ("그 상품은 얼마예요?", "그 상품은 얼마예요?"),
        ("How much is it?", "How much is it?"),
        ("Something else: may we swim here?", "may we swim here?"),
        ("do you rent tents btw", "do you rent tents"),
        ("btw", "btw"),
        ("ok", "ok"),
    ],
)
def test_what_leads_to_a_question_is_not_searched_for(text: str, bare: str) -> None:
    assert without_leads(text) == bare


@pytest.mark.parametrize("text", ["", " ", "?", "...", "…!?", "\n\n", "1.", "ㅋㅋㅋ", "a" * 9000])
def test_anything_can_be_read(text: str) -> None:
    assert len(questions(text)) <= 1


@pytest.mark.no_cover  # a tracer would be what takes the time
@pytest.mark.parametrize("word", ["앞선STOP ", "되는지 얼마고 ", "얼마 되나요 되는지 ", "좋아요 "])
def test_a_sentence_without_end_takes_no_square(word: str) -> None:
    """1,685 letters of the first took 350 ms, and four times as many sixteen times as long."""
    began = time.thread_time()
    split(word * 5_000)
    assert time.thread_time() - began < 2.0
