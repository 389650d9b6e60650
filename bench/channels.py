"""Webhook acknowledgement a channel under 100 messages a second, beside the bare SDK's echo."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import urlencode

from bench.load import Once, Result, fixed_rate
from bench.peers import Peer, module, serving
from bench.wire import Post
from tests.support.servers.slack import SIGNING_SECRET
from tests.support.servers.twilio import AUTH_TOKEN
from tests.support.servers.vendors import PUBLIC_URL, TELEGRAM_SECRET, Vendors, vendors_up

RATE = 100
WORKERS = 32
PEOPLE = 200  #: customers who write in turn
TEXT = "How do I reset my password?"

Call = tuple[bytes, Mapping[str, str]]  #: a body and its headers
Calls = Callable[[int], Sequence[Call]]  #: so many different ones


async def acknowledging_webhooks(seconds: float) -> None:
    """Print p50 and p99 a channel, ours and the echo's, measured in turn A B A B."""
    async with vendors_up() as vendors:
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            given = Path(folder) / "settings.json"
            given.write_text(json.dumps(vendors.settings()))
            async with serving(module("constant", "{dir}/data", str(given))) as ours:
                # While one channel's SDK is imported, nobody else's figures mean anything.
                for _, path, _, calls in _peers(vendors):
                    await _up(ours, path, calls)
                for name, path, command, calls in _peers(vendors):
                    async with serving(command) as peer:
                        await _compare(name, ours, path, peer, calls, seconds)


async def _compare(
    name: str, ours: Peer, path: str, peer: Peer, calls: Calls, seconds: float
) -> None:
    mine: list[Result] = []
    theirs: list[Result] = []
    count = int(RATE * seconds)
    for _ in range(2):
        mine.append(await _offer(ours.port, path, calls(count), seconds))
        theirs.append(await _offer(peer.port, "/webhook", calls(count), seconds))
    for whose, results in (("ours", mine), ("bare SDK", theirs)):
        waits = [wait for result in results for wait in result.latencies]
        whole = Result(seconds=seconds, latencies=waits)
        errors = sum(result.errors for result in results)
        print(
            f"{name} webhook at {RATE}/s, {whose:<9} p50 {whole.quantile(0.5) * 1000:7.1f} ms, "
            f"p99 {whole.quantile(0.99) * 1000:7.1f} ms, {len(waits)} taken, {errors} errors",
            flush=True,
        )


async def _offer(port: int, path: str, calls: Sequence[Call], seconds: float) -> Result:
    async with AsyncExitStack() as stack:
        posts = [await stack.enter_async_context(Post(port)) for _ in range(WORKERS)]
        return await fixed_rate([_once(p, path, calls) for p in posts], rate=RATE, seconds=seconds)


def _once(post: Post, path: str, calls: Sequence[Call]) -> Once:
    async def send(number: int) -> None:
        body, headers = calls[number % len(calls)]
        status, answer = await post.send(path, body, headers)
        if status >= 300:
            raise RuntimeError(f"{status} {answer[:200]!r}")

    return send


async def _up(ours: Peer, path: str, calls: Calls) -> None:
    """Return once the channel takes what its vendor brings; importing an SDK takes a while."""
    async with asyncio.timeout(180), Post(ours.port) as post:
        while True:
            [(body, headers)] = calls(1)
            status, _ = await post.send(path, body, headers)
            if status < 300:
                return
            await asyncio.sleep(0.5)


def _peers(vendors: Vendors) -> Sequence[tuple[str, str, Sequence[str], Calls]]:
    text_url = f"{PUBLIC_URL}/webhooks/twilio/sms"

    def telegram(count: int) -> Sequence[Call]:
        headers = {"X-Telegram-Bot-Api-Secret-Token": TELEGRAM_SECRET}
        updates = (vendors.telegram.message(TEXT, chat=8000 + n % PEOPLE) for n in range(count))
        return [(json.dumps(update).encode(), headers) for update in updates]

    def sms(count: int) -> Sequence[Call]:
        found: list[Call] = []
        for n in range(count):
            form = vendors.twilio.form(TEXT, sender=f"+1555{n % PEOPLE:07d}")
            signature = vendors.twilio.sign(text_url, form)
            found.append((urlencode(form).encode(), {"X-Twilio-Signature": signature}))
        return found

    def slack(count: int) -> Sequence[Call]:
        events = (vendors.slack.direct(TEXT, channel=f"D{n % PEOPLE:08d}") for n in range(count))
        signed = (vendors.slack.signed(event) for event in events)
        return [
            (body, {k: v for k, v in headers.items() if k != "content-type"})
            for body, headers in signed
        ]

    return (
        ("sms", "/webhooks/twilio/sms", module("twilio_echo", AUTH_TOKEN, text_url), sms),
        (
            "slack",
            "/webhooks/slack/events",
            module("bolt_echo", SIGNING_SECRET, vendors.slack.url),
            slack,
        ),
        ("telegram", "/webhooks/telegram", module("aiogram_echo"), telegram),
    )
