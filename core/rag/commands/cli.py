"""`kb …` on the command line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import click

from core.runtime.cli import CenterGroup, Session, not_blank
from core.runtime.control_socket import Args, Command, Out

if TYPE_CHECKING:
    from core.rag.knowledge.identity import Entry
    from core.rag.knowledge.taken import FileRead
    from core.rag.knowledge_base.rag import Rag

AUDITED = 200  #: pairs of sources that are listed
WARNED = 20  #: warnings of one file that are printed
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
@click.option("--keep", is_flag=True, help="Keep what lies no longer in a folder that was added.")
@click.pass_obj
def add(session: Session, paths: tuple[str, ...], topic: str, lang: str, *, keep: bool) -> None:
    """Take in files and folders; again means: only what changed, and without what is gone.

    Markdown, text, HTML, PDF, tables (CSV, TSV) and JSON. What is not taken in is said, by file
    and row.
    """
    session.ask("kb.add", paths=list(paths), topic=topic, lang=lang, keep=keep)


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
@click.option("--days", default=90, show_default=True, type=click.IntRange(1, 365), metavar="N")
@click.pass_obj
def audit(session: Session, days: int) -> None:
    """A look at what is known, and whom it has answered in the last N days.

    What is old and still given, never used, said twice or in contradiction; what was asked and not
    answered; and articles without known questions, with questions that they might be taught.
    """
    session.ask("kb.audit", days=days)


@kb.command()
@click.option("--repair", is_flag=True, help="Mend what is found.")
@click.pass_obj
def check(session: Session, *, repair: bool) -> None:
    """Whether the index says what the articles say; exit code 1 where it does not."""
    session.ask("kb.check", repair=repair)


@kb.command()
@click.pass_obj
def rebuild(session: Session) -> None:
    """Make all vectors again from the articles."""
    session.ask("kb.rebuild")


def commands(rag: Rag) -> Mapping[str, Command]:
    """What these do; `rag` is opened at the first use."""
    from core.accounts.service import OPERATOR
    from core.rag.reading.readers import instead_of

    def tell_gone(gone: Sequence[Entry], args: Args, out: Out) -> None:
        fate = "kept, as you wish" if args.get("keep") else "removed"
        for file, entries in groupby(sorted(gone, key=lambda e: e.file), key=lambda e: e.file):
            out.note(f"Not there any more: {file}; {len(list(entries))} articles are {fate}.")

    async def add_paths(args: Args, out: Out) -> int:
        paths = [Path(path) for path in args["paths"]]
        missing = [path for path in paths if not path.exists()]
        for path in missing:
            out.note(f"Error: there is no {path}")
        taken = await (await rag.ready()).add_paths(
            [path for path in paths if path.exists()],
            topic=args["topic"],
            lang=args["lang"],
            keep=args.get("keep", False),
            by=OPERATOR.email,
            on_gone=lambda gone: tell_gone(gone, args, out),
            progress=lambda done, total: out.progress(done, total, "embedding"),
        )
        for file in taken.files:
            if said := _about(file):
                out.note(f"{file.source}: {said}")
            for warning in file.warnings[:WARNED]:
                out.note(f"  {file.source}: {warning}")
            if len(file.warnings) > WARNED:
                out.note(f"  {file.source}: and {len(file.warnings) - WARNED} warnings more")
        for move in taken.moved:
            out.note(f"Moved: {move}")
        for collision in taken.collisions:
            out.note(f"Warning: {collision}")
        for failure in taken.failed:
            out.note(f"Error: {failure.source}: {failure.why}")
        for link in taken.left_out:
            out.note(f"Left out: {link} leads out of its folder.")
        for skipped in taken.skipped:
            why = instead_of(Path(skipped)) or "this kind of file is not read"
            out.note(f"Skipped: {skipped}: {why}.")
        if taken.files:
            read, kept = (sum(f.characters for f in taken.files), sum(f.kept for f in taken.files))
            out.note(f"{len(taken.files)} files read, {kept:,} of {read:,} characters kept.")
        out.line(
            f"{len(taken.added)} added, {len(taken.changed)} changed, "
            f"{len(taken.unchanged)} unchanged, {len(taken.removed)} removed, "
            f"{len(taken.failed) + len(missing)} failed"
            + (f", {len(taken.skipped)} skipped" if taken.skipped else "")
        )
        return 2 if taken.failed or missing else 0

    async def list_articles(_args: Args, out: Out) -> int:
        stored = await (await rag.ready()).list()
        for entry in stored:
            article = entry.article
            topic = f"  [{article.topic}]" if article.topic else ""
            if article.withheld:
                topic += f"  (not for customers: {article.withheld})"
            elif article.valid_from or article.valid_until:
                since, until = article.valid_from, article.valid_until
                topic += f"  ({since.date() if since else ''} – {until.date() if until else ''})"
            out.line(f"{article.id}  {article.locale}  {article.title}{topic}")
        if not stored and await (await rag.ready()).demonstrates():
            out.note(
                "Nothing yet. Until there is, customers are answered from the product's own guide,"
                " as a demonstration; add something with: bot.py kb add PATH"
            )
        elif not stored:
            out.note("Nothing; what is asked waits for people. Add: bot.py kb add PATH")
        return 0

    async def remove_article(args: Args, out: Out) -> int:
        await (await rag.ready()).remove(args["id"], by=OPERATOR.email)
        out.line(f"Removed {args['id']}.")
        return 0

    async def search_for(args: Args, out: Out) -> int:
        found = await (await rag.ready()).search(args["question"], limit=args["limit"])
        if found.demonstration:
            out.note("From the product's own guide, until something is added: bot.py kb add PATH")
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

    async def check_index(args: Args, out: Out) -> int:
        knowledge = await rag.ready()
        if args.get("repair"):
            found = await knowledge.repair(
                progress=lambda done, total: out.progress(done, total, "embedding")
            )
        else:
            found = await knowledge.check()
        for what, ids in (
            ("not in the index", found.missing),
            ("outdated in the index", found.outdated),
            ("in the index, and no article that customers get", found.orphaned),
            ("waits to be embedded", found.waiting),
        ):
            for article_id in ids[:AUDITED]:
                out.line(f"{article_id}: {what}")
        mended = ", all mended" if args.get("repair") and found.count else ""
        out.line(
            f"{found.articles} articles, {found.points} points, {found.count} differences{mended}"
        )
        if found.count and not mended:
            out.note("Mend them with: bot.py kb check --repair")
        return 1 if found.count and not mended else 0

    async def make_again(_args: Args, out: Out) -> int:
        count = await (await rag.ready()).rebuild(
            progress=lambda done, total: out.progress(done, total, "embedding")
        )
        out.line(f"{count} articles embedded again.")
        return 0

    return {
        "kb.add": add_paths,
        "kb.check": check_index,
        "kb.list": list_articles,
        "kb.remove": remove_article,
        "kb.search": search_for,
        "kb.rebuild": make_again,
    }


def _about(file: FileRead) -> str:
    """What of this file is in no article, or "" where all of it is."""
    if not file.dropped:
        return ""
    dropped = ", ".join(f"{why} {n:,}" for why, n in sorted(file.dropped.items()))
    return f"{file.kept:,} of {file.characters:,} characters kept; left out: {dropped}"
