"""The conversations API as a browser or a program uses it."""

from __future__ import annotations

import asyncio

import pytest

from core.accounts.roles import Role
from core.domain.events import Commit, Noted, ReviewRequested, TakenOver
from core.storage.client import Database
from core.web.identity.visitor_identity import VisitorIdentity
from tests.support.site import SECRET, Site
from tests.support.world import unsure


async def test_a_conversation_opens_with_its_first_message(web: Site) -> None:
    async with web.http.post("/api/conversations", json={"text": "How do I reset it?"}) as answer:
        assert answer.status == 201
        body = await answer.json()
        cookie = answer.cookies["visitor"]
    assert set(body) == {"id", "token", "status", "message_id"}
    assert body["status"] == "ai"
    assert "." not in body["id"]
    assert cookie.value == body["token"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    await web.world.until(body["id"], lambda c: not c.unanswered)
    status, seen = await web.call("GET", f"/api/conversations/{body['id']}", token=body["token"])
    assert status == 200
    assert set(seen) == {"id", "channel", "status", "assignee", "messages"}
    assert (seen["channel"], seen["status"], seen["assignee"]) == ("web", "ai", None)
    first, second = seen["messages"]
    assert set(first) == {"id", "seq", "author", "text", "ai", "citations", "at"}
    assert first["id"] == body["message_id"]
    assert (first["author"], first["text"]) == ("customer", "How do I reset it?")
    assert second["author"] == "ai"
    assert second["citations"] == [{"title": "Guide", "url": "https://example.com/guide"}]
    assert first["at"].endswith("Z")


async def test_the_same_client_id_is_the_same_message(web: Site) -> None:
    conversation_id, token = await web.open()
    path = f"/api/conversations/{conversation_id}/messages"
    body = {"text": "Hello there, how are you today?", "client_id": "m1"}
    answers = await asyncio.gather(
        *(web.call("POST", path, token=token, json=body) for _ in range(8))
    )
    assert {status for status, _ in answers} == {202}
    assert len({(a["id"], a["seq"]) for _, a in answers}) == 1
    status, later = await web.call(
        "POST", path, token=token, json={"text": "Something else", "client_id": "m1"}
    )
    assert (status, later) == answers[0]
    kinds = await web.world.kinds(conversation_id)
    assert kinds.count("received") == 1


async def test_messages_and_status_are_of_the_same_moment(web: Site) -> None:
    conversation_id, token = await web.open("How do I reset it?")
    state = await web.world.until(conversation_id, lambda c: not c.unanswered)
    joined = Commit(
        conversation_id=conversation_id,
        base=state.seq + 1,
        at=web.world.clock.now(),
        events=(TakenOver(by="mina@example.com"),),
    )
    await web.world.commit_log.append(joined)  # stored, and nobody in this process knows it yet
    _, seen = await web.call("GET", f"/api/conversations/{conversation_id}", token=token)
    assert (seen["status"], seen["assignee"]) == ("human", "mina")


async def test_a_cookie_is_as_good_as_the_token(web: Site) -> None:
    conversation_id, token = await web.open()
    path = f"/api/conversations/{conversation_id}"
    status, _ = await web.call("GET", path, cookies={"visitor": token})
    assert status == 200


async def test_others_see_nothing(web: Site) -> None:
    mine, token = await web.open()
    other, _ = await web.open()
    assert (await web.call("GET", f"/api/conversations/{mine}"))[0] == 401
    assert (await web.call("GET", f"/api/conversations/{other}", token=token))[0] == 404
    assert (await web.call("GET", "/api/conversations/nothing-here", token=token))[0] == 404
    for nonsense in ("nonsense", f"{mine}.nonsense"):
        assert (await web.call("GET", f"/api/conversations/{mine}", token=nonsense))[0] == 401
    made_up = web.visitors.issue("made-up")
    assert (await web.call("GET", "/api/conversations/made-up", token=made_up))[0] == 404


async def test_staff_read_but_do_not_write_as_customers(web: Site) -> None:
    conversation_id, _ = await web.open("How do I reset it?")
    _, agent = await web.staff("mina@example.com", Role.AGENT)
    path = f"/api/conversations/{conversation_id}"
    assert (await web.call("GET", path, token=agent))[0] == 200
    body = {"text": "I am the customer", "client_id": "x"}
    assert (await web.call("POST", path + "/messages", token=agent, json=body))[0] == 404


async def test_asking_for_a_person_twice_is_asking_once(web: Site) -> None:
    conversation_id, token = await web.open()
    path = f"/api/conversations/{conversation_id}/human"
    first, second = await asyncio.gather(
        web.call("POST", path, token=token), web.call("POST", path, token=token)
    )
    assert first[0] == second[0] == 202
    assert (await web.world.kinds(conversation_id)).count("person_requested") == 1


async def test_a_rating_is_kept(web: Site) -> None:
    conversation_id, token = await web.open()
    path = f"/api/conversations/{conversation_id}/rating"
    # Whole is whole, however it is written: to JSON Schema 4.0 is an integer.
    assert (await web.call("POST", path, token=token, json={"score": 4.0}))[0] == 204
    good = {"score": 5, "comment": "Danke"}
    assert (await web.call("POST", path, token=token, json=good))[0] == 204
    for bad in ({"score": 0}, {"score": 6}, {"score": "5"}, {"score": 4.5}, {"score": True}, {}):
        assert (await web.call("POST", path, token=token, json=bad))[0] == 422
    assert (await web.world.kinds(conversation_id)).count("rated") == 2


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", 422),
        (b"{", 400),
        (b"[]", 422),
        (b"null", 422),
        (b'{"text":"\\ud800","client_id":"a"}', 400),
        (b'{"text":"a\\u0000b","client_id":"a"}', 422),
        (b'{"text":"   ","client_id":"a"}', 422),
        (b'{"text":"a","client_id":"a\\u001fb"}', 422),
        (b'{"text":"a","client_id":""}', 422),
        (b'{"text":1,"client_id":"a"}', 422),
        (b'{"text":"a","client_id":"a","extra":1}', 422),
        (b'{"text":' + b"9" * 5000 + b',"client_id":"a"}', 400),
        (b"[" * 50_000, 400),
        (b'\xff\xfe{"text":"a"}', 400),
        (b'{"text":"' + b"a" * 8001 + b'","client_id":"a"}', 422),
        (b'{"text":"' + b"a" * 300_000 + b'","client_id":"a"}', 413),
        (b'{"text":NaN,"client_id":"a"}', 422),
    ],
)
async def test_bad_input_is_refused_in_words(web: Site, body: bytes, expected: int) -> None:
    conversation_id, token = await web.open()
    status, problem = await web.call(
        "POST",
        f"/api/conversations/{conversation_id}/messages",
        token=token,
        data=body,
        headers={"Content-Type": "application/json"},
    )
    assert status == expected
    assert problem["status"] == expected
    assert problem["detail"]


