"""`kb …` on the command line."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from core.control import Args, Command, Out
from core.terminal import CenterGroup, Session, not_blank

if TYPE_CHECKING:
    from core.rag.knowledge import Knowledge

SHOWN = 300  #: characters of a passage


@click.group(cls=CenterGroup)
def kb() -> None:
    """The knowledge base: what the assistant answers from."""


@kb.command()
@click.argument(
    "paths", nargs=-1, required=True, metavar="PATH...", type=click.Path(resolve_path=True)
)
@click.option("--topic", default="", metavar="T", help="What these are about, in a word.")
@click.option("--lang", default="", metavar="L", help="Their language; recognized when not given.")
@click.pass_obj
def add(session: Session, paths: tuple[str, ...], topic: str, lang: str) -> None:
    """Take in files and folders; again means: only what changed.

    Markdown, text, HTML, PDF, CSV (question,answer) and JSONL.
    """
    session.ask("kb.add", paths=list(paths), topic=topic, lang=lang)


@kb.command("list")
@click.pass_obj
def list_(session: Session) -> None:
    """Every article, with its id."""
    session.ask("kb.list")


@kb.command()
@click.argument("article_id", metavar="ID")
@click.pass_obj
def remove(session: Session, article_id: str) -> None:
    """Forget an article."""
    session.ask("kb.remove", id=article_id)


@kb.command()
@click.argument("question", callback=not_blank)
@click.option("--limit", default=5, show_default=True, type=click.IntRange(1, 50), metavar="N")
@click.pass_obj
def search(session: Session, question: str, limit: int) -> None:
    """What a customer's question finds, with scores."""
    session.ask("kb.search", question=question, limit=limit)


@kb.command()
@click.pass_obj
def rebuild(session: Session) -> None:
    """Make all vectors again from the articles."""
    session.ask("kb.rebuild")


def commands(knowledge: Callable[[], Awaitable[Knowledge]]) -> Mapping[str, Command]:
    """What these do; `knowledge` opens it at the first use."""
    from core.accounts.service import OPERATOR

    async def add_paths(args: Args, out: Out) -> int:
        paths = [Path(path) for path in args["paths"]]
        missing = [path for path in paths if not path.exists()]
        for path in missing:
            out.note(f"Error: there is no {path}")
        taken = await (await knowledge()).add_paths(
            [path for path in paths if path.exists()],
            topic=args["topic"],
            lang=args["lang"],
            by=OPERATOR.email,
            progress=lambda done, total: out.progress(done, total, "embedding"),
        )
        for failure in taken.failed:
            out.note(f"Error: {failure.source}: {failure.why}")
        out.line(
            f"{len(taken.added)} added, {len(taken.changed)} changed, "
            f"{len(taken.unchanged)} unchanged, {len(taken.removed)} removed, "
            f"{len(taken.failed) + len(missing)} failed"
        )
        return 2 if taken.failed or missing else 0

    async def list_articles(_args: Args, out: Out) -> int:
        stored = await (await knowledge()).list()
        for entry in stored:
            article = entry.article
            topic = f"  [{article.topic}]" if article.topic else ""
            out.line(f"{article.id}  {article.locale}  {article.title}{topic}")
        if not stored:
            out.note("Nothing yet; add something with: bot.py kb add PATH")
        return 0

    async def remove_article(args: Args, out: Out) -> int:
        await (await knowledge()).remove(args["id"], by=OPERATOR.email)
        out.line(f"Removed {args['id']}.")
        return 0

    async def search_for(args: Args, out: Out) -> int:
        found = await (await knowledge()).search(args["question"], limit=args["limit"])
        for hit in found.hits:
            passage = hit.passage
            heading = f" › {passage.heading}" if passage.heading else ""
            out.line(f"{hit.score:.3f}  {passage.title}{heading}  ({passage.article_id})")
            scores = f"meaning {hit.dense:.3f}, words {hit.lexical:.2f}"
            if hit.known_question:
                scores += f", known question {hit.known:.3f}: {hit.known_question}"
            out.line(f"       {scores}")
            text = " ".join(passage.text.split())
            out.line(f"       {text[:SHOWN]}{'…' if len(text) > SHOWN else ''}")
        if not found.hits:
            out.note("Nothing found.")
        return 0

    async def make_again(_args: Args, out: Out) -> int:
        count = await (await knowledge()).rebuild(
            progress=lambda done, total: out.progress(done, total, "embedding")
        )
        out.line(f"{count} articles embedded again.")
        return 0

    return {
        "kb.add": add_paths,
        "kb.list": list_articles,
        "kb.remove": remove_article,
        "kb.search": search_for,
        "kb.rebuild": make_again,
    }
