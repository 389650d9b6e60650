"""Small talk is recognised in both languages, and a real question never is."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from core.i18n import Words
from core.nlu.smalltalk import SmallTalk, small_talk

LOCALES = Path(__file__).parents[3] / "config" / "locales"

SAID = {
    SmallTalk.GREETING: [
        "hi",
        "Hello!",
        "hey there",
        "good morning",
        "Hi team",
        "anyone there?",
        "안녕하세요",
        "안녕",
        "안녕하세요~ 반갑습니다",
        "저기요",
        "여보세요?",
    ],
    SmallTalk.THANKS: [
        "thanks",
        "Thank you so much!",
        "thx",
        "ok thanks",
        "Great, thank you",
        "thanks a lot for your help",
        "perfect, thanks 😊",
        "감사합니다",
        "고마워요",
        "정말 감사합니다!",
        "네 감사합니다~",
        "답변 감사합니다",
        "알려주셔서 감사합니다",
        "도움이 됐어요",
    ],
    SmallTalk.GOODBYE: [
        "bye",
        "Goodbye!",
        "see you later",
        "ok bye",
        "have a nice day",
        "안녕히 계세요",
        "수고하세요",
        "좋은 하루 되세요",
    ],
    SmallTalk.ROBOT: [
        "are you a robot?",
        "Are you human?",
        "are you a real person",
        "Am I talking to a bot?",
        "is this a bot?",
        "are you a bot or a human?",
        "who are you?",
        "are you chatgpt?",
        "로봇이에요?",
        "사람이세요?",
        "사람인가요?",
        "혹시 챗봇인가요?",
        "로봇이에요 사람이에요?",
        "너는 누구야?",
        "AI인가요?",
    ],
    SmallTalk.ABILITY: [
        "what can you do?",
        "help",
        "Can you help me?",
        "what can I ask you",
        "뭘 할 수 있어요?",
        "도와주세요",
        "질문 있어요",
        "무엇을 도와줄 수 있나요?",
    ],
    SmallTalk.HOW_ARE_YOU: ["how are you?", "Hi, how are you doing today?", "잘 지내세요?"],
    SmallTalk.ACKNOWLEDGED: [
        "ok",
        "Okay.",
        "got it",
        "I see",
        "makes sense",
        "네",
        "네 알겠습니다",
        "그렇군요",
        "ㅇㅋ",
    ],
    SmallTalk.INSULT: [
        "fuck you",
        "you are stupid",
        "useless bot",
        "what a piece of shit",
        "you idiot",
        "씨발",
        "병신아",
        "꺼져",
        "바보 챗봇",
        "너 진짜 멍청이야",
    ],
    SmallTalk.THREAT: [
        "I will kill you",
        "I'm going to bomb your office",
        "I want to die",
        "죽여 버리겠다",
        "칼 들고 찾아간다",
        "가만두지 않겠어 가만 안 둬",
    ],
}

REAL = """
thanks, but how do I get my money back?
Hi, my card does not work
hello I forgot my password
ok but where is the button
bye bye account, how do I delete it
how do I use the help page?
Can you help me reset my password?
what can you do about my refund?
are you open on Sunday?
Are you a bank or a broker?
is this a good card for students?
is this a person or business account?
who are you regulated by?
My fucking card was declined again, why?
this stupid app logs me out every time
your useless app lost my order 1234
how do I kill a session?
what is a thank you card?
What does OK mean on the display?
how are you handling refunds?
good morning, when do you open?
See you later pricing plan details
human
안녕하세요 환불하고 싶어요
감사합니다 그런데 비밀번호는 어떻게 바꾸나요?
네 그런데 어디에 있어요?
로봇 청소기 환불되나요?
사람이 몇 명까지 가입할 수 있나요?
비번 까먹었어요
도와주세요 카드가 안 돼요
시발 왜 카드가 안 되는지 알려줘
시발역에서 출발하는 기차표는 어떻게 사나요?
쓰레기 봉투는 어디서 사나요?
누구세요 서비스 가입 방법
상담원 연결해 주세요
네이버로 로그인할 수 있나요?
좋아요 버튼은 어디에 있나요?
""".strip().splitlines()


@pytest.mark.parametrize(("talk", "text"), [(t, x) for t, texts in SAID.items() for x in texts])
def test_small_talk_is_recognised(talk: SmallTalk, text: str) -> None:
    assert small_talk(text) is talk


@pytest.mark.parametrize("text", REAL)
def test_a_real_question_is_no_small_talk(text: str) -> None:
    assert small_talk(text) is None


@pytest.mark.parametrize("locale", ["en", "ko"])
@pytest.mark.parametrize("talk", SmallTalk)
def test_every_kind_has_words_in_every_language(talk: SmallTalk, locale: str) -> None:
    assert Words.load(LOCALES).text(f"smalltalk.{talk.value}", locale)


@pytest.mark.no_cover  # a tracer would be what takes the time
def test_long_texts_take_no_time() -> None:
    began = time.thread_time()
    for text in (
        "thanks " * 22,
        "hi" * 79,
        "네" * 159,
        "a" * 20_000,
        "i will kill " * 900,
        "!" * 160,
    ):
        small_talk(text)
    assert time.thread_time() - began < 0.5
