"""The identity of articles: a source and a place in it, wherever the source lies now.

Pure: from what is stored and what was read, what is new, moved, gone or in another's way.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import PurePath
from typing import Any

from core.rag.domain.model import Article
from core.rag.knowledge.store import content_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A stored article without its text."""

    id: str
    file: str  #: "" when it was entered by hand
    place: str
    title: str
    content: str  #: a digest of what it says, without what was learned
    digest: str
    pending: bool
    withheld: str = ""
    valid_from: datetime | None = None
    valid_until: datetime | None = None

    def is_answerable(self, now: datetime) -> bool:
        """See `core.rag.domain.model.Article.is_answerable`."""
        return (
            not self.withheld
            and (self.valid_from is None or self.valid_from <= now)
            and (self.valid_until is None or now <= self.valid_until)
        )


def entry_of(outline: Mapping[str, Any]) -> Entry:
    """From what the store keeps."""
    return Entry(
        id=outline["_id"],
        file=outline["file"],
        place=outline.get("place", ""),
        title=outline["title"],
        # Articles of before this was kept: the same, unless something was learned of them.
        content=outline.get("content") or outline["digest"],
        digest=outline["digest"],
        pending=outline["pending"],
        withheld=outline.get("withheld", ""),
        valid_from=outline.get("valid_from"),
        valid_until=outline.get("valid_until"),
    )


OF_SOURCE = "source:"  #: begins the "file" of what a source has brought


def file_of(source_id: str, address: str) -> str:
    """What stands for a file where a document came from a source (core/sdk/source.py)."""
    return f"{OF_SOURCE}{source_id}:{address}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The effects of an addition on what is stored."""

    articles: Mapping[str, Sequence[Article]]  #: by file, with the ids they have from now on
    moved: Mapping[str, str] = field(default_factory=dict)  #: files by where they were before
    gone: Sequence[Entry] = ()  #: from files that lie no longer in a folder that is added again
    collisions: Sequence[str] = ()  #: what was in another's way, in words


def plan(
    read: Mapping[str, Sequence[Article]],
    *,
    selected: Collection[str],
    folders: Sequence[str],
    entries: Sequence[Entry],
    exists: Callable[[str], bool],
) -> Plan:
    """What to do with what was read, by file.

    `selected` are all files that were found, those among them that could not be read too: they are
    not gone. `folders` are those that are added as a whole.
    """
    of_file: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        if entry.file:
            of_file[entry.file].append(entry)
    lost = {file for file in of_file if file not in selected and not exists(file)}
    moved = _moves(read, of_file, lost)
    roots = _roots(moved)
    for new in read:
        old = _moved_with(new, roots)
        if new not in moved and not of_file.get(new) and old in lost - set(moved.values()):
            moved[new] = old
    claimed = set(moved.values())
    gone = [
        entry
        for file, known in of_file.items()
        if file not in claimed and file not in selected
        if any(_is_in(file, folder) for folder in folders)
        or (file in lost and any(_is_in(file, o) and not exists(o) for o, _ in roots))
        for entry in known
    ]
    taken = {entry.id: entry for entry in entries}
    for entry in gone:
        taken.pop(entry.id, None)
    collisions: list[str] = []
    assigned = {
        file: _assigned(
            articles, of_file.get(moved.get(file, file), []), taken, file=file,
            collisions=collisions,
        )
        for file, articles in read.items()
    }  # fmt: skip
    return Plan(articles=assigned, moved=moved, gone=gone, collisions=collisions)


def _moves(
    read: Mapping[str, Sequence[Article]], of_file: Mapping[str, Sequence[Entry]], lost: set[str]
) -> dict[str, str]:
    """New files with the lost ones that said the same, as far as there is one for each."""
    by_content: dict[str, set[str]] = defaultdict(set)
    for file in lost:
        for entry in of_file[file]:
            by_content[entry.content].add(file)
    votes: Counter[tuple[str, str]] = Counter()
    for file, articles in read.items():
        if not of_file.get(file):
            for article in articles:
                votes.update((file, old) for old in by_content.get(content_of(article), ()))
    found: dict[str, str] = {}
    order = sorted(votes.items(), key=lambda v: (-v[1], -_alike(*v[0]), v[0]))
    for (new, old), _ in order:
        if new not in found and old not in found.values():
            found[new] = old
    return found


def _alike(one: str, other: str) -> int:
    """How many parts at the end of two paths are the same."""
    count = 0
    for a, b in zip(reversed(PurePath(one).parts), reversed(PurePath(other).parts), strict=False):
        if a != b:
            break
        count += 1
    return count


def _roots(moved: Mapping[str, str]) -> list[tuple[str, str]]:
    """The folders that files were moved from and to: (old, new)."""
    found: dict[tuple[str, str], None] = {}
    for new, old in moved.items():
        same = _alike(new, old)
        if same:
            before, after = (PurePath(*PurePath(p).parts[:-same]) for p in (old, new))
            if before != after and len(before.parts) > 1:
                found[str(before), str(after)] = None
    return list(found)


def _moved_with(new: str, roots: Sequence[tuple[str, str]]) -> str:
    """Where this file was before, if it was moved with its folder."""
    for before, after in roots:
        if _is_in(new, after):
            return str(PurePath(before) / PurePath(new).relative_to(after))
    return ""


def _is_in(file: str, folder: str) -> bool:
    return PurePath(file).is_relative_to(folder)


def _assigned(
    articles: Sequence[Article],
    known: Sequence[Entry],
    taken: dict[str, Entry],
    *,
    file: str,
    collisions: list[str],
) -> list[Article]:
    """The articles of a file with their ids: the ones they had, else ones that nobody has."""
    places = {entry.place: entry for entry in known}
    # Before places were kept, a row was known by its question and a record by its id.
    titles = {entry.title: entry for entry in known if not entry.place}
    ids = {entry.id: entry for entry in known if not entry.place}
    found: list[Article] = []
    used: set[str] = set()
    for article in articles:
        before = places.get(article.place) or ids.get(article.id)
        before = before or (titles.get(article.title) if article.place else None)
        if before is not None and before.id not in used:
            article = replace(article, id=before.id)
        elif article.id in taken or article.id in used:
            other = taken.get(article.id)
            wanted, article = article.id, replace(article, id=_free(article.id, file, taken, used))
            if other is not None and (other.file != file or not other.file):
                where = other.file or "what was entered by hand"
                collisions.append(
                    f"the id {wanted} of {file} is taken by {where}; it is {article.id} here"
                )
        used.add(article.id)
        found.append(article)
    for article in found:
        taken.setdefault(
            article.id,
            Entry(id=article.id, file=file, place=article.place, title=article.title,
                  content="", digest="", pending=True),
        )  # fmt: skip
    return found


def _free(wanted: str, file: str, taken: Mapping[str, Entry], used: Collection[str]) -> str:
    for salt in range(1000):
        mark = hashlib.blake2b(f"{file}\x1f{salt}".encode(), digest_size=4).hexdigest()
        if (found := f"{wanted}-{mark}") not in taken and found not in used:
            return found
    raise ValueError(f"there is no free id for {wanted}")
