"""Learning end to end, over HTTP alone, against the real program."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import httpx
import pytest

from tests.support.served import Served, served

pytestmark = pytest.mark.timeout(180)
ASKED = "Do you ship garden gnomes to Reykjavik?"
SAID = "Yes, on the first Monday of every month, for 12 euros."


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("learning")) as site:
        yield site


def until(holds: Callable[[], object], *, seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def titles(site: Served, token: str) -> list[str]:
    """What can be found."""
    items = site.get("/api/knowledge", token=token, limit="200").json()["items"]
    return [item["title"] for item in items if item["ready"]]


def page(site: Served, path: str, token: str) -> httpx.Response:
    return site.get(path, token=token)


def test_a_supervisors_words_answer_the_next_customer_at_once_and_with_a_source(
    site: Served,
) -> None:
    sue, admin = site.token("sue@example.com", "supervisor"), site.token("a@example.com", "admin")
    first = site.chat(ASKED)
    item = site.waiting(first, sue)
    assert site.decide(item, "edit", sue, text=SAID).status_code == 200
    first.until(lambda c: c["messages"][-1]["author"] == "agent")
    until(lambda: ASKED in titles(site, admin))
    began = time.monotonic()
    second = site.chat(ASKED)
    seen = second.until(lambda c: any(m["author"] == "ai" for m in c["messages"]), seconds=4)
    assert time.monotonic() - began < 4
    answer = seen["messages"][-1]
    assert answer["text"] == SAID
    assert answer["citations"][0]["title"] == ASKED
    assert seen["status"] == "ai"


def test_an_agents_words_wait_for_a_yes_and_hold_nothing_personal(site: Served) -> None:
    ann, admin = site.token("ann@example.com", "agent"), site.token("b@example.com", "admin")
    asked = "Can you engrave my unicycle? My number is +82 10-1234-5678"
    said = "Yes, brass plates only, within nine days."
    chat = site.chat(asked)
    item = site.waiting(chat, ann)
    assert site.decide(item, "edit", ann, text=said).status_code == 200
    chat.until(lambda c: c["messages"][-1]["author"] == "agent")
    time.sleep(2)
    assert not any("unicycle" in title for title in titles(site, admin))
