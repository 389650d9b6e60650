"""The policy names the true reason: doubt where there is doubt, a rule where it is a rule."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from core.domain.conversation import Conversation, Unanswered
from core.domain.drafts import Reason
from core.domain.policy import (
    BURST_LIMIT_SECONDS,
    BURST_SECONDS,
    AutoSend,
    Review,
    Rules,
    burst_ends_at,
    decide,
)
from tests.support.world import sure, unsure

TALK = Conversation(id="c1")
EVERYTHING = Rules(threshold=1.0)
AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LIMIT = AT + timedelta(seconds=BURST_LIMIT_SECONDS)


def wrote(text: str) -> Conversation:
    return replace(TALK, unanswered=(Unanswered(seq=2, text=text, at=AT),))


def test_a_sure_draft_goes_alone_and_an_unsure_one_waits() -> None:
    assert decide(sure(), Rules(), conversation=TALK) == AutoSend()
    doubt = Review(reasons=(Reason.LOW_CONFIDENCE,))
    assert decide(unsure(), Rules(), conversation=TALK) == doubt


def test_where_everything_is_reviewed_a_certain_draft_is_not_called_unsure() -> None:
    certain = replace(sure(), confidence=1.0)
    by_rule = Review(reasons=(Reason.REVIEW_ALL,))
    assert decide(certain, EVERYTHING, conversation=TALK) == by_rule
    one_topic = Rules(thresholds={certain.topic: 1.0})
    assert decide(certain, one_topic, conversation=TALK) == by_rule
    twice = replace(EVERYTHING, review_all=True)
    assert decide(certain, twice, conversation=TALK) == by_rule


def test_where_everything_is_reviewed_doubt_is_still_told() -> None:
    both = Review(reasons=(Reason.REVIEW_ALL, Reason.LOW_CONFIDENCE))
    assert decide(unsure(), EVERYTHING, conversation=TALK) == both


@pytest.mark.parametrize("text", ["hi", "about my card", "비밀번호", "그게요"])
def test_an_unfinished_line_waits_for_the_rest_of_the_thought(text: str) -> None:
    assert burst_ends_at(wrote(text)) == AT + timedelta(seconds=BURST_SECONDS)


@pytest.mark.parametrize(
    "text", ["hi!", "How do I get a card?", "where is my new card please", "카드를 잃어버렸어요"]
)
def test_a_finished_line_waits_for_nothing(text: str) -> None:
    assert burst_ends_at(wrote(text)) is None


def test_who_is_seen_typing_is_waited_for_but_not_for_ever() -> None:
    typing = AT + timedelta(seconds=0.1)
    assert burst_ends_at(wrote("How do I get a new card?"), typing_at=typing) == LIMIT
    assert burst_ends_at(wrote("hi"), typing_at=typing) == LIMIT
    before = AT - timedelta(seconds=0.1)
    assert burst_ends_at(wrote("How do I get a new card?"), typing_at=before) is None


def test_who_asks_for_a_person_is_not_kept_waiting() -> None:
    assert burst_ends_at(replace(wrote("a person"), person_requested=True)) is None
