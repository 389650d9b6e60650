"""The console page of alerts: limits, what is so now, where it is told, what was told."""

from __future__ import annotations

import functools
from collections.abc import Sequence

from aiohttp import web
from pydantic import Field

from analytics.alerts.model import Limits, Watched, newest
from analytics.alerts.watch import Watch
from analytics.alerts.words import figure, said
from core.accounts.roles import Action
from core.clock import Clock
from core.errors import BadInput
from core.i18n import Words
from core.web.http.routing import (
    Fields,
    Route,
    body_of,
    current_user,
    form_route,
    page_route,
    query_of,
)
from core.web.pages import Pages

PATH = "/console/alerts"
PLACES = ("slack", "mail")

_Limit = Field(default="", max_length=12)


class AlertsForm(Fields):
    """The limits as they were typed; an empty one watches nothing."""

    queue: str = _Limit
    wait: str = _Limit
    bounces: str = _Limit
    ratings: str = _Limit
    slack: str = Field(default="", max_length=3)
    mail: str = Field(default="", max_length=3)


class SavedQuery(Fields):
    """A sign that the limits were just saved."""

    saved: str = Field(default="", max_length=3)


class AlertPages:
    """`/console/alerts`."""

    def __init__(self, watch: Watch, *, pages: Pages, words: Words, clock: Clock) -> None:
        self._watch = watch
        self._pages = pages
        self._words = words
        self._clock = clock

    def routes(self) -> Sequence[Route]:
        """The page and its form."""
        may = Action.ALERTS_CHANGE
        return (
            page_route(PATH, self.page, "Alerts", action=may, query=SavedQuery, dear=True).in_menu(
                "analytics.alerts.title", 53
            ),
            form_route(PATH, self.save, "Set the alerts", action=may, body=AlertsForm),
        )

    async def page(self, request: web.Request) -> web.StreamResponse:
        """GET /console/alerts."""
        user, locale = current_user(request), self._pages.locale(request)
        standing, values = await self._watch.standing(user), await self._watch.values()
        t = functools.partial(_text, self._words, locale)
        watched = [
            {
                "name": name.value,
                "limit": f"{standing.limits.limits[name]:g}"
                if name in standing.limits.limits
                else "",
                "now": figure(name, values[name], t),
                "over": standing.over.get(name),
            }
            for name in Watched
        ]
        return self._pages.render(
            request,
            "analytics/alerts.html",
            {
                "watched": watched,
                "limits": standing.limits,
                "wanted": {"slack": standing.limits.slack, "mail": standing.limits.mail},
                "places": await self._watch.places(),
                "told": [(one, said(one, self._words, locale)) for one in newest(standing.told)],
                "saved": bool(query_of(request, SavedQuery).saved),
            },
        )

    async def save(self, request: web.Request) -> web.StreamResponse:
        """POST /console/alerts."""
        user, form = current_user(request), body_of(request, AlertsForm)
        limits = {
            name: _number(text) for name in Watched if (text := getattr(form, name.value).strip())
        }
        await self._watch.change(
            user,
            Limits(
                limits=limits,
                slack=bool(form.slack),
                mail=bool(form.mail),
                changed_by=user.email,
                changed_at=self._clock.now(),
            ),
        )
        return web.Response(status=303, headers={"Location": f"{PATH}?saved=yes"})


def _number(text: str) -> float:
    try:
        return float(text.replace(",", "."))
    except ValueError:
        raise BadInput(f"{text!r} is no number.") from None


def _text(words: Words, locale: str, name: str, /, **values: object) -> str:
    return words.text(name, locale, **values)
