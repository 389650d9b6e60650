"""Compares the index with the articles: what it lacks, what it holds too much, what is outdated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from core.rag.knowledge.identity import Entry
from core.rag.vectors.index import Contents


@dataclass(frozen=True, slots=True, kw_only=True)
class Differences:
    """Ids of articles on which index and articles disagree."""

    missing: tuple[str, ...] = ()  #: not in the index
    outdated: tuple[str, ...] = ()  #: in the index as they were before, or in parts
    orphaned: tuple[str, ...] = ()  #: in the index, and no article that customers may get
    waiting: tuple[str, ...] = ()  #: wait to be embedded, as is known
    articles: int = 0
    points: int = 0

    @property
    def count(self) -> int:
        """How many articles are concerned."""
        return len(self.missing) + len(self.outdated) + len(self.orphaned)


def differences(entries: Sequence[Entry], held: Contents, *, now: datetime) -> Differences:
    """What has to be mended so that the index says what the articles say at this moment."""
    wanted = {entry.id: entry for entry in entries if entry.is_answerable(now)}
    missing = [i for i, entry in wanted.items() if i not in held and not entry.pending]
    outdated = [
        i
        for i, entry in wanted.items()
        if i in held and not entry.pending and not _is_whole(held[i], entry)
    ]
    return Differences(
        missing=tuple(missing),
        outdated=tuple(outdated),
        orphaned=tuple(i for i in held if i not in wanted),
        waiting=tuple(i for i, entry in wanted.items() if entry.pending),
        articles=len(wanted),
        points=sum(sum(versions.values()) for versions in held.values()),
    )


def next_change(entries: Sequence[Entry], *, now: datetime) -> datetime | None:
    """The next moment at which an article begins or ceases to hold."""
    edges = (edge for e in entries for edge in (e.valid_from, e.valid_until) if edge is not None)
    return min((edge for edge in edges if edge > now), default=None)


def version_of(digest: str, points: int) -> str:
    """What each of an article's points carries, so that a missing one is noticed."""
    return f"{digest}:{points}"


def _is_whole(versions: dict[str, int] | object, entry: Entry) -> bool:
    assert isinstance(versions, dict)
    if len(versions) != 1:
        return False
    [(version, count)] = versions.items()
    # Points of before versions were kept are believed.
    return not version or version == version_of(entry.digest, count)
