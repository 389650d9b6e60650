"""Counts which articles answered whom, from the facts; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from analytics.facts.columns import moment
from analytics.facts.counting import Counting
from analytics.facts.model import Kind

LATEST = 5  #: conversations that are linked
BETWEEN = " › "  #: stands between an article's title and a heading in it, where it is cited


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """The uses of an article: how often it answered, and whom."""

    times: int = 0
    customers: int = 0  #: conversations
    last_at: datetime | None = None
    latest: tuple[int, ...] = ()  #: digests of the newest conversations


NEVER = Use()


def uses_of(counting: Counting, titles: Iterable[str]) -> Mapping[str, Use]:
    """The uses of articles by their title; of those that share one, all have its uses."""
    used = counting.of(Kind.USED)
    known = set(titles)
    order = np.argsort(used["label"], kind="stable")
    labels = used["label"][order]
    rows: dict[str, list[np.ndarray[tuple[int], np.dtype[np.intp]]]] = {}
    for part in np.split(order, np.flatnonzero(np.diff(labels)) + 1) if len(order) else ():
        title = titled(counting.names.texts[int(used["label"][part[0]])], known)
        if title:
            rows.setdefault(title, []).append(part)
    found: dict[str, Use] = {}
    for title, parts in rows.items():
        own = np.concatenate(parts)
        own = own[np.argsort(used["at"][own], kind="stable")][::-1]
        talks = used["conversation"][own]
        places, first = np.unique(talks, return_index=True)
        latest = places[np.argsort(first)[:LATEST]]
        found[title] = Use(
            times=len(own),
            customers=len(places),
            last_at=moment(int(used["at"][own[0]])),
            latest=tuple(counting.facts.digests[latest].tolist()),
        )
    return found


def titled(cited: str, known: Iterable[str]) -> str:
    """The title of the article that was cited so, perhaps with a heading; "" for none of these."""
    titles = known if isinstance(known, set | frozenset) else set(known)
    while cited not in titles:
        cited, between, _ = cited.rpartition(BETWEEN)
        if not between:
            return ""
    return cited


def together(uses: Sequence[Use]) -> Use:
    """Of several articles; who was answered by two of them is counted twice."""
    ends = [use.last_at for use in uses if use.last_at is not None]
    latest = dict.fromkeys(digest for use in uses for digest in use.latest)
    return Use(
        times=sum(use.times for use in uses),
        customers=sum(use.customers for use in uses),
        last_at=max(ends, default=None),
        latest=tuple(latest)[:LATEST],
    )
