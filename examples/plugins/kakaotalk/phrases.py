"""The few words that the channel itself says or offers, in Korean and English."""

from __future__ import annotations

from collections.abc import Mapping

from core.domain.messages import Button, InboundKind

TEXTS: Mapping[str, Mapping[str, str]] = {
    "ko": {
        "please_wait": "답변을 준비하고 있습니다. 잠시만 기다려 주세요.",
        "not_yet": "아직 답변을 준비하고 있습니다. 잠시 후 아래 버튼을 눌러 확인해 주세요.",
        "nothing_new": "아직 새 답변이 없습니다. 잠시 후 다시 확인해 주세요.",
        "not_connected": "죄송합니다. 지금은 이 채팅으로 상담해 드릴 수 없습니다.",
        "look": "답변 확인",
        "more": "이어서 보기",
        "human": "상담원 연결",
    },
    "en": {
        "please_wait": "Your answer is being prepared. One moment, please.",
        "not_yet": "Your answer is not ready yet. Please look again with the button below.",
        "nothing_new": "There is no new answer yet. Please look again in a while.",
        "not_connected": "We are sorry: this chat cannot be answered at the moment.",
        "look": "Check reply",
        "more": "Read on",
        "human": "Ask a person",
    },
}

MOST_CHARACTERS = 14  #: of a quick reply's label

SPOKEN: Mapping[str, tuple[InboundKind, str]] = {
    **{
        TEXTS[locale][name]: (kind, "")
        for locale in TEXTS
        for name, kind in (
            ("look", InboundKind.CONTINUE),
            ("more", InboundKind.CONTINUE),
            ("human", InboundKind.HUMAN),
        )
    },
    **{"★" * score: (InboundKind.RATING, str(score)) for score in range(1, 6)},
}
"""A pressed quick reply comes back as what the customer says."""


def say(name: str, locale: str) -> str:
    """The words in this language, Korean where we do not speak it."""
    return TEXTS.get(locale, TEXTS["ko"])[name]


def label_of(button: Button, locale: str) -> str:
    """What stands on a quick reply, such that `SPOKEN` knows it again."""
    return say("human", locale) if button.id == "human" else button.label[:MOST_CHARACTERS]
