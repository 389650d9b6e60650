"""The policy names the true reason: doubt where there is doubt, a rule where it is a rule."""

from __future__ import annotations

from dataclasses import replace

from core.conversations import Conversation
from core.drafts import Reason
from core.policy import AutoSend, Review, Rules, decide
from tests.support.world import sure, unsure

TALK = Conversation(id="c1")
EVERYTHING = Rules(threshold=1.0)


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
