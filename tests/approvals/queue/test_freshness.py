"""A draft whose source changes: what is noted, what a press with an old version meets."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import aiohttp
import pytest

from approvals.console.api import ApprovalRoutes
from approvals.queue.freshness import PATIENCE, Freshness
from approvals.queue.model import Approval, ChangedSince, Ruling
from approvals.slack.replies import error_text
from approvals.slack.views.cards import Looks
from core.domain.drafts import Draft, Question, Reason
from core.domain.events import Decision
from core.domain.messages import Citation
from core.i18n import Words
from core.rag.knowledge.store import Newer
from core.web.http.settings import WebSettings
from core.web.identity.visitor_tokens import VisitorTokens
from core.web.server import WebServer
from tests.approvals.conftest import Opens
from tests.approvals.console.test_api import Api, Door
from tests.approvals.office import JOON, MINA, SARA, Office
from tests.support.world import LOCALES, SOURCE, sure, unsure

APPROVE = Ruling(decision=Decision.APPROVE)


class Shelf:
    """What is known, as far as tests say that it has changed."""

    def __init__(self) -> None:
        self.gone: list[str] = []

    async def changed(self, citations: Sequence[Citation]) -> Sequence[str]:
        """See `core.engine.ports.Sources`."""
        return [c.title for c in citations if c.title in self.gone]


class Watched:
    """An office whose drafts are watched."""

    def __init__(self, office: Office) -> None:
        self.office, self.shelf = office, Shelf()
        self.new: Newer | None = None  #: what has been written since
        self.redrafts = 0
        self.freshness = Freshness(
            conversations=office.world.conversations,
            store=office.store,
            sources=self.shelf,
            redraft=office.world.pipeline.redraft,
            newer=self._newer,
        )
        office.service._look = self.freshness.look

    async def _newer(self, question: str, since: datetime) -> Newer | None:
        assert question
        return self.new if self.new is not None and self.new.at > since else None

    def writes(self, title: str, *, cites: str = "new") -> None:
        """Somebody writes the article "new"; from now on the assistant answers from `cites`."""
        at = self.office.world.clock.now() + timedelta(seconds=1)
        self.new = Newer(article_id="new", title=title, at=at)
        citation = Citation(id=f"{cites}#0", title=title)

        async def draft(question: Question) -> Draft:
            del question
            self.redrafts += 1
            return replace(sure("At five."), citations=(citation,))

        self.office.world.responder.answer = draft

    async def of(self, approval: Approval) -> Approval:
        return await self.office.service.get(MINA, approval.id)


@pytest.fixture
async def watched(open_office: Opens) -> Watched:
    return Watched(await open_office())


async def test_the_first_press_is_asked_once_more_and_the_second_counts(watched: Watched) -> None:
    approval = await watched.office.waiting()
    watched.shelf.gone = [SOURCE.title]
    with pytest.raises(ChangedSince) as refused:
        await watched.office.decide(approval, Decision.APPROVE)
    assert refused.value.decision == "source_changed"
    seen = await watched.of(approval)
    assert (seen.outdated, seen.version, seen.reasons[0]) == (True, 2, Reason.SOURCE_CHANGED)
    await watched.office.decide(seen, Decision.APPROVE)


async def test_ones_own_claim_is_no_excuse_for_not_looking_again(watched: Watched) -> None:
    approval = await watched.office.waiting()
    await watched.office.service.claim(MINA, approval.id)
    watched.shelf.gone = [SOURCE.title]
    for version in (1, 2):
        with pytest.raises(ChangedSince) as refused:
            await watched.office.service.decide(MINA, approval.id, APPROVE, version=version)
        assert refused.value.decision == "source_changed"
    await watched.office.service.decide(MINA, approval.id, APPROVE, version=3)


async def test_a_claim_after_the_change_is_a_claim(watched: Watched) -> None:
    approval = await watched.office.waiting()
    watched.shelf.gone = [SOURCE.title]
    await watched.freshness.look(approval.id)
    await watched.office.service.claim(JOON, approval.id)
    with pytest.raises(ChangedSince) as refused:
        await watched.office.service.decide(SARA, approval.id, APPROVE, version=2)
    assert refused.value.decision == "claim"
    # Who has claimed it with the change before their eyes needs not look again.
    await watched.office.service.decide(JOON, approval.id, APPROVE, version=2)


async def test_own_words_need_no_second_press(watched: Watched) -> None:
    approval = await watched.office.waiting()
    watched.shelf.gone = [SOURCE.title]
    await watched.office.decide(approval, Decision.EDIT, text="It comes in copper, too.")


async def test_it_is_written_anew_under_its_name_whatever_is_claimed_meanwhile(
    watched: Watched,
) -> None:
    approval = await watched.office.waiting()
    watched.shelf.gone = [SOURCE.title]
    other = Citation(id="p2", title="New guide")

    async def draft(question: Question) -> Draft:
        del question
        await watched.office.service.claim(JOON, approval.id)
        return replace(unsure("Now in Profile."), citations=(other,))

    watched.office.world.responder.answer = draft
    await watched.office.world.projector.drain()
    for _ in range(PATIENCE):  # the search may not have heard of the change yet
        assert await watched.freshness.sweep()
        assert (await watched.of(approval)).draft.text == approval.draft.text
    assert not await watched.freshness.sweep()
    seen = await watched.of(approval)
    assert (seen.draft.text, seen.outdated, seen.claimed_by) == (
        "Now in Profile.",
        False,
        JOON.email,
    )
    assert seen.version == 4
    assert (seen.requested_at, seen.deadline) == (approval.requested_at, approval.deadline)
    assert seen.reasons == (Reason.SOURCE_CHANGED, Reason.LOW_CONFIDENCE)
    # Nothing is left to do, and nothing is done twice.
    assert not await watched.freshness.sweep()
    assert (await watched.of(approval)).version == 4


async def test_what_is_not_read_yet_is_tried_again(watched: Watched) -> None:
    approval = await watched.office.waiting()
    watched.shelf.gone = [SOURCE.title]
    await watched.office.world.projector.drain()
    assert await watched.freshness.sweep()
    assert (await watched.of(approval)).outdated
    watched.shelf.gone = []
    watched.office.world.responder.always(sure("Open Settings."))
    assert not await watched.freshness.sweep()
    again = await watched.of(approval)
    # Sure or not: a person was promised, so a person decides.
    assert (again.draft.text, again.outdated) == ("Open Settings.", False)
    assert again.reasons == (Reason.SOURCE_CHANGED,)


NOTHING = Draft(text="", confidence=0.0, reasons=(Reason.NOTHING_FOUND,), answerer="test")


async def test_whoever_waits_for_a_missing_answer_is_offered_it_when_it_is_written(
    watched: Watched,
) -> None:
    approval = await watched.office.waiting(draft=NOTHING)
    assert Reason.NOTHING_FOUND in approval.reasons
    watched.writes("Parcels")
    await watched.office.world.projector.drain()
    assert not await watched.freshness.sweep()
    seen = await watched.of(approval)
    assert (seen.draft.text, seen.version) == ("At five.", approval.version + 1)
    # Sure or not: a person was promised, so a person decides.
    assert seen.reasons == (Reason.NEW_SOURCE,)
    assert [f.values for f in seen.draft.findings] == [{"title": "Parcels"}]
    await watched.office.world.projector.drain()
    await watched.freshness.sweep()
    assert watched.redrafts == 1
    await watched.office.decide(seen, Decision.APPROVE)


async def test_a_new_source_that_answers_nothing_changes_nothing_and_is_tried_once(
    watched: Watched,
) -> None:
    approval = await watched.office.waiting(draft=NOTHING)
    watched.writes("Parcels", cites="another")
    await watched.office.world.projector.drain()
    for _ in range(2):
        await watched.freshness.sweep()
    assert (await watched.of(approval)).version == approval.version
    assert watched.redrafts == 1


async def test_what_a_colleague_has_claimed_or_had_its_answer_stays(watched: Watched) -> None:
    claimed = await watched.office.waiting(draft=NOTHING)
    answered = await watched.office.waiting(
        chat="c2", draft=replace(sure(), reasons=(Reason.SUSPICIOUS,))
    )
    await watched.office.service.claim(MINA, claimed.id)
    watched.writes("Parcels")
    await watched.office.world.projector.drain()
    await watched.freshness.sweep()
    assert (await watched.of(claimed)).draft.text != "At five."
    assert (await watched.of(answered)).version == answered.version
    assert watched.redrafts == 0


@pytest.fixture
async def api(watched: Watched) -> AsyncIterator[Api]:
    office = watched.office
    server = WebServer(
        WebSettings(secret_key="s" * 40, port=0),
        ApprovalRoutes(service=office.service, deliveries=office.deliveries).routes(),
        visitors=VisitorTokens(secret_key="s" * 40),
        staff=Door(),
        clock=office.world.clock,
    )
    await server.start()
    async with aiohttp.ClientSession(f"http://127.0.0.1:{server.port}") as session:
        yield Api(session, office)
    await server.stop()


async def test_over_http_it_is_a_409_that_names_why_and_the_version_confirms(
    watched: Watched, api: Api
) -> None:
    approval = await watched.office.waiting()
    watched.shelf.gone = [SOURCE.title]
    path = f"/api/approvals/{approval.id}/decision"
    status, problem = await api.call("POST", path, json={"decision": "approve", "version": 1})
    assert (status, problem["decision"]) == (409, "source_changed")
    item = await api.pending()
    assert (item["version"], item["outdated"], item["reasons"][0]) == (2, True, "source_changed")
    status, done = await api.call("POST", path, json={"decision": "approve", "version": 2})
    assert (status, done["decision"]) == (200, "approve")


def test_in_slack_it_is_told_in_words() -> None:
    error = ChangedSince(by="", claimed=False, outdated=True)
    for locale, said in (("en", "source of this draft"), ("ko", "출처")):
        assert said in error_text(
            error, Looks(words=Words.load(LOCALES), locale=locale, base_url="")
        )
