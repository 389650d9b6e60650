"""The whole path with a constant answerer: acknowledging, answering, accepting."""

from __future__ import annotations

import orjson

from bench.load import Result, closed_loop, customers, fixed_rate, posters
from bench.peers import Peer, module, serving
from bench.ratios import Row, pairs

QUESTION = "How do I reset my password?"
OURS = ["bot.py", "run", "--port", "{port}", "--data-dir", "{dir}/data"]
CONSTANT = module("constant", "{dir}/data")
INSERT = module("bare_insert", "{dir}")
ECHO = module("aiogram_echo")


def update(number: int) -> bytes:
    """A Telegram update with a text message."""
    person = {"id": 7, "is_bot": False, "first_name": "Ann"}
    message = {
        "message_id": number,
        "date": 1_700_000_000,
        "chat": {"id": 7, "type": "private", "first_name": "Ann"},
        "from": person,
        "text": QUESTION,
    }
    return orjson.dumps({"update_id": number, "message": message})


async def echo_loop(peer: Peer, count: int, seconds: float) -> Result:
    """Closed loops against the echo: its answer is the response itself."""
    bodies = [update(i) for i in range(1, 500)]
    async with posters(peer.port, count, "/webhook", bodies) as workers:
        return await closed_loop(workers, seconds=seconds)


async def path_loop(peer: Peer, count: int, seconds: float) -> Result:
    """Closed loops of customers who wait for each answer on their streams."""
    async with customers(peer.port, count, [QUESTION]) as everybody:
        return await closed_loop([one.ask for one in everybody], seconds=seconds)


async def acknowledging(seconds: float) -> Row:
    """Acknowledging at 100 messages a second, p99, beside one durable insert."""

    async def ours(peer: Peer) -> Result:
        async with customers(peer.port, 32, [QUESTION]) as everybody:
            return await fixed_rate([one.write for one in everybody], rate=100, seconds=seconds)

    async def bare(peer: Peer) -> Result:
        body = orjson.dumps({"text": QUESTION, "client_id": "x"})
        async with posters(peer.port, 32, "/messages", [body]) as workers:
            return await fixed_rate(workers, rate=100, seconds=seconds)

    return await pairs(
        "acknowledge at 100/s, p99, to aiohttp + one insert",
        ours=(CONSTANT, ours),
        peer=(INSERT, bare),
        figure=lambda r: r.quantile(0.99) * 1000,
        unit="ms",
        most=1.0,
    )


async def whole_path(count: int, least: float | None, seconds: float) -> Row:
    """The whole path, constant answerer, beside a webhook echo that keeps nothing."""
    return await pairs(
        f"whole path, {count} conversations, to aiogram echo",
        ours=(CONSTANT, lambda p: path_loop(p, count, seconds)),
        peer=(ECHO, lambda p: echo_loop(p, count, seconds)),
        figure=lambda r: r.rate,
        unit="/s",
        least=least,
    )


async def accepted_per_second(seconds: float) -> None:
    """How many messages a second are accepted, by 64 customers who do not wait for answers."""
    async with (
        serving(CONSTANT) as peer,
        customers(peer.port, 64, [QUESTION]) as everybody,
    ):
        result = await closed_loop([one.write for one in everybody], seconds=seconds)
    print(
        f"accepted: {result.rate:.0f}/s, p50 {result.quantile(0.5) * 1000:.1f} ms, "
        f"p99 {result.quantile(0.99) * 1000:.1f} ms"
    )
