"""`kb audit` on the command line: the look at what is known, in lines."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator

from analytics.knowledge.review import Look, Looked
from analytics.knowledge.uses import Use
from core.runtime.control_socket import Args, Command, Out

LONGEST = 120  #: characters of a question or title in a line


def audit(look: Callable[[int], Awaitable[Look]]) -> Command:
    """The command; `look` looks back so many days, after all sources were compared."""

    async def told(args: Args, out: Out) -> int:
        found = await look(int(args["days"]))
        for line in lines(found):
            out.line(line)
        return 0

    return told


def lines(look: Look) -> Iterator[str]:
    """What is said, kind by kind; nothing is said of a kind of which there is nothing."""
    yield f"{look.articles} articles; customers of the last {look.days} days."
    yield from _part("Old and still given (age × use)", look.counts["stale"])
    for one in look.stale:
        yield f"  {_article(one)}: {one.age_days} days old, {_told(one.use)}"
    yield from _part("Never used", look.counts["unused"])
    for one in look.unused:
        yield f"  {_article(one)}: {one.age_days} days old"
    yield from _part("Say the same", look.counts["copies"])
    for group in look.copies:
        yield "  " + " = ".join(_article(one) for one in group)
        yield f"    {', '.join(_told(one.use) for one in group)}"
    yield from _part("These two say different things", look.counts["contradictions"])
    for contradiction in look.contradictions:
        pair = contradiction.pair
        for passage, said in ((pair.one, pair.said.one), (pair.other, pair.said.other)):
            yield f"  {passage.title}  ({passage.article_id})"
            yield f"       {said}"
        yield f"    {_told(contradiction.use)}"
    if not look.contradictions:
        yield "No two sources contradict each other."
    yield from _part("Asked and not answered", look.counts["gaps"])
    for gap in look.gaps:
        customers = len({asked.conversation_id for asked in gap.asked})
        yield f"  {_short(gap.question)}: {gap.count} times, {customers} customers"
    yield from _part("Without known questions", look.counts["untaught"])
    for untaught in look.untaught:
        yield f"  {_article(untaught.looked)}: {_told(untaught.looked.use)}"
        for suggestion in untaught.suggestions:
            yield f"       asked: {_short(suggestion.question)}"


def _part(title: str, count: int) -> Iterator[str]:
    if count:
        yield f"{title}: {count}"


def _article(one: Looked) -> str:
    return f"{_short(one.stored.article.title)}  ({one.stored.article.id})"


def _told(use: Use) -> str:
    return f"given {use.times} times to {use.customers} customers"


def _short(text: str) -> str:
    said = " ".join(text.split())
    return said if len(said) <= LONGEST else f"{said[:LONGEST].rstrip()}…"
