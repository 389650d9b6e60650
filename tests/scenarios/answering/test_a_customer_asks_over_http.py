"""A customer's side of the contract, over HTTP alone, against the real program."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import aiohttp
import httpx
import pytest

from tests.support.served import Chat, Json, Served, served

pytestmark = pytest.mark.timeout(180)
KNOWN = "How do I approve an answer?"
KOREAN = "답변을 어떻게 승인하나요?"
UNKNOWN = "What is the melting point of tungsten carbide in Kelvin?"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    # All of this module's visitors come from one address.
    folder = tmp_path_factory.mktemp("customer")
    with served(folder, CONVERSATIONS_PER_ADDRESS="3000") as site:
        yield site


def answered(chat: Chat, count: int = 1, *, seconds: float = 10) -> Json:
    return chat.until(
        lambda c: sum(m["author"] == "ai" for m in c["messages"]) >= count, seconds=seconds
    )


@pytest.mark.parametrize(
    ("question", "locale", "words"), [(KNOWN, "en", "Approve"), (KOREAN, "ko", "승인")]
)
def test_a_question_from_the_guide_is_answered_with_a_source_that_opens(
    site: Served, question: str, locale: str, words: str
) -> None:
    chat = site.chat(question, locale=locale)
    seen = answered(chat, seconds=3)
    assert (seen["channel"], seen["status"], seen["assignee"]) == ("web", "ai", None)
    asked, answer = seen["messages"]
    assert set(asked) == {"id", "seq", "author", "text", "citations", "at", "ai"}
    assert (asked["id"], asked["author"], asked["text"]) == (chat.message_id, "customer", question)
    assert words in answer["text"]
    assert answer["at"].endswith("Z")
    assert answer["citations"]
    for citation in answer["citations"]:
        page = httpx.get(citation["url"], verify=False)
        assert page.status_code == 200
        assert "text/html" in page.headers["content-type"]
        assert citation["title"].split(" › ")[-1] in page.text


def test_the_same_client_id_is_the_same_message(site: Served) -> None:
    chat = site.chat()
    first = chat.write(KNOWN, "once")
    answered(chat)
    assert chat.write(KNOWN, "once") == first
    assert chat.write("something else", "once") == first
    time.sleep(0.5)
    assert len(chat.texts("customer")) == 1
    assert len(chat.texts("ai")) == 1
    other = site.chat()
    assert other.write(KNOWN, "once")["id"] != first["id"]


def test_events_are_replayed_from_the_start_and_from_the_middle(site: Served) -> None:
    chat = site.chat(KNOWN)
    answered(chat)
    chat.write(UNKNOWN, "two")
    chat.until(lambda c: c["status"] == "review")
    everything = chat.events(99, after=0, seconds=1)
    numbers = [number for number, _, _ in everything if number is not None]
    assert numbers == sorted(set(numbers))
    messages = [data for _, name, data in everything if name == "message"]
    assert messages == chat.read()["messages"]
    assert [data for _, name, data in everything if name == "status"][-1]["status"] == "review"
    middle = numbers[len(numbers) // 2]
    rest = chat.events(99, after=middle, seconds=1)
    assert rest == [e for e in everything if e[0] is not None and e[0] > middle]
    assert chat.events(99, after=numbers[-1], seconds=0.5) == []
    assert chat.events(99, after=10**12, seconds=0.5) == []


def test_a_stream_that_is_open_gets_each_thing_once(site: Served) -> None:
    async def follow() -> list[tuple[str, str]]:
        got: list[tuple[str, str]] = []
        headers = {"Authorization": f"Bearer {chat.token}"}
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.get(f"{site.url}{chat.path}/events") as stream,
        ):
            body = {"text": KNOWN, "client_id": "1"}
            async with session.post(f"{site.url}{chat.path}/messages", json=body) as posted:
                assert posted.status == 202
            name = number = ""
            async with asyncio.timeout(5):
                async for raw in stream.content:
                    field, _, value = raw.decode().rstrip("\n").partition(": ")
                    number = value if field == "id" else number
                    name = value if field == "event" else name
                    if field == "data" and name != "typing":
                        got.append((name, number))
                        if name == "message" and '"author":"ai"' in value:
                            return got
        raise AssertionError(got)

    chat = site.chat()
    got = asyncio.run(follow())
    messages = [number for name, number in got if name == "message"]
    assert len(messages) == len(set(messages)) == 2


def test_another_visitor_finds_nothing(site: Served) -> None:
    mine, other = site.chat(KNOWN), site.chat(KNOWN)
    for path in (mine.path, f"{mine.path}/events"):
        assert site.get(path, token=other.token).status_code == 404
        assert site.get(path).status_code == 401
    for what, body in (
        ("messages", {"text": "hello", "client_id": "x"}),
        ("typing", None),
        ("human", None),
        ("rating", {"score": 1}),
    ):
        refused = site.post(f"{mine.path}/{what}", body, token=other.token)
        assert refused.status_code == 404
        assert refused.headers["content-type"].startswith("application/problem+json")
        assert site.post(f"{mine.path}/{what}", body).status_code == 401
        assert site.post(f"{mine.path}/{what}", body, token="nonsense").status_code in (401, 404)
    assert "hello" not in mine.texts("customer")
    assert site.get("/api/approvals/pending", token=mine.token).status_code == 401


def test_the_cookie_opens_the_conversation_and_scripts_cannot_read_it(site: Served) -> None:
    with httpx.Client(base_url=site.url, verify=False) as browser:
        opened = browser.post("/api/conversations", json={"text": KNOWN})
        assert "httponly" in opened.headers["set-cookie"].lower()
        assert "samesite" in opened.headers["set-cookie"].lower()
        path = f"/api/conversations/{opened.json()['id']}"
        assert browser.get(path).status_code == 200
        body = {"text": KNOWN, "client_id": "c"}
        same = {"Origin": site.url}
        assert browser.post(f"{path}/messages", json=body, headers=same).status_code == 202
        foreign = {"Origin": "https://evil.example"}
        assert browser.post(f"{path}/messages", json=body, headers=foreign).status_code == 403
        assert browser.get(f"{path}/events", headers=foreign).status_code == 403
        assert browser.post(f"{path}/human", headers={"Origin": "null"}).status_code == 403


def test_a_foreign_origin_gets_403_on_every_write_and_stream(site: Served) -> None:
    chat = site.chat()
    for path, body in (
        ("/api/conversations", {"text": KNOWN}),
        (f"{chat.path}/messages", {"text": "x", "client_id": "1"}),
        (f"{chat.path}/typing", None),
        (f"{chat.path}/human", None),
        (f"{chat.path}/rating", {"score": 5}),
        ("/api/approvals/x.1/decision", {"decision": "approve", "version": 1}),
    ):
        refused = site.post(path, body, token=chat.token, origin="https://evil.example")
        assert refused.status_code == 403, path
        assert refused.headers["content-type"].startswith("application/problem+json")


def test_typing_rating_and_what_is_no_rating(site: Served) -> None:
    chat = site.chat(KNOWN)
    answered(chat)
    assert chat.post("typing").status_code == 204
    for score in (1, 5):
        assert chat.post("rating", {"score": score, "comment": "좋아요"}).status_code == 204
    wrong: list[Json] = [{"score": 0}, {"score": 6}, {"score": "5"}, {}, {"score": 4.5}]
    for body in wrong:
        refused = chat.post("rating", body)
        assert refused.status_code == 422
        assert refused.headers["content-type"].startswith("application/problem+json")


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b'{"text": "a\\u0000b", "client_id": "1"}', "application/json", 422),
        (b'{"text": "\\ud800", "client_id": "1"}', "application/json", 400),
        (b'{"text": "a", "client_id": "\\udfff"}', "application/json", 400),
        (b'{"text": "\xff\xfe", "client_id": "1"}', "application/json", 400),
        (b'{"text": "x", "client_id": "1"}', "text/plain", 415),
        (b"text=x&client_id=1", "application/x-www-form-urlencoded", 415),
        (b"", "application/json", 422),
        (b"[" * 100_000, "application/json", 400),
        (b'{"text":' + b"[" * 5000 + b"]" * 5000 + b"}", "application/json", None),
        (b"null", "application/json", 422),
        (b'{"text": "x", "client_id": "1", "more": 1}', "application/json", 422),
        (b'{"text": " \\n ", "client_id": "1"}', "application/json", 422),
        (b'{"text": "' + b"x" * 1_000_000 + b'", "client_id": "1"}', "application/json", 413),
        (b'{"text": 5, "client_id": "1"}', "application/json", 422),
        (b'{"text": "x", "client_id": NaN}', "application/json", None),
        (b'{"text": "x"', "application/json", 400),
    ],
)  # fmt: skip
def test_hostile_bodies_are_refused_and_nothing_is_stored(
    site: Served, body: bytes, content_type: str, status: int | None
) -> None:
    chat = site.chat()
    refused = httpx.post(
        f"{site.url}{chat.path}/messages",
        content=body,
        headers={"Content-Type": content_type, "Authorization": f"Bearer {chat.token}"},
        verify=False,
        timeout=20,
    )
    assert refused.status_code == status or (status is None and 400 <= refused.status_code < 500)
    assert refused.headers["content-type"].startswith("application/problem+json")
    assert refused.json()["status"] == refused.status_code
    assert chat.read()["messages"] == []


def test_emoji_and_every_script_come_back_as_written(site: Served) -> None:
    text = "👩‍👩‍👧‍👦 é é ‮abc‬ 한국어 العربية <script>alert(1)</script> \t\n end"
    chat = site.chat(text)
    # What nobody sees goes: here the signs that turn the direction of writing.
    seen = text.replace("\u202e", "").replace("\u202c", "")
    assert seen != text
    assert chat.read()["messages"][0]["text"] == seen


# Who cannot be answered in time goes to a person: on a busy machine some of 200 would.
@pytest.mark.timed
async def test_200_streams_at_once_each_see_their_answer(site: Served) -> None:
    async def one(session: aiohttp.ClientSession) -> bool:
        async with session.post(f"{site.url}/api/conversations", json={}) as opened:
            told = await opened.json()
            assert opened.status == 201, told
        auth = {"Authorization": f"Bearer {told['token']}"}
        path = f"{site.url}/api/conversations/{told['id']}"
        async with session.get(f"{path}/events", headers=auth) as stream:
            assert stream.status == 200
            ready.append(True)
            while len(ready) < 200:
                await asyncio.sleep(0.05)
            body = {"text": KNOWN, "client_id": "1"}
            async with session.post(f"{path}/messages", json=body, headers=auth) as posted:
                assert posted.status == 202
            async for line in stream.content:
                if b'"author":"ai"' in line and line.startswith(b'data: {"id"'):
                    return True
        return False

    ready: list[bool] = []
    connector = aiohttp.TCPConnector(limit=0)
    jar = aiohttp.DummyCookieJar()
    async with (
        asyncio.timeout(60),
        aiohttp.ClientSession(connector=connector, cookie_jar=jar) as session,
    ):
        assert all(await asyncio.gather(*(one(session) for _ in range(200))))


def test_the_log_holds_no_customers_words(site: Served) -> None:
    secret = "zanzibar-password-4711"
    chat = site.chat(f"My {secret} does not work, what now?")
    chat.until(lambda c: len(c["messages"]) > 1)
    chat.write(f"{secret} {KNOWN}", "2")
    time.sleep(0.5)
    for log in (site.log, *(site.data_dir / "logs").rglob("*")):
        if log.is_file():
            assert secret.encode() not in log.read_bytes(), log


def test_unknown_paths_and_methods_are_problems_too(site: Served) -> None:
    for answer, status in (
        (site.get("/api/nothing"), 404),
        (site.get("/api/conversations"), 401),
        (site.post("/healthz"), 405),
        (site.get("/api/conversations/nothing"), 401),
        (site.get("/api/conversations/..%2f..%2fetc", token="x"), 404),
    ):
        assert answer.status_code == status
        assert answer.headers["content-type"].startswith("application/problem+json")


def test_live_ready_and_measured(site: Served) -> None:
    assert site.get("/healthz").status_code == 200
    ready = site.get("/readyz")
    assert ready.status_code == 200
    assert "store" in ready.text
    metrics = site.get("/metrics")
    assert metrics.status_code == 200
    assert "# TYPE" in metrics.text
    assert "text/plain" in metrics.headers["content-type"]
    page = site.get("/")
    assert "text/html" in page.headers["content-type"]
    assert "content-security-policy" in page.headers
    assert "javascript" in site.get("/widget.js").headers["content-type"]
