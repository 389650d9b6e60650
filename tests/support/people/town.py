"""A contact center that a crowd of people has written to, with what their agents made of it."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import aiohttp

from analytics.reports.writer import ReportKind
from app import App
from approvals.inbox.acts import InboxActs
from approvals.inbox.saved_replies import SavedReplies
from approvals.queue.model import Ruling, Then
from approvals.slack.sync_store import CardRecord, CardStore
from core.accounts.roles import Role, User
from core.accounts.service import OPERATOR
from core.company.model import Company
from core.domain import events as ev
from core.domain.conversation import Conversation
from core.domain.drafts import Draft, Question
from core.domain.events import Decision
from core.domain.messages import (
    Attachment,
    Citation,
    DeliveryState,
    InboundKind,
    InboundMessage,
    Sender,
)
from core.errors import ContactCenterError
from core.rag.domain.model import Article
from tests.support.people.crowd import ARTICLES, KNOWN_QUESTION, Character
from tests.support.world import SteeredResponder

AT_ONCE = 24  #: people who write at the same time
PAGES = (
    "/console/approvals", "/console/approvals/decided", "/console/conversations",
    "/console/dashboard", "/console/dashboard/gaps/list", "/console/reports", "/console/assistant",
    "/console/assistant/numbers", "/console/alerts", "/console/quality", "/console/alike",
    "/console/knowledge", "/console/deliveries",
    "/console/audit", "/console/privacy", "/api/approvals/pending", "/api/dashboard/summary",
    "/api/dashboard/timeseries?metric=answers_alone&interval=hour", "/api/knowledge",
    "/api/deliveries", "/readyz", "/api/conversations?q=parcel", "/api/conversations?tag=wrong",
    "/api/inbox/counts", "/api/saved-replies", "/api/settings", "/console/conversations?q=the",
)  # fmt: skip
"""What staff look at."""


@dataclass(slots=True, kw_only=True)
class Town:
    """The center, and the staff who work in it."""

    live: App
    agent: User
    supervisor: User
    token: str

    async def page(self, http: aiohttp.ClientSession, path: str) -> tuple[int, str]:
        """What an admin is shown there."""
        headers = {"Authorization": f"Bearer {self.token}"}
        async with http.get(path, headers=headers, allow_redirects=False) as answer:
            return answer.status, await answer.text()


def responder() -> SteeredResponder:
    """Sure of questions with an even number of letters, unsure of the rest; cites what there is."""
    steered = SteeredResponder()

    async def answer(question: Question) -> Draft:
        ids = sorted(ARTICLES)
        article = ids[len(question.text) % len(ids)]
        title, text = ARTICLES[article]
        sure = question.hint or "alone" in question.channel or len(question.text) % 2 == 0
        return Draft(
            text=text,
            citations=(Citation(id=f"{article}#0", title=title, quote=text),),
            confidence=0.999 if sure else 0.6,
            topic=article,
            answerer="test",
            locale=question.locale,
        )

    steered.answer = answer
    return steered


async def settled_in(live: App) -> Town:
    """Staff are there, and the company knows what it knows itself."""
    accounts = live.core.accounts
    agent = await accounts.add(OPERATOR, "ann@example.com", role=Role.AGENT)
    supervisor = await accounts.add(OPERATOR, "sue@example.com", role=Role.SUPERVISOR)
    admin = await accounts.add(OPERATOR, "root@example.com", role=Role.ADMIN)
    for article_id, (title, text) in ARTICLES.items():
        questions = (KNOWN_QUESTION,) if article_id == "returns" else ()
        await live.rag.knowledge.add_article(
            Article(id=article_id, title=title, text=text, topic=article_id, questions=questions)
        )
    await said_by_the_company(live, admin)
    token = await accounts.issue_token(admin, actor=OPERATOR)
    return Town(live=live, agent=agent, supervisor=supervisor, token=token)


async def said_by_the_company(live: App, admin: User) -> None:
    """Saved replies and settings in words that some of the crowd are called by, or write."""
    replies = SavedReplies(live.db["saved_replies"], clock=live.core.clock)
    for title, text in (*ARTICLES.values(), ("operator", "a"), ("quokka", KNOWN_QUESTION)):
        await replies.save(admin, title=title, text=text)
    company = Company(name="desk", greeting={"en": "open"}, questions={"en": [KNOWN_QUESTION]})
    await live.core.company.save(admin, company)


async def peopled(town: Town, people: Sequence[Character]) -> None:
    """All of them have written, and what their plots say has happened."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(person: Character) -> None:
        async with gate:
            await happened(town, person)

    await asyncio.gather(*(one(person) for person in people))
    live = town.live
    await live.core.projector.drain()
    await live.insight.facts.flush()
    await live.desk.trust.autonomy.flush()
    await live.desk.trust.learning.caught_up()
    await reported(town)


async def reported(town: Town) -> str:
    """Today's report is made and kept; gives its id."""
    reporting, today = town.live.insight.reporting, town.live.core.clock.now().date()
    report_id = f"daily:{today.isoformat()}"
    await reporting.store.claim(report_id, late=False)
    kept = await reporting.writer.write_sourced(ReportKind.DAILY, today)
    await reporting.store.keep(report_id, *kept)
    await reporting.store.finish(report_id)
    return report_id


