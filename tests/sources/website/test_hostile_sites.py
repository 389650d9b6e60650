"""A site that means ill costs its own sync at most: neither memory nor time of everybody."""

from __future__ import annotations

import tracemalloc

import pytest

from core.sdk.testing.clock import ManualClock
from sources.website.fetching import Answer, Fetcher
from sources.website.robots import LARGEST, Robots, rules_for
from sources.website.website import AGENT

EVERY = "User-agent: *\nDisallow: /private/\n"


def test_many_names_times_many_rules_are_not_kept() -> None:
    """15,000 names and 15,000 rules are 225 million pairs, of half a megabyte."""
    names = "".join(f"x\fUser  agent a{n} # x\n" for n in range(15_000))
    paths = "".join(f"Disallow: /{n}\n" for n in range(12_000))
    tracemalloc.start()
    try:
        robots = Robots(rules_for((EVERY + names + paths)[:LARGEST], name=AGENT), name=AGENT)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 100_000_000
    assert not robots.allows("https://a.example/private/x")
    assert robots.allows("https://a.example/77")


@pytest.mark.parametrize(
    ("text", "allowed"),
    [
        ("User-agent: other\nDisallow: /\n", True),
        (f"User-agent: other\nUser-agent: {AGENT}\nDisallow: /\n", False),
        (f"user-agent {AGENT.lower()}*\nDisallow: /\n", False),
        ("User agent: *\nDisallow: /\nUser-agent: x\nAllow: /\n", False),
        (f"User-agent: *\nDisallow: /\n\nUseragent: {AGENT}\nAllow: /\n", True),
        ("User-agent: x\nDisallow: /\nUser-agent: *\nAllow: /\n", True),
    ],
)
def test_the_rules_for_us_stay(text: str, allowed: bool) -> None:
    assert (
        Robots(rules_for(text, name=AGENT), name=AGENT).allows("https://a.example/page") is allowed
    )


@pytest.mark.parametrize("said", ["²", "-1", "1e9", "Wed, 21 Oct 2015 07:28:00 +9999999", "٣", ""])
async def test_any_retry_after_is_some_seconds(said: str) -> None:
    async with Fetcher(user_agent="x", pause=0.5, largest=9, clock=ManualClock()) as fetcher:
        answer = Answer(address="", status=429, headers={"retry-after": said})
        assert fetcher._asked_to_wait(answer, 1) >= 0.5
