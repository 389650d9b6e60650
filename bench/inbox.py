"""`python -m bench.inbox`: search and lists over many conversations on the embedded store."""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from approvals.inbox.pages import News
from approvals.inbox.rows import Row, Wanted
from approvals.inbox.store import InboxStore
from core.storage.client import connect
from core.storage.embedded import EmbeddedStore

WORDS = 60  #: of a conversation, drawn by Zipf's law from `VOCABULARY`
VOCABULARY = 30_000
NOW = 1_790_000_000_000
MINUTES = 5  #: between two conversations
REPEATS = 40
CHANGED = (1, 30, 300, 1000)  #: conversations between two flushes
BOUNDS_MS = {"search": 200.0, "list": 150.0}
ASKED: tuple[tuple[str, Wanted, frozenset[int]], ...] = (
    ("list: all", Wanted(), frozenset()),
    ("list: one's own", Wanted(assignee="mina@example.com"), frozenset()),
    ("list: resolved", Wanted(status="resolved"), frozenset()),
    ("search: the commonest word", Wanted(), frozenset({0})),
    ("search: three common words", Wanted(), frozenset({0, 5, 20})),
    ("search: a rare word", Wanted(), frozenset({9000})),
    ("search: a common word, one's own", Wanted(assignee="mina@example.com"), frozenset({3})),
)


def filled(store: InboxStore, conversations: int) -> list[str]:
    """So many conversations, one each five minutes; gives their ids."""
    rng = random.Random(1)
    weights = list(itertools.accumulate(1 / (n + 3) for n in range(VOCABULARY)))
    keys = [f"{rng.getrandbits(120):030x}" for _ in range(conversations)]
    for n, key in enumerate(keys):
        row = Row(
            id=key,
            seq=5,
            updated=NOW - n * MINUTES * 60_000,
            waits=0,
            asked=3,
            status=rng.choice(("ai", "review", "human", "resolved", "resolved")),
            assignee=rng.choice(("",) * 9 + ("mina@example.com",)),
            channel="web",
            locale=rng.choice(("en", "ko")),
            topic=rng.choice(("billing", "shipping", "")),
            tags=(),
        )
        words = frozenset(rng.choices(range(VOCABULARY), cum_weights=weights, k=WORDS))
        store.tell({key: News(row=row, words=words)})
    return keys


def tell_again(store: InboxStore, keys: Sequence[str]) -> None:
    """Something happens in these conversations."""
    for n, key in enumerate(keys):
        row = Row(key, 9, NOW + n, 0, 7, "ai", "", "web", "en", "", ())
        store.tell({key: News(row=row, words=frozenset({n, n + 1, n + 2}))})


async def main(conversations: int) -> int:
    """Fill, then ask as another process would; 1 when a bound does not hold."""
    with tempfile.TemporaryDirectory() as folder:
        server = EmbeddedStore(Path(folder), durable=True)
        await server.boot()
        client = connect(server.uri)
        collection = client["bench"]["inbox"]
        writer = InboxStore(collection)
        keys = filled(writer, conversations)
        begun = time.perf_counter()
        await writer.flush()
        print(f"{conversations:,} conversations written in {time.perf_counter() - begun:.1f} s")
        for changed in CHANGED:
            tell_again(writer, keys[:changed])
            begun, spent = time.perf_counter(), time.process_time()
            await writer.flush()
            print(
                f"{changed:,} changed written in {(time.perf_counter() - begun) * 1000:.0f} ms, "
                f"{(time.process_time() - spent) * 1000:.0f} ms of ours"
            )
        store, held = InboxStore(collection), True
        for name, wanted, words in ASKED:
            times = []
            for _ in range(REPEATS + 1):
                begun = time.perf_counter()
                total = (await store.find(wanted, words=words, limit=50)).total
                times.append((time.perf_counter() - begun) * 1000)
            first, *rest = times
            p50, p95 = (sorted(rest)[int(len(rest) * share)] for share in (0.5, 0.95))
            bound = BOUNDS_MS[name.partition(":")[0]]
            held &= p95 <= bound
            print(
                f"{name:<36} {total:>8,} found   first {first:7.0f} ms   p50 {p50:6.1f}   "
                f"p95 {p95:6.1f}   bound {bound:.0f}",
                flush=True,
            )
        print(f"load {os.getloadavg()[0]:.1f}")
        await client.close()
        await server.stop()
    return 0 if held else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--conversations", type=int, default=100_000)
    sys.exit(asyncio.run(main(parser.parse_args().conversations)))
