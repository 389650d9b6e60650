"""A model may take as long as the operator allows; the customer sees that it is at work."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path

import aiohttp
import pytest

from tests.support.process import Program
from tests.support.servers.vendors import OnTelegram, program_with, stubbornly, until, vendors_up
from tests.support.slow_models import (
    FAQ,
    NEVER,
    SlowModel,
    Visitor,
    settings_for,
    slow_model,
    teach,
    visitor,
)

pytestmark = [pytest.mark.timeout(600), pytest.mark.timed]

PASSWORD, DELIVERY, RETURN, SERIAL, BURRS, KETTLES, KOREAN = FAQ
SIGN = 3.0  #: seconds; until then the customer sees something true
START = 150.0  #: seconds, on a machine that others use
KEPT = 5.0  #: seconds; no longer is nothing seen in between


@asynccontextmanager
async def shop(
    model: SlowModel, folder: Path, **settings: str
) -> AsyncIterator[tuple[Program, aiohttp.ClientSession]]:
    """The program with a shop's knowledge and this model, and a way in."""
    folder.mkdir(exist_ok=True)
    program = Program(folder / "data", env=settings_for(model, **settings))
    try:
        await program.start(seconds=START)
        await teach(program, folder)
        async with aiohttp.ClientSession(program.url) as http:
            yield program, http
    finally:
        await program.stop()


def seen(one: Visitor) -> list[float]:
    """When the visitor saw that the assistant is at work, or its words."""
    return [at for at in one.at("typing", "delta", "message") if at > 0.05]


async def test_a_slow_model_is_waited_for_and_shown_at_work(tmp_path: Path) -> None:
    async with slow_model() as model:
        slow = {PASSWORD: 4.0, DELIVERY: 8.0, KOREAN: 15.0}  # to the first piece
        slowly = {RETURN: 4.0, SERIAL: 8.0, BURRS: 15.0}  # to the last one
        async with shop(model, tmp_path) as (_, http):
            model.delays |= slow
            for question, seconds in slowly.items():
                model.pause_for(question, seconds=seconds)
            asked = {
                question: await visitor(http, question, locale="ko" if question == KOREAN else "en")
                for question in (*slow, *slowly)
            }
            for question, seconds in (slow | slowly).items():
                one = asked[question]
                await one.until(lambda one=one: one.said("ai"), seconds=25)  # type: ignore[misc]
                at, text = one.said("ai")[0]
                assert seconds - 0.5 < at < seconds + 3.0, (question, at)
                first = FAQ[question].split(". ")[0].removesuffix(".")
                assert text.partition("\n\n")[2].startswith(first)  # behind who writes
                signs = [0.0, *(s for s in seen(one) if s <= at)]
                assert signs[1] < SIGN, (question, signs)
                gaps = [later - earlier for earlier, later in pairwise(signs)]
                grown = one.at("delta")
                # Once the text grows it is on the page, so no sign has to be kept alive.
                assert all(
                    gap < KEPT or (grown and grown[0] <= earlier)
                    for gap, earlier in zip(gaps, signs, strict=False)
                ), (question, signs)
                assert not one.said("system"), one.events
                statuses = [data["status"] for _, name, data in one.events if name == "status"]
                assert set(statuses) <= {"ai"}, one.events
            # The first sentence is there as soon as it is whole, not with the last one.
            model.pause_for(KETTLES, seconds=8.0)
            again = await visitor(http, KETTLES)
            await again.until(lambda: again.said("ai"), seconds=15)
            assert again.at("delta")[0] < again.said("ai")[0][0] - 2.0, again.events


async def test_a_model_that_never_ends_is_given_up_after_its_time(tmp_path: Path) -> None:
    async with slow_model() as model, shop(model, tmp_path, LLM_TIMEOUT_SECONDS="4") as (_, http):
        model.delays |= dict.fromkeys((*FAQ, ""), NEVER)
        known = await visitor(http, PASSWORD)
        unknown = await visitor(http, "Which grinder suits a Norwegian submarine crew?")
        await known.until(lambda: known.said("ai"), seconds=10)
        at, text = known.said("ai")[0]
        assert 3.9 < at < 7.0
        quoted = text.partition("\n\n")[2]  # behind who writes
        assert quoted == FAQ[PASSWORD], "the quoted answer, good enough by itself"
        await unknown.until(lambda: unknown.said("system"), seconds=10)
        assert 3.9 < unknown.said("system")[0][0] < 7.0
        assert (await unknown.state())["status"] == "review"
        assert min(seen(known)) < SIGN