@pytest.mark.parametrize(
    ("sent", "sentence"),
    [
        ({"text": "  ", "client_id": "a"}, "text: There is nothing to read in it."),
        ({"text": "\u200b \u202e", "client_id": "a"}, "There is nothing to read in it."),
        ({"text": "\u2800\u3164", "client_id": "a"}, "There is nothing to read in it."),
        ({"text": "a\0b", "client_id": "a"}, "text: It contains control characters"),
        ({"text": "a", "client_id": "a\x1fb"}, "client_id: It contains control characters"),
    ],
)
async def test_what_is_wrong_is_said_in_words_and_not_in_a_pattern(
    web: Site, sent: dict[str, str], sentence: str
) -> None:
    conversation_id, token = await web.open()
    path = f"/api/conversations/{conversation_id}/messages"
    status, problem = await web.call("POST", path, token=token, json=sent)
    assert status == 422
    assert problem["detail"].startswith(sentence)
    assert "pattern" not in str(problem)


async def test_eight_thousand_characters_are_taken_in_any_script(web: Site) -> None:
    conversation_id, token = await web.open()
    body = {"text": "😀" * 8000, "client_id": "a"}
    path = f"/api/conversations/{conversation_id}/messages"
    assert (await web.call("POST", path, token=token, json=body))[0] == 202


async def test_a_foreign_page_may_neither_write_nor_listen(web: Site) -> None:
    conversation_id, token = await web.open()
    foreign = {"Origin": "https://evil.example"}
    own = {"Origin": web.url}
    path = f"/api/conversations/{conversation_id}"
    assert (await web.call("POST", "/api/conversations", json={}, headers=foreign))[0] == 403
    assert (await web.call("POST", "/api/conversations", json={}, headers={"Origin": "null"}))[
        0
    ] == 403
    assert (await web.call("GET", path + "/events", token=token, headers=foreign))[0] == 403
    assert (await web.call("POST", path + "/typing", token=token, headers=own))[0] == 204


async def test_a_thousand_forged_tokens_open_nothing(web: Site) -> None:
    conversation_id, token = await web.open()
    name, signature = token.split(".")
    path = f"/api/conversations/{conversation_id}"
    forged = [
        "",
        ".",
        name,
        name + ".",
        "." + signature,
        token + "=",
        token[:-1],
        token.swapcase(),
        token + "." + signature,
        "désk_" + token,
        "desk_" + token,
    ]
    for place in range(len(signature)):
        for letter in "AQgw_-09zZ" * 4:
            changed = signature[:place] + letter + signature[place + 1 :]
            if changed != signature:
                forged.append(f"{name}.{changed}")
    assert len(forged) >= 1000
    for one in forged:
        headers = {"Authorization": f"Bearer {one}"}
        status, _ = await web.call("GET", path, headers=headers)
        assert status in (401, 404), one
    assert (await web.call("GET", path, token=token))[0] == 200


