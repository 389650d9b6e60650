"""Questions over the shipped guide: wordings of what it answers, and near misses it does not.

A near miss is built like a question of the guide and is about something else ("How do I approve a
mortgage?"). The labelled sets hold few of them, and a prior without them trusts the frame of a
sentence more than what it is about.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from core.rag.commands.evaluation import LabelledQuestion
from core.rag.domain.model import Article
from core.rag.reading.readers import files_in, read_file

GUIDE = Path(__file__).parents[1] / "docs" / "guide"

ANSWERED = {
    "agents": (
        "how can I approve a suggested answer", "I want to correct a draft before sending it",
        "can I reject a draft that is wrong?", "take over the conversation from the bot",
        "give the conversation back to the assistant", "how do I close a finished conversation",
        "two of us decided on the same draft, what happens", "nobody decided in time, what now",
        "초안을 고쳐서 보내고 싶어요", "초안을 거절하려면 어떻게 해요?", "대화를 넘겨받으려면?",
        "대화를 끝내고 싶어요",
    ),
    "asking": (
        "I would like to speak to a human", "is this a robot or a person",
        "what happens after I ask something", "why must I wait for somebody",
        "which languages do you speak here", "where can I see what I wrote before",
        "how can I rate the answer", "stop sending me text messages",
        "어떤 언어로 물어볼 수 있나요?", "예전에 쓴 메시지를 볼 수 있나요?",
        "로봇인가요 사람인가요?",
    ),
    "channels": (
        "enabling the telegram channel", "turn on sms text messages",
        "put the chat widget on our website", "which channels do you support",
        "switch a channel off again", "my channel does not work", "write a channel of my own",
        "문자 채널을 켜고 싶어요", "홈페이지에 채팅을 넣으려면?", "채널을 끄려면 어떻게 해요?",
    ),
    "knowledge": (
        "adding documents to the knowledge base", "what file formats are supported for documents",
        "remove a document from the knowledge base", "test what the assistant would find",
        "how to write good articles", "rebuild the vector index",
        "지식에 문서를 추가하려면?", "문서를 지우고 싶어요", "색인을 다시 만들려면?",
    ),
    "privacy": (
        "delete all data of a customer", "a customer wants a copy of his data",
        "are the passwords stored safely", "고객 데이터를 삭제하려면?",
    ),
    "running": (
        "start the contact center", "change the port it listens on", "use an openai language model",
        "where does it keep the data", "connect my own mongodb", "run several processes",
        "check that everything works", "what happens after a crash of the server",
        "포트를 바꾸고 싶어요", "데이터는 어디에 저장돼요?",
    ),
    "slack": (
        "approve drafts from slack", "edit the answer in slack before sending",
        "connect slack to the contact center", "슬랙을 연결하려면?",
    ),
    "supervisors": (
        "how is the team doing today", "get a daily report by mail",
        "make the assistant more careful", "how does the assistant learn from us",
        "어시스턴트를 더 신중하게 만들려면?",
    ),
    "users": (
        "add a new colleague", "what may a supervisor do", "동료를 추가하려면 어떻게 하나요?",
    ),
}  # fmt: skip

FRAMES_EN = (
    "How do I approve {}?", "How do I reject {}?", "How do I take over {}?", "How do I close {}?",
    "How do I stop {}?", "How do I enable {}?", "How do I add {}?", "How do I remove {}?",
    "How do I check {}?", "How do I change {}?", "How do I connect {}?", "How do I edit {}?",
    "How do I delete {}?", "How do I rate {}?", "How do I turn off {}?", "Where do I see {}?",
    "What happens when {} fails?", "Where is {} stored?", "Can I get a copy of {}?",
)  # fmt: skip
THINGS_EN = (
    "a mortgage", "my insurance claim", "a holiday request", "the washing machine", "my parking",
    "a wire transfer", "the subscription", "my pension", "a purchase order", "the alarm clock",
    "my passport", "the thermostat", "a gift voucher", "the dishwasher", "my bicycle",
    "a tax return", "the electricity meter", "a hotel booking", "a marriage proposal",
    "an invitation to a party", "a late delivery", "a building permit", "a phone contract",
    "a quote from the plumber", "my landlord", "a school excursion", "the newspaper",
    "a cookie banner", "a credit card", "the router", "a study grant", "a piano lesson",
    "the neighbour's dog",
)  # fmt: skip
FRAMES_KO = (
    "{} 어떻게 승인하나요?", "{} 어떻게 거절하나요?", "{} 어떻게 추가하나요?",
    "{} 어떻게 연결하나요?", "{} 삭제하려면 어떻게 하나요?", "{} 바꾸려면 어떻게 하나요?",
    "{} 끄려면 어떻게 하나요?", "{} 어디에 저장되나요?",
)  # fmt: skip
THINGS_KO = (
    "보험은", "휴가 신청은", "세탁기는", "상품권은", "여권은", "자전거는", "호텔 예약은",
    "세금 신고는", "전기 요금은", "청혼은", "신용카드는", "건축 허가는", "장학금은",
    "공유기는", "이사 견적은", "피아노 수업은",
)  # fmt: skip


def guide_articles() -> list[Article]:
    """The guide as it ships."""
    return [article for file in files_in([GUIDE]) for article in read_file(file)]


def guide_questions() -> list[LabelledQuestion]:
    """Both kinds; near misses have nothing that is relevant."""
    answered = [
        _question(f"{page}-{number}", text, relevant=(f"guide-en-{page}", f"guide-ko-{page}"))
        for page, texts in ANSWERED.items()
        for number, text in enumerate(texts)
    ]
    missed = [
        _question(f"near-{language}-{i}-{j}", frame.format(thing))
        for language, frames, things in (
            ("en", FRAMES_EN, THINGS_EN),
            ("ko", FRAMES_KO, THINGS_KO),
        )
        for i, frame in enumerate(frames)
        for j, thing in enumerate(things)
        # Every thing with every third frame: enough of both without repeating each pair.
        if (i + j) % 3 == 0
    ]
    return answered + missed


def _question(key: str, text: str, *, relevant: Sequence[str] = ()) -> LabelledQuestion:
    lang = "ko" if any("가" <= letter <= "힣" for letter in text) else "en"
    return LabelledQuestion(id=key, text=text, lang=lang, relevant=frozenset(relevant))
