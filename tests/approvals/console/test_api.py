"""The approvals API over HTTP, with people known by their tokens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from approvals.console.api import ApprovalRoutes
from core.accounts.audit.projection import AuditedDecisions
from core.accounts.roles import User
from core.accounts.sessions import SignedIn
from core.domain import events as ev
from core.domain.events import Decision
from core.domain.messages import OutboundMessage
from core.errors import BadInput, DeliveryFailed
from core.web.http.settings import WebSettings
from core.web.identity.visitor_tokens import VisitorTokens
from core.web.server import WebServer
from tests.approvals.office import JOON, MINA, SARA, Office


class Door:
    """Knows people by their first name as token."""

    async def by_token(self, token: str) -> User | None:
        return {"mina": MINA, "joon": JOON, "sara": SARA}.get(token)

    async def by_session(self, cookie: str, *, is_activity: bool) -> SignedIn | None:
        return None

    def is_csrf_token(self, session: SignedIn, token: str) -> bool:
        return False


class Api:
    """Calls as a program would."""

    def __init__(self, session: aiohttp.ClientSession, office: Office) -> None:
        self.session = session
        self.office = office

    async def call(
        self, method: str, path: str, *, who: str = "mina", json: object = None
    ) -> tuple[int, Any]:
        """Status and body."""
        headers = {"Authorization": f"Bearer {who}"} if who else {}
        async with self.session.request(method, path, json=json, headers=headers) as answer:
            return answer.status, await answer.json(content_type=None)

    async def pending(self) -> dict[str, Any]:
        """The first item of the queue."""
        status, body = await self.call("GET", "/api/approvals/pending")
        assert status == 200
        item = body["items"][0]
        assert isinstance(item, dict)
        return item


@pytest.fixture
async def api(office: Office) -> AsyncIterator[Api]:
    server = WebServer(
        WebSettings(secret_key="k" * 32, port=0),
        ApprovalRoutes(service=office.service, deliveries=office.deliveries).routes(),
        visitors=VisitorTokens(secret_key="k" * 32),
        staff=Door(),
        clock=office.world.clock,
    )
    await server.start()
    async with aiohttp.ClientSession(f"http://127.0.0.1:{server.port}") as session:
        yield Api(session, office)
    await server.stop()


async def test_the_queue_has_the_promised_shape(api: Api) -> None:
    status, body = await api.call("GET", "/api/approvals/pending")
    assert (status, body) == (200, {"items": [], "next": None, "total": 0})
    approval = await api.office.waiting()
    item = await api.pending()
    assert item["id"] == approval.id
    assert item["conversation_id"] == approval.conversation_id
    assert item["draft"]["text"] == approval.draft.text
    assert item["draft"]["citations"][0]["url"] == "https://example.com/guide"
    assert item["reasons"] == ["low_confidence"]
    assert item["claimed_by"] is None
    assert item["deadline"].endswith("Z")


@pytest.mark.parametrize(
    ("decision", "text", "author"),
    [
        ("approve", None, "ai"),
        ("edit", "Mine.", "agent"),
        ("reject", "Call us.", "agent"),
        ("reject", None, "system"),
        ("take_over", None, "system"),
    ],
)
async def test_each_decision(api: Api, decision: str, text: str | None, author: str) -> None:
    await api.office.waiting()
    item = await api.pending()
    body = {"decision": decision, "version": item["version"]}
    if text is not None:
        body["text"] = text
    status, done = await api.call("POST", f"/api/approvals/{item['id']}/decision", json=body)
    assert status == 200, done
    assert done["decided_by"] == MINA.email
    said = await api.office.world.said(item["conversation_id"])
    assert said[-1][0] == author
    if text is not None:
        assert said[-1][1] == text
    status, past = await api.call("GET", f"/api/approvals/{item['id']}")
    assert (past["state"], past["decision"]) == ("decided", decision)


async def test_the_second_learns_who_was_first(api: Api) -> None:
    await api.office.waiting()
    item = await api.pending()
    path = f"/api/approvals/{item['id']}/decision"
    body = {"decision": "approve", "version": item["version"]}
    answers = await asyncio.gather(
        *(api.call("POST", path, who=who, json=body) for who in ("mina", "joon"))
    )
    [(_, lost)] = [a for a in answers if a[0] == 409]
    [(_, won)] = [a for a in answers if a[0] == 200]
    assert lost["decided_by"] == won["decided_by"]
    assert lost["decision"] == "approve"


async def test_what_is_wrong_is_refused_with_a_true_status(api: Api) -> None:
    await api.office.waiting()
    item = await api.pending()
    path = f"/api/approvals/{item['id']}/decision"
    for json, expected in (
        ({"decision": "approve"}, 422),
        ({"decision": "shred", "version": 1}, 422),
        ({"decision": "approve", "version": "1"}, 422),
        ({"decision": "edit", "version": 1}, 422),
        ({"decision": "edit", "version": 1, "text": "x" * 20_001}, 422),
        ({"decision": "approve", "version": 7}, 409),
        ({"decision": "approve", "version": 1, "more": 1}, 422),
    ):
        status, body = await api.call("POST", path, json=json)
        assert status == expected, body
    assert (await api.call("POST", path, who="", json={}))[0] == 401
    nowhere = {"decision": "approve", "version": 1}
    for wrong in ("x", "x.1", "%ff.1", "%00", "a" * 200):
        assert (await api.call("POST", f"/api/approvals/{wrong}/decision", json=nowhere))[0] == 404
        assert (await api.call("GET", f"/api/approvals/{wrong}"))[0] == 404
        assert (await api.call("POST", f"/api/conversations/{wrong}/resolve"))[0] == 404
    assert (await api.call("GET", "/api/approvals/pending?cursor=x"))[0] == 422
    assert (await api.pending())["version"] == 1


async def test_a_conversation_from_take_over_to_the_end(api: Api) -> None:
    cid = (await api.office.waiting()).conversation_id
    one = f"/api/conversations/{cid}"
    assert (await api.call("POST", one + "/reply", json={"text": "Hi"}))[0] == 409
    assert (await api.call("POST", one + "/hand_back"))[0] == 409
    status, body = await api.call("POST", one + "/take_over")
    assert (status, body["status"], body["assignee"]) == (200, "human", MINA.email)
    reply = {"text": " Hi \n", "client_id": "1"}
    status, first = await api.call("POST", one + "/reply", json=reply)
    assert status == 200
    assert (await api.call("POST", one + "/reply", json=reply))[1] == first
    status, refused = await api.call("POST", one + "/reply", who="joon", json=reply)
    assert (status, refused["held_by"]) == (409, MINA.email)
    assert (await api.call("POST", one + "/notes", json={"text": "VIP"}))[0] == 200
    assert (await api.call("POST", one + "/transfer", json={"to": "x@y.z"}))[0] == 422
    moved = {"to": JOON.email, "note": "please"}
    assert (await api.call("POST", one + "/transfer", json=moved))[1]["assignee"] == JOON.email
    assert (await api.call("POST", one + "/hand_back", who="joon"))[1]["status"] == "ai"
    assert (await api.call("POST", one + "/take_over"))[0] == 200
    assert (await api.call("POST", one + "/resolve"))[1]["status"] == "resolved"
    said = [s for s in await api.office.world.said(cid) if s[0] == "agent"]
    assert said == [("agent", " Hi \n")]


async def test_claims_over_http(api: Api) -> None:
    approval = await api.office.waiting()
    path = f"/api/approvals/{approval.id}"
    assert (await api.call("POST", path + "/claim"))[1]["version"] == 2
    status, refused = await api.call("POST", path + "/claim", who="joon")
    assert (status, refused["held_by"]) == (409, MINA.email)
    body = {"decision": "approve", "version": 1}
    status, refused = await api.call("POST", path + "/decision", who="joon", json=body)
    assert (status, refused["decided_by"], refused["decision"]) == (409, MINA.email, "claim")
    assert (await api.call("POST", path + "/release"))[1]["claimed_by"] is None


async def test_a_message_that_did_not_arrive_is_sent_again_once(api: Api) -> None:
    office = api.office

    async def refuse(_: OutboundMessage) -> None:
        raise DeliveryFailed("blocked", code="403")

    office.world.vendor.before_send = refuse
    approval = await office.waiting(channel="vendor")
    await office.decide(approval, Decision.EDIT, text="Mine.")
    cid = approval.conversation_id
    await office.world.until(cid, lambda c: not c.outgoing)
    await office.world.projector.drain()
    [seq] = [
        i.seq
        for i in await office.world.events(cid)
        if isinstance(i.event, ev.Sent) and i.event.author == "agent"
    ]
    item = (await api.call("GET", f"/api/approvals/{approval.id}"))[1]
    assert item["delivery"] == {"state": "failed", "reason": "blocked"}
    lost = (await api.call("GET", "/api/approvals/undelivered"))[1]["items"]
    assert [i["id"] for i in lost] == [approval.id]
    office.world.vendor.before_send = None
    path = f"/api/conversations/{cid}/messages/{seq}/retry"
    assert (await api.call("POST", path))[0] == 202
    await office.world.until(cid, lambda c: not c.outgoing)
    await office.world.projector.drain()
    assert [m.text for m in office.world.vendor.sent] == ["Mine."]
    item = (await api.call("GET", f"/api/approvals/{approval.id}"))[1]
    assert item["delivery"] == {"state": "sent", "reason": ""}
    assert (await api.call("GET", "/api/approvals/undelivered"))[1]["items"] == []
    assert (await api.call("POST", path))[0] == 422
    assert (await api.call("POST", f"/api/conversations/{cid}/messages/999/retry"))[0] == 404


async def test_an_agent_sets_consent_with_a_reason_that_is_audited(api: Api) -> None:
    approval = await api.office.waiting(channel="vendor")
    cid = approval.conversation_id
    path = f"/api/conversations/{cid}/consent"
    assert (await api.call("POST", path, json={"opted_out": True, "reason": " "}))[0] == 422
    with pytest.raises(BadInput):  # Slack's window comes by no schema of the API
        await api.office.service.set_consent(MINA, cid, opted_out=True, reason=" ")
    body = {"opted_out": True, "reason": "They asked on the phone."}
    status, done = await api.call("POST", path, json=body)
    assert (status, done["opted_out"]) == (200, True)
    assert (await api.call("POST", path, json=body))[0] == 200  # the second click
    changes = [
        i.event
        for i in await api.office.world.events(cid)
        if isinstance(i.event, ev.ConsentChanged)
    ]
    assert [(e.by, e.reason, e.source) for e in changes] == [
        (MINA.email, "They asked on the phone.", ev.ConsentSource.AGENT)
    ]
    status, item = await api.call("GET", f"/api/approvals/{approval.id}")
    assert item["opted_out"] is True
    body = {"opted_out": False, "reason": "They wrote a letter."}
    assert (await api.call("POST", path, json=body))[1]["opted_out"] is False
    audit = api.office.world.core.audit
    await AuditedDecisions(audit).apply(await api.office.world.conversations.history(cid))
    entries = await audit.page(limit=20)
    assert [
        (e.what, e.who, e.after.get("reason")) for e in entries if e.what[:8] == "consent."
    ] == [
        ("consent.opt_in", MINA.email, "20 characters"),
        ("consent.opt_out", MINA.email, "24 characters"),
    ]


async def test_what_seems_to_opt_out_is_settled_by_one_decision(api: Api) -> None:
    approval = await api.office.waiting(channel="vendor", text="leave me alone!!")
    item = await api.pending()
    assert item["reasons"] == ["seems_opt_out"]
    body = {"decision": "reject", "then": "opt_out", "version": item["version"]}
    status, _ = await api.call("POST", f"/api/approvals/{item['id']}/decision", json=body)
    assert status == 200
    c = await api.office.world.conversations.load(approval.conversation_id)
    assert c.opted_out
    assert c.unanswered == ()
    assert api.office.world.vendor.sent == []