async def test_customers_learn_a_name_and_not_an_address(web: Site) -> None:
    conversation_id, token = await web.open()
    _, agent = await web.staff("mina@example.com", Role.AGENT)
    await web.world.append(conversation_id, TakenOver(by="mina@example.com"))
    path = f"/api/conversations/{conversation_id}"
    assert (await web.call("GET", path, token=token))[1]["assignee"] == "mina"
    assert (await web.call("GET", path, token=agent))[1]["assignee"] == "mina@example.com"


async def test_internal_events_stay_inside(web: Site) -> None:
    conversation_id, token = await web.open()
    draft = unsure("SECRET DRAFT")
    waiting = ReviewRequested(
        draft_id=f"{conversation_id}.x",
        version=1,
        question="q",
        draft=draft,
        reasons=(),
        deadline=web.world.clock.now(),
    )
    await web.world.append(conversation_id, Noted(by="mina", text="SECRET NOTE"), waiting)
    _, seen = await web.call("GET", f"/api/conversations/{conversation_id}", token=token)
    assert seen["status"] == "review"
    assert "SECRET" not in str(seen)
    url = f"/api/conversations/{conversation_id}/events?last_event_id=0"
    headers = {"Authorization": f"Bearer {token}"}
    heard = b""
    async with web.http.get(url, headers=headers) as answer:
        while b'"review"' not in heard:
            heard += await asyncio.wait_for(answer.content.readany(), 5)
    assert b'{"status":"review"}' in heard
    assert b"SECRET" not in heard


async def test_one_conversation_cannot_flood(web: Site) -> None:
    conversation_id, token = await web.open()
    other, other_token = await web.open()
    path = f"/api/conversations/{conversation_id}/typing"
    statuses = [(await web.call("POST", path, token=token))[0] for _ in range(300)]
    assert statuses[:50] == [204] * 50
    assert 429 in statuses
    path = f"/api/conversations/{other}/typing"
    assert (await web.call("POST", path, token=other_token))[0] == 204


async def test_a_lone_emoji_is_marked_as_what_no_answer_comes_to(web: Site) -> None:
    conversation_id, token = await web.open("How do I reset it?")
    path = f"/api/conversations/{conversation_id}"
    await web.world.until(conversation_id, lambda c: not c.unanswered)
    await web.call("POST", f"{path}/messages", token=token, json={"text": "👍", "client_id": "m2"})
    _, seen = await web.call("GET", path, token=token)
    written = [m for m in seen["messages"] if m["author"] == "customer"]
    assert ["silent" in m for m in written] == [False, True]
    assert written[1]["silent"] is True


async def test_a_visitor_is_who_their_site_has_signed_and_says_of_themselves(web: Site) -> None:
    signature = VisitorIdentity(secret_key=SECRET).sign("customer-42")
    visitor = {"id": "customer-42", "signature": signature, "name": " Kim ", "email": "k@x.example"}
    status, opened = await web.call("POST", "/api/conversations", json={"visitor": visitor})
    assert status == 201
    c = await web.world.conversations.load(opened["id"])
    assert c.sender is not None
    assert (c.sender.id, c.sender.name, c.sender.email) == ("customer-42", "Kim", "k@x.example")
    # What they write next is theirs, and nobody else's in the same conversation.
    body = {"text": "Where is my parcel?", "client_id": "m1"}
    path = f"/api/conversations/{opened['id']}"
    status, _ = await web.call("POST", f"{path}/messages", token=opened["token"], json=body)
    assert status == 202
    _, seen = await web.call("GET", path, token=opened["token"])
    assert "sender" not in seen["messages"][0]


@pytest.mark.parametrize(
    ("visitor", "refused"),
    [
        ({"id": "customer-42"}, 403),
        ({"id": "customer-42", "signature": "0" * 64}, 403),
        ({"email": "no address"}, 422),
        ({"name": "a\nb"}, 422),
        ({"name": "x" * 101}, 422),
    ],
)
async def test_a_visitor_nobody_vouches_for_opens_nothing(
    web: Site, db: Database, visitor: dict[str, str], refused: int
) -> None:
    body = {"text": "Where is my parcel?", "visitor": visitor}
    status, _ = await web.call("POST", "/api/conversations", json=body)
    assert status == refused
    assert await db["log"].count_documents({}) == 0
