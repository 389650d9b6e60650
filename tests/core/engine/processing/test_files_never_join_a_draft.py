"""A file is answered by who has looked at it: it joins no draft, and no admission is offered."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from core.domain.drafts import Draft, Reason
from core.domain.messages import Attachment
from core.storage.client import Database
from tests.support.world import World, build, running, unsure


@pytest.fixture
async def world(db: Database) -> AsyncIterator[World]:
    async with running(build(db)) as one:
        yield one


async def send_photo(world: World, text: str = "") -> None:
    """The customer sends a photo."""
    photo = Attachment(kind="image", ref="p")
    await world.inbox.accept(replace(world.message(text), attachments=(photo,)))


async def test_a_photo_after_a_question_has_a_card_of_its_own(world: World) -> None:
    world.responder.always(unsure())
    conversation_id = await world.write("How do I reset the pump? It makes a noise.")
    await world.until(conversation_id, lambda c: len(c.reviews) == 1)
    await send_photo(world)
    state = await world.until(conversation_id, lambda c: len(c.reviews) == 2)
    first, second = state.reviews
    assert first.draft.text
    assert second.draft.text == ""
    assert Reason.ATTACHMENT in second.reasons
    assert not set(second.answers) & set(first.answers)

    await send_photo(world)
    state = await world.until(conversation_id, lambda c: len(c.reviews[-1].answers) == 2)
    assert len(state.reviews) == 2, "more of them are looked at together"


async def test_words_about_a_photo_get_no_admission(world: World) -> None:
    world.responder.always(Draft(text="", reasons=(Reason.NOTHING_FOUND,)))
    await send_photo(world)
    [conversation_id] = {world.message("x").address.conversation_id()}
    await world.until(conversation_id, lambda c: len(c.reviews) == 1)
    await world.write("What is this?")
    state = await world.until(
        conversation_id, lambda c: bool(c.reviews) and len(c.reviews[-1].answers) == 2
    )
    [review] = state.reviews
    assert review.draft.text == ""


async def test_a_question_with_a_source_beside_a_photo_is_still_drafted(world: World) -> None:
    world.responder.always(unsure())
    await send_photo(world)
    [conversation_id] = {world.message("x").address.conversation_id()}
    await world.until(conversation_id, lambda c: len(c.reviews) == 1)
    await world.write("How long do returns take?")
    state = await world.until(conversation_id, lambda c: len(c.reviews) == 2)
    assert [bool(review.draft.text) for review in state.reviews] == [False, True]
