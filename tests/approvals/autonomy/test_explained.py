"""A topic in words: no figure that a newcomer would have to be taught to read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from approvals.autonomy.explained import Explained, Freedom, explained, worst
from approvals.autonomy.standing import Standing, proposal
from approvals.autonomy.topics import Change, Level, Topic
from approvals.learning.evidence import Evidence, Kind, bound_at, next_look
from core.i18n import Words
from tests.support.world import LOCALES

NOW = datetime(2026, 11, 8, tzinfo=UTC)
WORDS = Words.load(LOCALES)


def judged(count: int, *, wrong: int = 0, confidence: float = 0.95) -> list[Evidence]:
    return [
        Evidence(
            id=f"c{n}.4",
            at=NOW - timedelta(minutes=count - n),
            kind=Kind.REVIEW,
            topic="billing",
            confidence=confidence,
            right=n >= wrong,
            weight=0.5 if n % 2 else 1.0,  # half of them were hasty
        )
        for n in range(count)
    ]


def said(
    topic: Topic, evidence: list[Evidence], *, threshold: float = 0.93, first: bool = False
) -> Explained:
    now = 1.0 if topic.level is Level.REVIEW or first else threshold
    standing = Standing(
        topic=topic,
        threshold=now,
        evidence=evidence,
        now=bound_at(evidence, now),
        proposal=proposal(topic, evidence, threshold=now, target=0.95),
    )
    return explained(standing, threshold=threshold, reviews_first=first, automatic=False)


def test_counts_are_whole_and_the_certainty_is_rounded_down() -> None:
    one = said(Topic(name="billing"), judged(48, wrong=1))
    assert one.freedom is Freedom.CAREFUL
    assert one.rightness is not None
    assert (one.rightness.right, one.rightness.judged) == (47, 48)
    # Of 36 that count 2 are wrong, the half ones to our disadvantage.
    assert one.rightness.worst.name == "worst_ten"
    assert one.rightness.worst.values == {"n": 8}
    assert one.next.values == {"n": 59 - 48}


@pytest.mark.parametrize(
    ("bound", "name", "n"),
    [(0.0, "worst_hundred", 100), (0.05, "worst_hundred", 95), (0.051, "worst_ten", 9),
     (0.1, "worst_ten", 9), (0.5, "worst_ten", 5), (0.51, "worst_unknown", None),
     (1.0, "worst_unknown", None)],
)  # fmt: skip
def test_what_is_sure_is_said_of_a_hundred_or_of_ten(bound: float, name: str, n: int) -> None:
    found = worst(bound)
    assert (found.name, found.values.get("n")) == (name, n)


def test_the_next_look_is_the_one_that_thresholds_wait_for() -> None:
    assert [next_look(n) for n in (0, 58, 59, 88, 89, 133)] == [59, 59, 89, 89, 133, 200]


@pytest.mark.parametrize(
    ("why", "level", "name"),
    [("a complaint", Level.BASE, "why_complaint"), ("by a supervisor", Level.REVIEW, "why_person"),
     ("by a supervisor", Level.BASE, "why_careful"), ("undone", Level.REVIEW, "why_undone"),
     ("answers got worse", Level.REVIEW, "why_worse"),
     ("1 wrong of 60, at most 4.9%", Level.EARNED, "why_alone")],
)  # fmt: skip
def test_the_reason_is_that_of_the_newest_change(why: str, level: Level, name: str) -> None:
    change = Change(at=NOW, by="", level=level, threshold=0.8, why=why)
    topic = Topic(name="billing", level=level, threshold=0.8, history=(change,))
    assert said(topic, judged(10)).why.name == name


def test_a_topic_that_sends_nothing_says_how_it_would_have_been() -> None:
    one = said(Topic(name="billing", level=Level.REVIEW), judged(40))
    assert (one.freedom, one.would) == (Freedom.NEVER, True)
    assert one.rightness is not None
    assert one.rightness.judged == 40
    assert said(Topic(name="x"), []).rightness is None
    assert said(Topic(name="x"), [], first=True).freedom is Freedom.ASKS


@pytest.mark.parametrize("locale", ["en", "ko"])
def test_every_phrase_has_its_words(locale: str) -> None:
    topics = [
        Topic(name="t", level=level, history=(change,))
        for level in Level
        for change in (
            Change(at=NOW, by="", level=level, threshold=0.8, why=why)
            for why in ("by a supervisor", "a complaint", "undone", "answers got worse",
                        "wrong in the audit again", "a wrong answer in the audit",
                        "a document has changed", "not now")
        )
    ]  # fmt: skip
    for topic in [*topics, Topic(name="t")]:
        for first in (False, True):
            one = said(topic, judged(150, confidence=0.8), first=first)
            phrases = [one.why, one.next]
            phrases += [r.worst for r in (one.rightness,) if r is not None]
            for phrase in phrases:
                text = WORDS.text(f"trust.plain.{phrase.name}", locale, **phrase.values)
                assert "trust.plain" not in text
                assert "{" not in text