async def test_what_happens_while_a_model_writes(tmp_path: Path) -> None:
    async with slow_model() as model, shop(model, tmp_path) as (program, http):
        model.delays |= dict.fromkeys(FAQ, 6.0)
        grown, called, words, taken = await asyncio.gather(
            *(visitor(http, question) for question in (PASSWORD, DELIVERY, RETURN, SERIAL))
        )
        token = await program.command(
            "users", "add", "mina@example.com", "--role", "agent", "--token"
        )
        bearer = {"Authorization": f"Bearer {token.splitlines()[-1].strip()}"}

        # He writes on: the old answer is dropped, one answer comes to both.
        await grown.write("And for how long does the link work?")
        # He presses the button, or says it: he is told at once, and no model is waited for.
        pressed, said = called.now, words.now
        await called.press_human()
        await words.write("I want to talk to a human")
        await called.until(lambda: called.said("system"), seconds=6)
        await words.until(lambda: words.said("system"), seconds=6)
        assert called.said("system")[0][0] - pressed < SIGN
        assert words.said("system")[0][0] - said < SIGN + 0.5
        # A colleague takes over: the assistant is silent from then on.
        url = f"/api/conversations/{taken.id}/take_over"
        async with http.post(url, json={}, headers=bearer) as answer:
            assert answer.status < 300, await answer.text()
        await taken.until(lambda: taken.at("status"), seconds=3)
        await grown.until(lambda: grown.said("ai"), seconds=15)
        await asyncio.sleep(2.0)
        assert len(grown.said("ai")) == 1
        assert not called.said("ai")
        assert not words.said("ai")
        assert not taken.said("ai")
        assert (await taken.state())["status"] == "human"


async def test_a_program_that_ends_meanwhile_answers_after_its_start(tmp_path: Path) -> None:
    async with slow_model() as model:
        folder = tmp_path
        program = Program(folder / "data", env=settings_for(model))
        try:
            await program.start(seconds=START)
            await teach(program, folder)
            model.delays |= dict.fromkeys(FAQ, 8.0)
            async with aiohttp.ClientSession(program.url) as http:
                asked = [await visitor(http, question) for question in (PASSWORD, DELIVERY)]
                await asyncio.sleep(1.5)
                began = time.monotonic()
                await program.stop()  # SIGTERM
                assert time.monotonic() - began < 8.0, "a stop does not wait for a model"
            await program.start(seconds=START)
            async with aiohttp.ClientSession(program.url) as http:
                third = await visitor(http, SERIAL)
                await asyncio.sleep(1.5)
                await program.kill()
            model.delays.clear()
            await program.start(seconds=START)
            async with aiohttp.ClientSession(program.url) as http:
                for one in (*asked, third):
                    one.http = http
                    async with asyncio.timeout(20):
                        while True:
                            state = await one.state()
                            authors = [m["author"] for m in state["messages"]]
                            if "ai" in authors:
                                break
                            await asyncio.sleep(0.1)
                    assert authors.count("ai") == 1, state
                    assert "system" not in authors, state
        finally:
            await program.stop()


async def test_telegram_shows_that_it_writes_until_the_answer_is_there(tmp_path: Path) -> None:
    async with slow_model() as model, vendors_up() as vendors:
        more = settings_for(model)
        async with program_with(vendors, tmp_path, **more) as program:
            await program.start(seconds=START)
            await teach(program, tmp_path)
            model.delays |= {PASSWORD: 4.0, DELIVERY: 8.0, SERIAL: 15.0}
            telegram = OnTelegram(vendors, program)
            await stubbornly(lambda: telegram.deliver(telegram.event(KETTLES, customer=7999)))
            await until(lambda: telegram.texts(7999), seconds=90)
            server = telegram.server
            signs: dict[int, list[float]] = {}
            answered: dict[int, float] = {}
            customers = {7101: PASSWORD, 7102: DELIVERY, 7103: SERIAL}
            began: dict[int, float] = {}
            seen_calls = len(server.calls)
            for customer, question in customers.items():
                began[customer] = time.monotonic()
                assert await telegram.deliver(telegram.event(question, customer=customer)) < 300
            async with asyncio.timeout(30):
                while len(answered) < len(customers):
                    await asyncio.sleep(0.02)
                    for call in server.calls[seen_calls:]:
                        chat = int(call.params.get("chat_id", 0))
                        if chat in customers and call.method.lower() == "sendchataction":
                            assert call.params["action"] == "typing"
                            signs.setdefault(chat, []).append(time.monotonic() - began[chat])
                    seen_calls = len(server.calls)
                    for chat in customers:
                        if chat not in answered and telegram.texts(chat):
                            answered[chat] = time.monotonic() - began[chat]
            for chat, question in customers.items():
                wanted = model.delays[question]
                assert wanted - 0.5 < answered[chat] < wanted + 3.5, (question, answered)
                assert FAQ[question].split(". ")[0].removesuffix(".") in telegram.texts(chat)[0]
                shown = [0.0, *signs[chat], answered[chat]]
                assert shown[1] < SIGN
                gaps = [b - a for a, b in pairwise(shown)]
                assert max(gaps) < KEPT, "Telegram forgets a chat action after five seconds"
