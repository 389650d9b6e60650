"""What a draft rests on is changed or removed: nothing of it goes out unseen, at any moment."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from app import App, serving
from approvals.queue.model import Approval, ChangedSince, Ruling
from approvals.queue.wording import card as on_console
from approvals.slack.views.cards import Looks, card
from config.settings import Settings, read_settings
from core.accounts.roles import Role, User
from core.accounts.service import OPERATOR
from core.domain.conversation import Conversation, Review
from core.domain.drafts import Draft, Question, Reason, Turn
from core.domain.events import Decision
from core.domain.messages import Address, InboundMessage, Sender
from core.domain.policy import Verdict
from core.engine.ports import OnDelta, Responder
from core.rag.answering.freshness import FreshResponder
from core.rag.domain.model import Article
from core.runtime.data_dir import DataDir
from core.storage.client import Database

ASKED = "What colours does the grinder come in?"
GRINDER = Article(id="mill", title=ASKED, text="The grinder comes in black and in white.")
COPPER = replace(GRINDER, text="The grinder comes in black, in white and in copper.")
OTHER = Article(id="other", title="When are you open?", text="We are open from nine to five.")


@pytest.fixture
def settings(db: Database, mongo_uri: str, tmp_path: Path) -> Settings:
    uri = mongo_uri.replace("/?", f"/{db.name}?")
    return read_settings(
        {
            "MONGODB_URI": uri,
            "DATA_DIR": str(tmp_path),
            "PORT": "0",
            "AUTO_SEND_TARGET_PRECISION": "1",
        }
    )


@asynccontextmanager
async def opened(settings: Settings, tmp_path: Path) -> AsyncIterator[App]:
    async with serving(settings, DataDir(tmp_path), store=None, guide=None) as live:
        yield live


@pytest.fixture
async def shop(settings: Settings, tmp_path: Path) -> AsyncIterator[App]:
    async with opened(settings, tmp_path) as live:
        await know(live, GRINDER, OTHER)
        yield live


async def know(shop: App, *articles: Article) -> None:
    for article in articles:
        await shop.rag.knowledge.add_article(article)
    await shop.rag.retriever.refresh()


async def ask(shop: App, text: str = ASKED, *, chat: str = "c1") -> str:
    address = Address(channel="web", account="", chat=chat)
    message = InboundMessage(
        address=address, external_id=f"{chat}-{text}", sender=Sender(id="v"), text=text
    )
    await shop.core.inbox.accept(message)
    return address.conversation_id()


async def until(
    shop: App, cid: str, holds: Callable[[Conversation], bool], *, seconds: float = 20
) -> Conversation:
    async with asyncio.timeout(seconds):
        while not holds(state := await shop.core.conversations.peek(cid)):
            await asyncio.sleep(0.02)
    return state


async def waiting(shop: App, cid: str) -> Approval:
    state = await until(shop, cid, lambda c: bool(c.reviews))
    found = await shop.desk.service.recall(state.reviews[0].draft_id)
    assert found is not None
    return found


async def agent(shop: App) -> User:
    return await shop.core.accounts.add(OPERATOR, "ann@example.com", role=Role.AGENT)


APPROVE = Ruling(decision=Decision.APPROVE, opened_sources=True)


def told_on_cards(shop: App, approval: Approval, locale: str = "en") -> tuple[str, str]:
    """The card in Slack and the reasons on the console."""
    words = shop.core.words
    looks = Looks(words=words, locale=locale, base_url="http://localhost")
    console = on_console(approval, words=words, locale=locale, me="ann@example.com")
    return str(card(approval, looks).blocks), " ".join(console.reasons)


async def test_a_changed_source_is_told_and_the_draft_is_written_anew(shop: App) -> None:
    cid = await ask(shop)
    before = await waiting(shop, cid)
    assert before.draft.text == GRINDER.text
    await know(shop, COPPER)
    state = await until(shop, cid, lambda c: c.reviews[0].draft.text == COPPER.text)
    after = await shop.desk.service.recall(before.id)
    assert after is not None
    assert (after.id, after.outdated, after.requested_at) == (before.id, False, before.requested_at)
    assert after.version == state.reviews[0].version == 3
    assert after.reasons[0] is Reason.SOURCE_CHANGED
    for locale, said in (("en", "this is a new draft"), ("ko", "새로 작성한 초안")):
        for told in told_on_cards(shop, after, locale):
            assert said in told
            assert ASKED in told
    ann = await agent(shop)
    with pytest.raises(ChangedSince) as refused:
        await shop.desk.service.decide(ann, before.id, APPROVE, version=before.version)
    assert refused.value.decision == "source_changed"
    await shop.desk.service.decide(ann, before.id, APPROVE, version=after.version)
    done = await until(shop, cid, lambda c: not c.reviews)
    assert done.memory[-1].text == COPPER.text


async def test_a_search_that_is_out_of_time_once_writes_no_draft(shop: App) -> None:
    cid = await ask(shop)
    before = await waiting(shop, cid)
    freshness = shop.desk.freshness
    redraft, late = freshness._redraft, [Draft(text="", reasons=(Reason.OUT_OF_TIME,))]

    async def slow_at_first(c: Conversation, review: Review) -> tuple[Draft, Verdict]:
        draft, verdict = await redraft(c, review)
        return (late.pop() if late else draft), verdict

    freshness._redraft = slow_at_first
    await know(shop, COPPER)
    state = await until(shop, cid, lambda c: c.reviews[0].draft.text != before.draft.text)
    assert not late
    assert state.reviews[0].draft.text == COPPER.text


async def test_approving_before_anybody_noticed_asks_once_more(shop: App) -> None:
    ann = await agent(shop)
    cid = await ask(shop)
    draft = await waiting(shop, cid)
    version = await shop.desk.service.claim(ann, draft.id)
    # As a command changes it in the store, in the very moment of the press.
    await shop.rag.knowledge._articles.put([COPPER], file="", at=shop.core.clock.now())
    with pytest.raises(ChangedSince) as refused:
        await shop.desk.service.decide(ann, draft.id, APPROVE, version=version)
    assert refused.value.decision == "source_changed"
    seen = await waiting(shop, cid)
    assert seen.outdated
    assert ASKED in told_on_cards(shop, seen)[0]
    # Seen and meant: the old words go out.
    await shop.desk.service.decide(ann, draft.id, APPROVE, version=seen.version)
    done = await until(shop, cid, lambda c: not c.reviews)
    assert done.memory[-1].text == GRINDER.text


async def test_a_removed_source_leaves_a_draft_that_does_not_rest_on_it(shop: App) -> None:
    cid = await ask(shop)
    before = await waiting(shop, cid)
    await shop.rag.knowledge.remove(GRINDER.id)
    state = await until(shop, cid, lambda c: c.reviews[0].version > 1 and not c.reviews[0].outdated)
    assert all("mill" not in c.id for c in state.reviews[0].draft.citations)
    assert GRINDER.text not in state.reviews[0].draft.text
    assert state.reviews[0].draft_id == before.id


async def test_a_change_elsewhere_or_of_another_section_changes_nothing(shop: App) -> None:
    guide = "## What colours does the mill come in?\n\nBlack and white.\n\n## Is it loud?\n\nNo."
    doc = Article(id="doc", title="The mill", text=guide)
    await know(shop, doc)
    cid = await ask(shop, "What colours does the mill come in?")
    before = await waiting(shop, cid)
    assert before.draft.citations[0].id.startswith("doc#")
    moved = "## New\n\nWe have a new mill.\n\n" + guide.replace("No.", "A little.")
    await know(shop, replace(doc, text=moved), replace(OTHER, text="We are open all day."))
    await shop.rag.knowledge.add_known_question("doc", "which colors are there")
    await shop.desk.freshness.sweep()
    assert (await waiting(shop, cid)).version == before.version


async def test_what_changed_while_nothing_ran_is_found_at_the_start(
    settings: Settings, tmp_path: Path
) -> None:
    async with opened(settings, tmp_path) as shop:
        await know(shop, GRINDER, OTHER)
        cid = await ask(shop)
        before = await waiting(shop, cid)
        await shop.rag.knowledge._articles.put([COPPER], file="", at=shop.core.clock.now())
    async with opened(settings, tmp_path) as shop:
        await until(shop, cid, lambda c: c.reviews[0].draft.text == COPPER.text)
        assert (await waiting(shop, cid)).id == before.id


class Slow:
    """A responder that takes as long as the test wants, as a model does."""

    def __init__(self, inner: Responder) -> None:
        self.inner, self.begun, self.go = inner, asyncio.Event(), asyncio.Event()

    async def draft(self, question: Question, *, on_delta: OnDelta | None = None) -> Draft:
        draft = await self.inner.draft(question, on_delta=on_delta)
        self.begun.set()
        await self.go.wait()
        return draft

    def foresee(self, text: str, history: Sequence[Turn]) -> None:
        self.inner.foresee(text, history)


@pytest.mark.parametrize("gone", [False, True])
async def test_an_automatic_answer_never_rests_on_what_has_changed_meanwhile(
    shop: App, *, gone: bool
) -> None:
    slow = Slow(shop.answers)
    fresh = FreshResponder(slow, shop.rag.knowledge.sources)
    asked = Question(conversation_id="c", text=ASKED, locale="en", channel="web")
    drafting = asyncio.create_task(fresh.draft(asked))
    await slow.begun.wait()
    if gone:
        await shop.rag.knowledge.remove(GRINDER.id)
    else:
        await know(shop, COPPER)
    slow.go.set()
    draft = await drafting
    assert (draft.text == COPPER.text) is not gone
    assert GRINDER.text != draft.text
    assert not await shop.rag.knowledge.sources.changed(draft.citations)


async def test_between_the_draft_and_the_sending_the_store_has_the_last_word(
    shop: App,
) -> None:
    asked = Question(conversation_id="c", text=ASKED, locale="en", channel="web")
    draft = await shop.answers.draft(asked)
    assert (await shop.pipeline.checked(draft)).reasons == ()
    await shop.rag.knowledge._articles.remove([GRINDER.id])
    held = await shop.pipeline.checked(draft)
    assert held.reasons == (Reason.SOURCE_CHANGED,)
    assert held.findings[0].values["title"] == ASKED