async def happened(town: Town, person: Character) -> None:
    """One person's plot."""
    live, conversation_id = town.live, person.conversation_id
    for number, text in enumerate(person.texts):
        await live.core.inbox.accept(said(person, text, number))
    state = await answered(town, conversation_id)
    said_of_them = f"{person.said_of_them} {person.mark}"[-2000:]
    try:
        match person.plot:
            case "rated" | "complained":
                score = 5 if person.plot == "rated" else 1
                rated = ev.Rated(score=score, comment=person.texts[-1][:500])
                await live.core.conversations.update(conversation_id, lambda _: (rated,))
            case "approved":
                await ruled(town, state, town.agent, Ruling(decision=Decision.APPROVE))
            case "edited":
                who = town.supervisor if person.number % 2 else town.agent
                text = f"Here is what counts for you: {said_of_them}"
                await ruled(town, state, who, Ruling(decision=Decision.EDIT, text=text))
            case "rejected":
                ruling = Ruling(
                    decision=Decision.REJECT, text=f"No: {said_of_them}", reason=said_of_them[:300]
                )
                await ruled(town, state, town.supervisor, ruling)
            case "rejected_silently":
                ruling = Ruling(
                    decision=Decision.REJECT, then=Then.RETRY, hint=said_of_them, reason="wrong"
                )
                await ruled(town, state, town.agent, ruling)
            case "taken_over" | "talked" | "resolved":
                await live.desk.service.take_over(town.agent, conversation_id)
                if person.plot != "taken_over":
                    await live.desk.service.reply(town.agent, conversation_id, said_of_them)
                    await live.desk.service.note(town.agent, conversation_id, said_of_them)
                    await live.core.inbox.accept(said(person, f"thanks, {person.name}"[:900], 90))
                if person.plot == "resolved":
                    await live.desk.service.resolve(town.agent, conversation_id)
            case "undelivered":
                await undelivered(town, conversation_id, said_of_them)
            case "carded":
                await carded(town, conversation_id, state)
            case "stopped":
                stop = replace(said(person, "STOP", 91), kind=InboundKind.OPT_OUT)
                await live.core.inbox.accept(stop)
            case "typed_on":
                await live.core.inbox.accept(said(person, f"and {person.texts[0]}"[:900], 92))
    except ContactCenterError:
        pass  # what has been answered alone cannot be decided about; then that is the plot
    if person.number % 2 == 0:
        await noted_in_the_inbox(town, person)


async def noted_in_the_inbox(town: Town, person: Character) -> None:
    """Somebody has looked, put tags on it, and had a file of theirs."""
    live, conversation_id = town.live, person.conversation_id
    acts = InboxActs(live.desk.service, live.core.conversations, clock=live.core.clock)
    tags = [person.name.replace(",", " ")[:30], person.said_of_them[:30], person.mark]
    tags = [tag for tag in tags if tag.replace("#", "").replace(",", "").strip() and "," not in tag]
    with contextlib.suppress(ContactCenterError):
        await acts.tag(town.agent, conversation_id, add=tags, remove=())
    seen = {"_id": f"{conversation_id}/{town.agent.id}", "c": conversation_id, "seq": 2}
    await live.db["inbox_seen"].insert_one({**seen, "at": live.core.clock.now()})
    if person.plot in ("rated", "waits", "talked"):
        content = f"{person.mark} {person.name} ".encode("utf-8", "replace") * 50
        file = Attachment(kind="file", name=person.name[:100] or "a", content=content)
        await live.core.inbox.accept(replace(said(person, "see this", 93), attachments=(file,)))


def said(person: Character, text: str, number: int) -> InboundMessage:
    """What they write, as their channel hands it in."""
    return InboundMessage(
        address=person.address,
        external_id=f"{person.address.chat}-{number}",
        sender=Sender(id=person.sender_id, name=person.name, locale="en"),
        text=text,
    )


async def answered(town: Town, conversation_id: str) -> Any:
    """The conversation once something has come of the question."""
    async with asyncio.timeout(60):
        while True:
            state = await town.live.core.conversations.peek(conversation_id)
            if state.review is not None or not state.unanswered:
                return state
            await asyncio.sleep(0.02)


async def ruled(town: Town, state: Any, who: User, ruling: Ruling) -> None:
    """An agent decides, where there is something to decide."""
    if state.review is not None:
        await town.live.desk.service.decide(who, state.review.draft_id, ruling, version=1)


async def undelivered(town: Town, conversation_id: str, detail: str) -> None:
    """The vendor took some of it, and says why not the rest."""
    state = await town.live.core.conversations.peek(conversation_id)
    for n, outgoing in enumerate(state.outgoing):
        recorded = ev.DeliveryRecorded(
            seq=outgoing.seq,
            state=DeliveryState.FAILED if n else DeliveryState.SENT,
            external_ids=(f"{conversation_id}-{n}",),
            detail=detail[:200],
        )
        await town.live.core.conversations.update(
            conversation_id, functools.partial(_happens, recorded)
        )


def _happens(event: ev.Event, _: Conversation) -> Sequence[ev.Event]:
    return (event,)


async def carded(town: Town, conversation_id: str, state: Any) -> None:
    """Slack shows their draft."""
    if state.review is not None:
        record = CardRecord(
            id=state.review.draft_id,
            conversation_id=conversation_id,
            channel="C1",
            ts=f"17.{len(conversation_id)}",
            open=False,
        )
        await CardStore(town.live.db["cards"]).save(record)
