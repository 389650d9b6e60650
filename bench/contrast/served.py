"""Asks small companies over HTTP on a running `bot.py run`: `python -m bench.contrast.served`.

Three FAQs of `fresh` (two trades each, so about 28 rows), in English, in Korean and in both; two
of four siblings are known. Every question is a conversation of its own. With `--model obedient`
a server that says yes to everything writes the answers.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import tempfile
from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from bench.contrast.sets import Trade, told, trades
from bench.real_model.models import obedient
from core.rag.commands.evaluation import LabelledQuestion
from core.rag.domain.model import Article
from tests.support.process import Program

COMPANIES = {
    "en": (("marina", "en"), ("balloon_rides", "en")),
    "ko": (("rice_cakes", "ko"), ("laundry", "ko")),
    "both": (("piano_workshop", "en"), ("pottery_studio", "ko")),
}
SIBLINGS = 2
AT_ONCE = 2
PATIENCE = 60.0  #: seconds for one answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What became of one question."""

    asked: LabelledQuestion
    alone: bool
    right: bool  #: the known answer's words stand in it
    text: str


def company(names: Sequence[tuple[str, str]]) -> tuple[list[Article], list[LabelledQuestion]]:
    """One FAQ of these trades, and all that is asked of it."""
    found: list[Trade] = [t for t in trades("fresh") if (t.name, t.lang) in names]
    articles: list[Article] = []
    questions: list[LabelledQuestion] = []
    for trade in found:
        some, asked = told(trade, siblings=SIBLINGS)
        articles += some
        questions += asked
    return articles, questions


async def ask(
    session: aiohttp.ClientSession, url: str, asked: LabelledQuestion, answers: dict[str, str]
) -> Reply:
    """One question, as a visitor of the web chat."""
    async with session.post(f"{url}/api/conversations", json={"text": asked.text}) as made:
        conversation = await made.json()
    headers = {"Authorization": f"Bearer {conversation['token']}"}
    async with asyncio.timeout(PATIENCE):
        while True:
            path = f"{url}/api/conversations/{conversation['id']}"
            async with session.get(path, headers=headers) as read:
                found = await read.json()
            said = [m["text"] for m in found["messages"] if m["author"] == "ai"]
            if said or found["status"] != "ai":
                break
            await asyncio.sleep(0.2)
    text = " ".join(said)
    right = any(answers[known] in text for known in asked.relevant)
    return Reply(asked=asked, alone=bool(said), right=right, text=text)


async def played(name: str, *, model: str) -> list[Reply]:
    """All questions of one company."""
    articles, questions = company(COMPANIES[name])
    answers = {article.id: article.text for article in articles}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "faq.csv"
        with file.open("w", encoding="utf-8", newline="") as opened:
            rows = csv.writer(opened)
            rows.writerow(("question", "answer"))
            rows.writerows((article.title, article.text) for article in articles)
        async with obedient(1) if model else nullcontext("") as served:
            env = {"RATE_PER_ADDRESS": "1000", "CONVERSATIONS_PER_ADDRESS": "5000"}
            if served:
                env |= {
                    "LLM_MODEL": "openai:obedient",
                    "OPENAI_BASE_URL": served,
                    "OPENAI_API_KEY": "none",
                }
            program = Program(Path(folder) / "data", env=env)
            await program.start(seconds=180)
            try:
                await program.command("kb", "add", str(file), within=300)
                gate = asyncio.Semaphore(AT_ONCE)
                # Each visitor has a jar of their own: a cookie would open the other's conversation.
                jar = aiohttp.DummyCookieJar()
                async with aiohttp.ClientSession(cookie_jar=jar) as session:

                    async def one(asked: LabelledQuestion) -> Reply:
                        async with gate:
                            return await ask(session, program.url, asked, answers)

                    return await asyncio.gather(*map(one, questions))
            finally:
                await program.stop()


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="", choices=("", "obedient"))
    parser.add_argument("--only", nargs="*", default=list(COMPANIES), choices=tuple(COMPANIES))
    arguments = parser.parse_args()
    for name in arguments.only:
        count: Counter[str] = Counter()
        for reply in await played(name, model=arguments.model):
            kind = "known" if reply.asked.relevant else "unknown"
            count[kind] += 1
            count[f"{kind} alone"] += reply.alone
            count["right"] += reply.alone and reply.right
            if reply.alone and not reply.right:
                print(f"  WRONG {reply.asked.text} -> {reply.text[:160]!r}")
        alone = count["known alone"] + count["unknown alone"]
        print(
            f"{name}: {alone} of {count['known'] + count['unknown']} alone, {count['right']} right;"
            f" of {count['known']} known {count['right']},"
            f" of {count['unknown']} unknown {count['unknown alone']}",
            flush=True,
        )


if __name__ == "__main__":
    asyncio.run(main())
