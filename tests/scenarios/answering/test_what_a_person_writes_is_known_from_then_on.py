"""Learning end to end, over HTTP alone, against the real program."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator

import httpx
import pytest

from tests.support.served import Served, served

pytestmark = pytest.mark.timeout(180)
ASKED = "Do you ship garden gnomes to Reykjavik?"
WHO_WRITES = "This is the AI assistant.\n\n"
SAID = "Yes, on the first Monday of every month, for 12 euros."


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("learning")) as site:
        yield site


KNOWN, TOLD = "When does the harbour ferry leave?", "The harbour ferry leaves at noon."


def knows_one_thing(site: Served) -> None:
    """Whichever of these tests run on the same server."""
    file = site.folder / "ferry.md"
    file.write_text(f"# {KNOWN}\n\n{TOLD}\n")
    assert site.bot("kb", "add", str(file)).code == 0


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


def form(site: Served, path: str, token: str, **fields: str) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.post(site.url + path, data=fields, headers=headers, timeout=20)


@pytest.mark.timed
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
    assert answer["text"] == WHO_WRITES + SAID
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
    sue = site.token("sue2@example.com", "supervisor")
    shown = page(site, "/console/assistant", sue)
    assert shown.status_code == 200
    assert said in shown.text
    assert "1234-5678" not in shown.text
    assert page(site, "/console/assistant", ann).status_code == 403
    answer = form(
        site, "/console/assistant/lesson", sue, id=item["id"], act="accept",
        question="Can you engrave my unicycle?", text=said,
    )  # fmt: skip
    assert answer.status_code == 303, answer.text
    until(lambda: any("unicycle" in title for title in titles(site, admin)))
    again = site.chat("Can you engrave my unicycle?")
    again.until(lambda c: c["messages"][-1]["text"] == WHO_WRITES + said, seconds=4)
    # A second yes is too late, and says so.
    late = form(site, "/console/assistant/lesson", sue, id=item["id"], act="accept", text=said)
    assert late.status_code == 409


def test_personal_data_cannot_be_learned_by_a_yes_either(site: Served) -> None:
    bob, sue = site.token("bob@example.com", "agent"), site.token("sue3@example.com", "supervisor")
    chat = site.chat("Who repairs my hovercraft near Seoul?")
    item = site.waiting(chat, bob)
    said = "Please write to Kim at kim.private@example.org"
    assert site.decide(item, "edit", bob, text=said).status_code == 200
    until(lambda: "hovercraft" in page(site, "/console/assistant", sue).text)
    assert "kim.private" not in page(site, "/console/assistant", sue).text
    refused = form(site, "/console/assistant/lesson", sue, id=item["id"], act="accept", text=said)
    assert refused.status_code in (400, 422), refused.text


def test_the_same_question_of_three_customers_is_decided_once(site: Served) -> None:
    dan = site.token("dan@example.com", "agent")
    chats = [site.chat("Is the purple zeppelin service down today?") for _ in range(3)]
    items = [site.waiting(chat, dan) for chat in chats]
    shown = page(site, "/console/alike", dan)
    assert shown.status_code == 200
    assert "purple zeppelin" in shown.text
    done = form(
        site, "/console/alike", dan, act="edit", text_en="Yes; it is back at noon.",
        items=",".join(f"{i['id']}:{i['version']}:en" for i in items),
    )  # fmt: skip
    assert done.status_code == 200, done.text
    for chat in chats:
        chat.until(lambda c: c["messages"][-1]["text"] == "Yes; it is back at noon.")


def test_last_weeks_questions_can_be_asked_again_against_a_threshold(site: Served) -> None:
    knows_one_thing(site)
    site.chat(KNOWN).until(lambda c: any(m["author"] == "ai" for m in c["messages"]))
    dan = site.token("dana@example.com", "agent")
    for flight in ("blue", "green", "golden"):
        site.waiting(site.chat(f"When does the {flight} balloon of the fair take off?"), dan)
    lax = json.loads(site.bot("replay", "--since", "1d", "--threshold", "0.1", "--json").out)
    strict = json.loads(site.bot("replay", "--since", "1d", "--threshold", "1", "--json").out)
    assert lax["questions"] == strict["questions"] >= 4
    assert lax["alone_after"] > 0 == strict["alone_after"]
    assert strict["more_reviews"] == strict["alone_before"] > 0
    assert site.bot("replay", "--since", "soon").code == 2


def test_the_pages_of_trust_are_there_for_those_who_may(site: Served) -> None:
    admin, eve = site.token("root@example.com", "admin"), site.token("eve@example.com", "agent")
    for path in (
        "/console/assistant", "/console/assistant/numbers", "/console/alike", "/console/knowledge",
        "/console/dashboard/gaps/list",
    ):  # fmt: skip
        shown = page(site, path, admin)
        assert shown.status_code == 200, (path, shown.text)
    knows_one_thing(site)
    found = site.get("/console/knowledge", token=admin, q=KNOWN)
    assert TOLD in found.text
    replayed = site.get("/console/assistant/numbers/replay", token=admin, threshold="0.9", days="1")
    assert replayed.status_code == 200
    assert page(site, "/console/assistant", eve).status_code == 403
    for before in ("/console/autonomy", "/console/learning", "/console/dashboard/gaps"):
        assert "/console/assistant" in page(site, before, admin).headers["location"]
    added = form(site, "/console/knowledge", admin, title="Where is the moon base?", text="Up.")
    assert added.status_code == 303
    assert "Where is the moon base?" in page(site, "/console/knowledge", admin).text


def test_a_group_with_nobody_ticked_decides_nothing(site: Served) -> None:
    dan = site.token("dan@example.com", "agent")
    refused = form(site, "/console/alike", dan, act="approve")
    assert refused.status_code in (400, 422), refused.text
    assert "Tick at least one" in refused.text
