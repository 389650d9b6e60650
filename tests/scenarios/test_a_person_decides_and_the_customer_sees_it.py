"""Review, decisions and take-overs, over HTTP alone, against the real program."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.served import Chat, Served, served

pytestmark = [pytest.mark.timeout(180), pytest.mark.timed]
UNKNOWN = "What is the melting point of tungsten carbide in Kelvin?"
KNOWN = "How do I approve an answer?"


class Desk(Served):
    """The program with two agents on it."""

    ann: str
    bob: str


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("desk")
    with served(folder) as site:
        site.__class__ = Desk
        assert isinstance(site, Desk)
        site.ann = site.token("ann@example.com", "agent")
        site.bob = site.token("bob@example.com", "agent")
        yield site


def answered(chat: Chat, count: int = 1) -> None:
    chat.until(lambda seen: sum(m["author"] == "ai" for m in seen["messages"]) >= count)


def test_what_is_not_known_waits_for_a_person_and_the_customer_is_told_within_3_s(
    desk: Desk,
) -> None:
    began = time.monotonic()
    chat = desk.chat(UNKNOWN)
    seen = chat.until(lambda c: c["status"] == "review", seconds=3)
    assert time.monotonic() - began < 3
    assert [m["author"] for m in seen["messages"]] == ["customer", "system"]
    item = desk.waiting(chat, desk.ann)
    assert {
        "id", "version", "conversation_id", "channel", "question", "draft", "reasons", "topic",
        "deadline", "claimed_by",
    } <= set(item)  # fmt: skip
    assert {"text", "citations", "confidence"} <= set(item["draft"])
    assert item["question"] == UNKNOWN
    assert item["channel"] == "web"
    assert item["reasons"]
    assert item["claimed_by"] is None
    assert 0 <= item["draft"]["confidence"] <= 1
    assert desk.decide(item, "approve", desk.ann).status_code == 200


def test_an_approved_draft_is_the_assistants_and_cited(desk: Desk) -> None:
    chat = desk.chat(UNKNOWN)
    item = desk.waiting(chat, desk.ann)
    began = time.monotonic()
    assert desk.decide(item, "approve", desk.ann).status_code == 200
    seen = chat.until(lambda c: c["status"] == "ai" and len(c["messages"]) == 3, seconds=1)
    assert time.monotonic() - began < 1
    assert seen["messages"][-1]["author"] == "ai"
    assert seen["messages"][-1]["text"] == item["draft"]["text"]
    assert seen["messages"][-1]["citations"]
    # The customer sees that a person has looked at it; nobody looked at the notice before.
    assert [message.get("checked", False) for message in seen["messages"]] == [False, False, True]


@pytest.mark.parametrize(
    "text",
    [
        "가" * 20_000,
        ("  two  spaces,\ttabs\r\nand lines \n\n\n **not** [markup](x) <b>&amp;</b>" * 300)[
            :20_000
        ],
        "👩‍👩‍👧‍👦" * 1000,
    ],
    ids=["korean", "spaces", "emoji"],
)
def test_an_edited_text_arrives_unchanged(desk: Desk, text: str) -> None:
    chat = desk.chat(UNKNOWN)
    done = desk.decide(desk.waiting(chat, desk.ann), "edit", desk.ann, text=text)
    assert done.status_code == 200, done.text
    chat.until(lambda c: c["messages"][-1]["author"] == "agent")
    assert chat.texts("agent") == [text]
    assert chat.read()["status"] == "ai"


def test_a_longer_text_is_refused(desk: Desk) -> None:
    chat = desk.chat(UNKNOWN)
    item = desk.waiting(chat, desk.ann)
    refused = desk.decide(item, "edit", desk.ann, text="x" * 20_001)
    assert refused.status_code == 422
    assert desk.decide(item, "edit", desk.ann).status_code == 422
    assert desk.decide(item, "edit", desk.ann, text="  ").status_code == 422
    assert desk.decide(item, "reject", desk.ann).status_code == 200


def test_a_rejection_with_ones_own_answer_is_a_persons(desk: Desk) -> None:
    chat = desk.chat(UNKNOWN)
    done = desk.decide(
        desk.waiting(chat, desk.ann), "reject", desk.ann, text="It melts at 3,058 K.", reason="bad"
    )
    assert done.status_code == 200
    chat.until(lambda c: c["messages"][-1]["author"] == "agent")
    assert chat.texts("agent") == ["It melts at 3,058 K."]
    assert "bad" not in str(chat.read())


def test_a_rejection_with_only_a_reason_tells_the_customer_something(desk: Desk) -> None:
    chat = desk.chat(UNKNOWN)
    item = desk.waiting(chat, desk.ann)
    assert desk.decide(item, "reject", desk.ann, reason="secret-reason").status_code == 200
    seen = chat.until(lambda c: c["status"] != "review" and len(c["messages"]) >= 3)
    assert "secret-reason" not in str(seen)
    assert not chat.texts("ai")


def test_a_second_decision_learns_who_decided_what(desk: Desk) -> None:
    chat = desk.chat(UNKNOWN)
    item = desk.waiting(chat, desk.ann)
    assert desk.decide(item, "edit", desk.ann, text="By me.").status_code == 200
    late = desk.decide(item, "approve", desk.bob)
    assert late.status_code == 409
    assert late.headers["content-type"].startswith("application/problem+json")
    told = late.json()
    assert (told["decided_by"], told["decision"]) == ("ann@example.com", "edit")
    assert (told["status"], bool(told["title"])) == (409, True)
    chat.until(lambda c: c["messages"][-1]["author"] == "agent")
    assert chat.texts("ai") == []


def test_two_people_decide_at_once_and_one_message_is_sent_100_times(desk: Desk) -> None:
    chats = [desk.chat(UNKNOWN) for _ in range(100)]
    decisions = ("approve", "edit", "reject", "take_over")
    with ThreadPoolExecutor(2) as two:
        for number, chat in enumerate(chats):
            item = desk.waiting(chat, desk.ann)
            first, second = decisions[number % 4], decisions[number // 4 % 4]
            texts = [
                {"text": f"by {who}"} if what in ("edit", "reject") else {}
                for who, what in (("ann", first), ("bob", second))
            ]
            ann = two.submit(desk.decide, item, first, desk.ann, **texts[0])
            bob = two.submit(desk.decide, item, second, desk.bob, **texts[1])
            answers = [ann.result(), bob.result()]
            assert sorted(a.status_code for a in answers) == [200, 409]
            won, lost = sorted(answers, key=lambda a: a.status_code)
            assert lost.json()["decided_by"] == won.json()["decided_by"]
            assert lost.json()["decision"] == won.json()["decision"]
            chat.until(lambda c: c["status"] != "review" and len(c["messages"]) >= 3)
    for chat in chats:
        sent = [m for m in chat.read()["messages"] if m["author"] in ("ai", "agent")]
        assert len(sent) == (0 if chat.read()["status"] == "human" else 1)


def test_a_newer_message_has_a_draft_of_its_own_beside_the_one_that_waits(desk: Desk) -> None:
    chat = desk.chat(UNKNOWN)
    old = desk.waiting(chat, desk.ann)
    chat.write("And what is the boiling point of osmium in Kelvin?", "second")
    fresh = desk.waiting(chat, desk.ann, about="osmium")
    assert fresh["id"] != old["id"]
    assert chat.read()["status"] == "review"
    assert desk.decide(fresh, "edit", desk.ann, text="5,285 K.").status_code == 200
    chat.until(lambda c: c["messages"][-1]["author"] == "agent")
    # He still waits for the first answer, and is told so.
    assert chat.read()["status"] == "review"
    assert desk.decide(old, "edit", desk.ann, text="3,058 K.").status_code == 200
    chat.until(lambda c: c["status"] == "ai")
    assert chat.texts("agent") == ["5,285 K.", "3,058 K."]
    assert chat.texts("ai") == []
    late = desk.decide(old, "approve", desk.ann)
    assert late.status_code == 409
    assert {"decided_by", "decision"} <= set(late.json())


def test_after_a_take_over_the_assistant_is_silent_until_it_is_handed_back(desk: Desk) -> None:
    chat = desk.chat(UNKNOWN)
    item = desk.waiting(chat, desk.ann)
    assert desk.decide(item, "take_over", desk.ann).status_code == 200
    seen = chat.until(lambda c: c["status"] == "human")
    assert seen["assignee"]
    chat.write(KNOWN, "while-human")
    time.sleep(1.5)
    assert chat.texts("ai") == []
    reply = desk.post(f"{chat.path}/reply", {"text": "Here I am."}, token=desk.ann)
    assert reply.status_code == 200, reply.text
    chat.until(lambda c: c["messages"][-1]["author"] == "agent")
    assert desk.post(f"{chat.path}/hand_back", token=desk.ann).status_code == 200
    chat.until(lambda c: c["status"] == "ai" and c["assignee"] is None)
    before = len(chat.texts("ai"))
    chat.write(KNOWN, "after-hand-back")
    answered(chat, before + 1)


def test_a_resolved_conversation_is_reopened_by_the_next_message(desk: Desk) -> None:
    chat = desk.chat(UNKNOWN)
    assert desk.decide(desk.waiting(chat, desk.ann), "take_over", desk.ann).status_code == 200
    assert desk.post(f"{chat.path}/resolve", token=desk.ann).status_code == 200
    chat.until(lambda c: c["status"] == "resolved")
    assert chat.post("rating", {"score": 5, "comment": "Danke"}).status_code == 204
    assert chat.read()["status"] == "resolved"
    chat.write(KNOWN, "again")
    chat.until(lambda c: c["status"] == "ai" and c["messages"][-1]["author"] == "ai")


def test_reply_hand_back_and_resolve_need_a_take_over(desk: Desk) -> None:
    chat = desk.chat(KNOWN)
    answered(chat)
    body = {"text": "Hello"}
    assert desk.post(f"{chat.path}/reply", body, token=desk.ann).status_code == 409
    assert desk.post(f"{chat.path}/hand_back", token=desk.ann).status_code == 409
    assert chat.texts("agent") == []


def test_whoever_asks_for_a_person_is_in_the_queue(desk: Desk) -> None:
    chat = desk.chat(KNOWN)
    answered(chat)
    assert chat.post("human").status_code == 202
    assert desk.waiting(chat, desk.ann)
    seen = chat.until(lambda c: c["messages"][-1]["author"] == "system", seconds=3)
    assert seen["status"] in ("review", "human")
    again = chat.post("human")
    assert again.status_code == 202
    items = desk.get("/api/approvals/pending", token=desk.ann, limit="200").json()["items"]
    assert sum(item["conversation_id"] == chat.id for item in items) == 1
