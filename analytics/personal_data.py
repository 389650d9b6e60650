"""Exports and erases what dashboards and reports hold of a person; figures stay."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np

from analytics.facts.columns import Names, Rows, digest
from analytics.facts.model import Kind
from analytics.facts.store import FactStore
from analytics.reports.schedule import Reporting
from analytics.reports.writer import Source
from core.domain import events as ev
from core.domain.events import Numbered
from core.engine.ports import Person
from core.engine.repository import Conversations


class FactsOfPeople:
    """`PersonalData`: reasons that agents gave about a person's drafts are emptied.

    What was counted stays counted. Titles that go elsewhere are `rename`d here.
    """

    name = "facts"

    def __init__(self, facts: FactStore, conversations: Conversations) -> None:
        self._facts = facts
        self._conversations = conversations

    async def export(self, person: Person) -> Sequence[Mapping[str, Any]]:
        """See `core.engine.ports.PersonalData`."""
        return await self._facts.rows_of(person.conversation_ids)

    async def erase(self, person: Person) -> Mapping[str, int]:
        """See `core.engine.ports.PersonalData`."""
        reasons = {r for _, r in await rejections(person, self._conversations)}
        if not reasons:
            return {}
        theirs = np.array([digest(i) for i in person.conversation_ids], dtype=np.uint64)
        ends = {digest(i): end for i, end in person.before.items()}

        def emptied(rows: Rows, names: Names) -> Rows | None:
            wanted = np.isin(rows["conversation"], theirs) & (rows["more"] != 0)
            for number, end in ends.items():
                wanted &= (rows["conversation"] != number) | (rows["seq"] < end)
            if not wanted.any():
                return None
            rows["more"][wanted] = names.number("")
            return rows

        return {"facts": await self._facts.reword(emptied, texts=reasons)}

    async def rename(self, titles: Mapping[str, str]) -> int:
        """Articles are counted under these titles now; gives in how many facts."""

        def renamed(rows: Rows, names: Names) -> Rows | None:
            changed = False
            for old, new in titles.items():
                named = (rows["kind"] == Kind.USED) & (rows["label"] == names.find(old))
                if names.find(old) > 0 and named.any():
                    rows["label"][named] = names.number(new)
                    changed = True
            return rows if changed else None

        return await self._facts.reword(renamed, texts=titles.keys()) if titles else 0


class ReportsOfPeople:
    """`core.engine.ports.PersonalData`: their questions leave the reports, which are made again."""

    name = "reports"

    def __init__(self, reporting: Reporting, conversations: Conversations) -> None:
        self._reporting = reporting
        self._conversations = conversations

    async def export(self, person: Person) -> Sequence[Mapping[str, Any]]:
        """See `core.engine.ports.PersonalData`."""
        reporting = self._reporting
        given = []
        for document in await reporting.store.kept():
            for source in document.get("asked", ()):
                if person.owns(source["c"], source["n"]):
                    asked = await reporting.writer.gaps.again(source["c"], source["n"])
                    if asked is not None:
                        given.append({"report": document["_id"], "question": asked.text})
        return given

    async def erase(self, person: Person) -> Mapping[str, int]:
        """See `core.engine.ports.PersonalData`."""
        reporting = self._reporting
        rejected = await rejections(person, self._conversations)
        done = 0
        async with reporting.writing:
            for document in await reporting.store.kept():
                report, sources = document["report"], document.get("asked", [])
                redrawn, left = report, sources
                if theirs := [s for s in sources if person.owns(s["c"], s["n"])]:
                    redrawn, left = await reporting.writer.without(report, sources, theirs)
                redrawn = _without_reasons(redrawn, rejected)
                done += await _replaced(reporting, document, redrawn, left)
        return {"reports": done}

    async def rename(self, titles: Mapping[str, str]) -> int:
        """Reports name articles by these titles now; gives how many reports."""
        if not titles:
            return 0
        reporting, done = self._reporting, 0
        async with reporting.writing:
            for document in await reporting.store.kept():
                redrawn = _renamed(document["report"], titles)
                done += await _replaced(reporting, document, redrawn, document.get("asked", []))
        return done


async def rejections(person: Person, conversations: Conversations) -> list[tuple[datetime, str]]:
    """When agents rejected drafts for the person, and the reasons they gave."""
    found: list[tuple[datetime, str]] = []
    for conversation_id in person.conversation_ids:
        for commit in await conversations.history(conversation_id):
            found += [(i.at, r) for i in commit.numbered() if (r := _reason(i, person))]
    return found


def _reason(item: Numbered, person: Person) -> str:
    match item.event:
        case ev.ReviewDecided(decision=ev.Decision.REJECT, reason=reason):
            return reason if person.owns(item.conversation_id, item.seq) else ""
        case _:
            return ""


async def _replaced(
    reporting: Reporting,
    document: Mapping[str, Any],
    report: Mapping[str, Any],
    sources: Sequence[Source],
) -> int:
    if report == document["report"] and list(sources) == list(document.get("asked", [])):
        return 0
    await reporting.store.redrawn(document["_id"], report, sources)
    return 1


def _without_reasons(
    report: Mapping[str, Any], rejected: Sequence[tuple[datetime, str]]
) -> Mapping[str, Any]:
    def change(part: Mapping[str, Any]) -> dict[str, Any]:
        first, end = (datetime.fromisoformat(part[name]) for name in ("from", "to"))
        counts = Counter(part["approvals"]["rejected_by_reason"])
        for at, reason in rejected:
            if first <= at < end and counts[reason] > 0:
                counts[reason] -= 1
                counts[""] += 1
        kept = {reason: n for reason, n in counts.most_common() if n > 0}
        return {**part["approvals"], "rejected_by_reason": kept}

    return _both(report, "approvals", change) if rejected else report


def _renamed(report: Mapping[str, Any], titles: Mapping[str, str]) -> Mapping[str, Any]:
    def change(part: Mapping[str, Any]) -> dict[str, Any]:
        counts: Counter[str] = Counter()
        for title, n in part["knowledge"]["used"].items():
            counts[titles.get(title, title)] += n
        used = {title: n for title, n in counts.most_common() if title}
        return {**part["knowledge"], "used": used}

    used = {t for part in (report, report["previous"]) for t in part["knowledge"]["used"]}
    return _both(report, "knowledge", change) if used & titles.keys() else report


def _both(
    report: Mapping[str, Any], name: str, change: Callable[[Mapping[str, Any]], dict[str, Any]]
) -> Mapping[str, Any]:
    """The report with this part of it changed, and of the period before it."""
    previous = report["previous"]
    return {**report, name: change(report), "previous": {**previous, name: change(previous)}}
