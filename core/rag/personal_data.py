"""Exports and erases the knowledge that came from a person: by origin, never by wording.

Vectors are made again from nothing, because the index keeps deleted bytes in its segments.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from core.engine.ports import Person
from core.errors import NotFound
from core.rag.knowledge.origins import Origin, Part
from core.rag.knowledge.store import StoredArticle
from core.rag.knowledge_base.service import Knowledge

TITLE_CHARS = 80

OnTitles = Callable[[Mapping[str, str]], Awaitable[None]]
"""Takes titles that are a person's words and what stands in their place, "" for nothing."""


class LearnedFromPeople:
    """`PersonalData`: articles learned from a person, questions and titles of theirs.

    What somebody else's conversation taught as well stays. `on_titles` hears of titles before and
    after they go, because others keep them as names of what they count.
    """

    name = "origins"

    def __init__(self, knowledge: Callable[[], Awaitable[Knowledge]], on_titles: OnTitles) -> None:
        self._knowledge = knowledge
        self._on_titles = on_titles

    async def export(self, person: Person) -> Sequence[Mapping[str, Any]]:
        """See `core.engine.ports.PersonalData`."""
        knowledge = await self._knowledge()
        given: list[dict[str, Any]] = []
        for article, origins in await _by_article(knowledge, person):
            for origin in origins:
                entry: dict[str, Any] = {"article": article.article.id, "part": origin.part.value}
                if origin.part is Part.ARTICLE:
                    entry |= {"title": article.article.title, "text": article.article.text}
                elif text := _words(article, origin):
                    entry["text"] = text
                else:
                    continue
                given.append(entry)
        return given

    async def erase(self, person: Person) -> Mapping[str, int]:
        """See `core.engine.ports.PersonalData`."""
        knowledge = await self._knowledge()
        theirs = await knowledge.origins.of_conversations(person.conversation_ids)
        if not theirs:
            return {}
        alone = [
            (article, await _alone(knowledge, person, origins))
            for article, origins in await _by_article(knowledge, person)
        ]
        titles = {
            old: new
            for article, origins in alone
            if (old := article.article.title) != (new := _title_without(article, origins))
        }
        # Somebody else's article may have the same one by right.
        for stored in await knowledge.list():
            if stored.article.id not in {a.article.id for a, _ in alone}:
                titles.pop(stored.article.title, None)
        await self._on_titles(titles)
        done: Counter[str] = Counter()
        for article, origins in alone:
            done.update(await _forget(knowledge, article, origins))
        await knowledge.origins.forget(theirs)
        # What these said before holds the same words.
        await knowledge.forget_versions({origin.article_id for origin in theirs})
        if done:
            await knowledge.rebuild()
            await self._on_titles(titles)
        return done


async def _by_article(
    knowledge: Knowledge, person: Person
) -> list[tuple[StoredArticle, list[Origin]]]:
    origins: dict[str, list[Origin]] = {}
    for origin in await knowledge.origins.of_conversations(person.conversation_ids):
        origins.setdefault(origin.article_id, []).append(origin)
    found = []
    for article_id, own in origins.items():
        try:
            found.append((await knowledge.get(article_id), own))
        except NotFound:
            continue
    return found


async def _alone(knowledge: Knowledge, person: Person, origins: Sequence[Origin]) -> list[Origin]:
    """Those that came from no other conversation as well."""
    others = {
        (o.part, o.words)
        for o in await knowledge.origins.of_article(origins[0].article_id)
        if o.conversation_id not in person.conversation_ids
    }
    return [o for o in origins if (o.part, o.words) not in others]


async def _forget(
    knowledge: Knowledge, article: StoredArticle, origins: Sequence[Origin]
) -> Mapping[str, int]:
    done: Counter[str] = Counter()
    article_id = article.article.id
    if any(o.part is Part.ARTICLE for o in origins):
        await knowledge.remove(article_id)
        return {"learned_articles": 1}
    for origin in origins:
        text = _words(article, origin)
        if origin.part is Part.QUESTION and text:
            await knowledge.forget_known_question(article_id, text)
            done["known_questions"] += 1
    if (title := _title_without(article, origins)) != article.article.title:
        await knowledge.retitle(article_id, title)
        done["titles"] += 1
    return done


def _words(article: StoredArticle, origin: Origin) -> str:
    """The title or question that is meant, "" where it does not stand there any more."""
    said = [article.article.title] if origin.part is Part.TITLE else article.article.questions
    return next((text for text in said if origin.means(text)), "")


def _title_without(article: StoredArticle, origins: Sequence[Origin]) -> str:
    """What the article is called without these; "" for one that goes whole."""
    if any(o.part is Part.ARTICLE for o in origins):
        return ""
    title = article.article.title
    if not any(o.part is Part.TITLE and o.means(title) for o in origins):
        return title
    left = [q for q in article.article.questions if not any(o.means(q) for o in origins)]
    said = " ".join(article.article.text.split())
    return left[0] if left else said[:TITLE_CHARS].strip()
