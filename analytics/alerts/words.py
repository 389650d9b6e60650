"""Alerts in words, for Slack, mail and the page alike."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from analytics.alerts.model import Telling, Watched
from analytics.charts.cards import duration, number
from core.i18n import Words

HOURS = 90  #: minutes from which a wait is told in hours


def figure(name: Watched, value: float, t: Callable[..., str]) -> str:
    """A value with its unit."""
    if name is not Watched.WAIT:
        return number(value)
    return duration(value * 60, t) if value >= HOURS else t("analytics.minutes", n=f"{value:.0f}")


def said(telling: Telling, words: Words, locale: str) -> str:
    """The sentence."""

    def t(text: str, /, **values: object) -> str:
        return words.text(text, locale, **values)

    return t(
        f"analytics.alerts.{'well' if telling.over else 'said'}.{telling.name.value}",
        value=figure(telling.name, telling.value, t),
        limit=figure(telling.name, telling.limit, t),
        lasted=duration(_seconds(telling.since, telling.at), t),
    )


def _seconds(since: datetime, until: datetime) -> float:
    return max(60.0, (until - since).total_seconds())
