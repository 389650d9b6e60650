"""Past conversations: `python -m bench.past [--tickets 10000]`; time, recall, coverage, precision.

Tickets are made of the bank's known questions (BANKING77, train) as customers write letters: with
greetings, stories, signatures, names, addresses, numbers and cards planted; what their agents
answer is the bank's article in other frames. They are read by the product's importer on a store and
index of its own. A held-out month are the bank's labelled queries, which no ticket holds, and of
which a good part has no answer at all. The oracle approves the largest groups whose answer is
right, as a supervisor would, and rejects the rest. What goes out alone is decided as it is when we
serve: by the shipped responder, policy and threshold; and it is right where every source it cites
answers the question.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import resource
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from app import opened
from app.app import App
from bench.labelled import DATA
from bench.past.tickets import Writer, bank, leaked, written
from config.settings import read_settings
from core.accounts.roles import Role, User
from core.domain.conversation import Conversation
from core.domain.drafts import Question
from core.domain.policy import AutoSend, decide
from core.rag.commands.evaluation import LabelledQuestion
from core.rag.domain.model import Article
from core.rag.setup import responder_of
from core.runtime.data_dir import DataDir
from core.storage.embedded import EmbeddedStore
from imports.groups.approving import Approving, Candidate
from imports.parts import Parts
from imports.setup import build

APPROVED = 50
PATIENCE = 600.0  #: seconds for one answer
SUPERVISOR = User(id="s", email="sue@example.com", role=Role.SUPERVISOR)


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """What became of a month's questions."""

    asked: int
    answerable: int  #: of these
    alone: int
    right: int
    why: Mapping[str, int]  #: the first reason of those that wait

    def __str__(self) -> str:
        """In a line."""
        share = self.right / self.alone if self.alone else 1.0
        why = ", ".join(f"{name} {n}" for name, n in Counter(self.why).most_common(4))
        return (
            f"coverage {self.alone / self.asked:.3f}"
            f" ({self.right / self.answerable:.3f} of what can be answered), right {share:.3f}"
            f" ({self.alone - self.right} wrong of {self.alone} sent); waiting: {why}"
        )


async def month_of(
    app: App, questions: Sequence[LabelledQuestion], stands_for: Mapping[str, str]
) -> Month:
    """Ask them all; `stands_for` names the labelled article of one that was made of a group."""
    autonomy = app.desk.trust.autonomy
    # Told apart by what is right, not by what else this machine does meanwhile.
    answers = responder_of(app.core, app.rag, model=None, budget_seconds=PATIENCE)
    await answers.start()
    alone = right = 0
    why: Counter[str] = Counter()
    for question in questions:
        asked = Question(
            conversation_id=question.id, text=question.text, locale=question.lang, channel="web"
        )
        draft = await answers.draft(asked)
        nobody = Conversation(id=question.id)
        verdict = decide(draft, autonomy.rules(nobody, draft), conversation=nobody)
        if not isinstance(verdict, AutoSend):
            why[verdict.reasons[0].value] += 1
            continue
        cited = {c.id.rpartition("#")[0] for c in draft.citations}
        alone += 1
        right += bool(cited) and {stands_for.get(i, i) for i in cited} <= set(question.relevant)
    answerable = sum(bool(question.relevant) for question in questions)
    return Month(asked=len(questions), answerable=answerable, alone=alone, right=right, why=why)


def judged(candidate: Candidate, by_text: Mapping[str, str], topics: Mapping[str, str]) -> str:
    """The article whose answer this group offers, if its questions are mostly that article's."""
    said = next((i for text, i in by_text.items() if text in candidate.group.answer), "")
    asked = [topics.get(question, "") for question, _ in candidate.examples]
    return said if said and asked.count(said) * 2 >= len([a for a in asked if a]) else ""


async def approved(
    approving: Approving, english: Sequence[Article], articles: Sequence[Article]
) -> dict[str, str]:
    """Approve the largest right groups; which article each one's article stands for."""
    by_text = {a.text: a.id for a in articles}
    topics = {q: a.id for a in articles for q in (a.title, *a.questions)}
    known = {a.id for a in english}
    done = rejected = 0
    stands_for: dict[str, str] = {}
    found, _ = await approving.candidates(SUPERVISOR, limit=3 * APPROVED)
    for candidate in found:
        if done == APPROVED:
            break
        group = candidate.group
        said = judged(candidate, by_text, topics)
        if not said or group.holes:
            await approving.reject(SUPERVISOR, group.id, version=group.version)
            rejected += 1
            continue
        # A supervisor who sees the article that says it already has it taught the questions.
        into = said if said in known else ""
        one = await approving.approve(SUPERVISOR, group.id, version=group.version, into=into)
        stands_for[one.article_id] = said
        done += 1
    print(f"approved {done} groups, rejected {rejected}", flush=True)
    return stands_for


async def imported(app: App, parts: Parts, path: Path, writer: Writer) -> None:
    """Read the tickets, and say how long it took and what is left of what was planted."""
    begun, cpu = time.perf_counter(), time.process_time()
    done = await parts.importer.read(path, by="bench", progress=lambda *_: None)
    seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{done.file.items} tickets, {done.file.exchanges} answered questions, {done.groups} groups"
        f" in {seconds:.0f} s ({cpu:.0f} s of processor), {memory:.0f} MB at most,"
        f" load {os.getloadavg()[0]:.1f}",
        flush=True,
    )
    kept = {}
    async for document in app.db["past_exchanges"].find({}):
        kept[document["_id"]] = f"{document['question']}\n{document['answer']}"
    values = {value for _, value in writer.planted}
    left = leaked(writer, kept)
    print(
        f"planted {len(values)} different values ({len(writer.planted)} times),"
        f" {len(left)} left: recall {1 - len(left) / len(values):.4f} {left[:20]}",
        flush=True,
    )


async def measured(tickets: int, *, held_out: int, seed: int, data: Path) -> None:
    """Read, approve and ask."""
    articles, questions = bank(data)
    english = [a for a in articles if a.locale == "en"]
    month = [q for q in questions if q.lang == "en"]
    random.Random(seed).shuffle(month)
    month = month[:held_out]
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "tickets.json"
        writer = written(path, articles, tickets=tickets, seed=seed)
        folder = Path(place) / "data"
        settings = read_settings({"DATA_DIR": str(folder)})
        store = EmbeddedStore(folder)
        async with opened(settings, DataDir(folder), store=store, guide=None) as app:
            await app.rag.open()
            parts = build(app.core, app.rag)
            await imported(app, parts, path, writer)
            for article in english:
                await app.rag.knowledge.add_article(Article(
                    id=article.id, title=article.title, text=article.text, topic=article.topic,
                ))  # fmt: skip
            print(f"before: {await month_of(app, month, {})}", flush=True)
            stands_for = await approved(parts.approving, english, articles)
            after = await month_of(app, month, stands_for)
            print(f"after: {after}; {after.asked} questions of a month that no ticket holds")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tickets", type=int, default=10_000)
    parser.add_argument("--held-out", type=int, default=600)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--data", type=Path, default=DATA, help="of the labelled sets")
    asked = parser.parse_args()
    asyncio.run(measured(asked.tickets, held_out=asked.held_out, seed=asked.seed, data=asked.data))
