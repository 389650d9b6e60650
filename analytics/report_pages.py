"""Reports on the console, and their API."""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from functools import partial
from typing import Any

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from pydantic import BaseModel, ConfigDict

from analytics.board import duration, number
from analytics.cli import as_csv
from analytics.console import TEMPLATES
from analytics.report import ReportKind, ReportWriter
from analytics.reporting import Reporting
from analytics.service import Analytics
from core.accounts.rules import Action
from core.clock import Clock
from core.errors import BadInput, NotFound
from core.web.answers import json_answer
from core.web.pages import THEME_COOKIE, Pages
from core.web.routing import Access, Route, page_route
from core.wording import Words

KEPT_PICTURES = 12  #: pictures in memory, of the reports opened last

_page = partial(page_route, access=Access.SUPERVISOR, action=Action.REPORT_READ)


class DailyReport(BaseModel):
    """A day's numbers; docs/metrics.md defines each."""

    model_config = ConfigDict(extra="allow")

    date: str
    kind: str
    conversations: int


class ReportPages:
    """`/console/reports`, `/api/reports/…`."""

    def __init__(
        self,
        reporting: Reporting,
        *,
        analytics: Analytics,
        pages: Pages,
        words: Words,
        clock: Clock,
    ) -> None:
        self._reporting = reporting
        self._analytics = analytics
        self._pages = pages
        self._words = words
        self._clock = clock
        self._pictures: OrderedDict[str, list[bytes]] = OrderedDict()
        self._drawing = asyncio.Lock()

    def routes(self) -> Sequence[Route]:
        """Pages and API."""
        one = "/console/reports/{kind}/{date}"
        right = Action.REPORT_READ
        return (
            _page("/console/reports", self.all, "Reports"),
            _page(one, self.report, "A report"),
            Route(
                method="GET",
                path=one + "/report.{format}",
                handler=self.file,
                access=Access.SUPERVISOR,
                action=right,
                summary="A report as a file",
                media_type="*/*",
                hidden=True,
            ),
            Route(
                method="GET",
                path=one + "/chart-{n}.png",
                handler=self.picture,
                access=Access.SUPERVISOR,
                action=right,
                summary="A report's picture",
                media_type="image/png",
                hidden=True,
            ),
            Route(
                method="GET",
                path="/api/reports/daily/{date}",
                handler=self.daily,
                access=Access.SUPERVISOR,
                action=right,
                summary="The daily report of any day",
                responses={200: DailyReport, 422: None},
            ),
        )

    async def all(self, request: web.Request) -> web.StreamResponse:
        """GET /console/reports."""
        locale = self._pages.locale(request)
        items = []
        for document in await self._reporting.store.list():
            kind, _, day = document["_id"].partition(":")
            items.append(
                {
                    "kind": kind,
                    "date": day,
                    "title": self._reporting.writer.title({"kind": kind, "date": day}, locale),
                    "late": document["late"],
                    "sent_at": document.get("sent_at"),
                    "conversations": document.get("conversations"),
                }
            )
        yesterday = self._today() - timedelta(days=1)
        values = {
            "items": items,
            "time": f"{self._reporting.schedule.at:%H:%M}",
            "zone": str(self._analytics.zone),
            "yesterday": yesterday.isoformat(),
            "number": number,
        }
        return self._pages.render(request, "analytics/reports.html", values)

    async def report(self, request: web.Request) -> web.StreamResponse:
        """GET /console/reports/{kind}/{date}."""
        found, locale = await self._found(request), self._pages.locale(request)
        values = context(self._reporting.writer, found, locale)
        drawings = self._reporting.writer.drawings(found, locale)
        here = request.path
        values["pictures"] = [
            {"src": f"{here}/chart-{n}.png", "name": d["name"]} for n, d in enumerate(drawings)
        ]
        values["here"] = here
        return self._pages.render(request, "analytics/report.html", values)

    async def picture(self, request: web.Request) -> web.StreamResponse:
        """GET …/chart-0.png, in the reader's language and theme."""
        found, locale = await self._found(request), self._pages.locale(request)
        drawings = self._reporting.writer.drawings(found, locale)
        theme = "dark" if request.cookies.get(THEME_COOKIE) == "dark" else "light"
        key = hashlib.blake2b(repr((drawings, theme)).encode(), digest_size=12).hexdigest()
        async with self._drawing:
            pictures = await self._drawn(key, found, locale, theme)
        n = request.match_info["n"]
        if not n.isdecimal() or int(n) >= len(pictures):
            raise NotFound("There is no such picture.")
        return web.Response(body=pictures[int(n)], content_type="image/png")

    async def _drawn(
        self, key: str, found: Mapping[str, Any], locale: str, theme: str
    ) -> list[bytes]:
        # A page asks for its pictures at once; they are drawn together, once.
        pictures = self._pictures.get(key)
        if pictures is None:
            pictures = self._pictures[key] = await self._reporting.pictures(
                found, locale, theme=theme
            )
            while len(self._pictures) > KEPT_PICTURES:
                self._pictures.popitem(last=False)
        return pictures

    async def file(self, request: web.Request) -> web.StreamResponse:
        """GET …/report.html, .png, .json, .csv."""
        found, locale = await self._found(request), self._pages.locale(request)
        suffix = request.match_info["format"]
        match suffix:
            case "html":
                body, kind = (await self._reporting.html(found, locale)).encode(), "text/html"
            case "png":
                body, kind = await self._reporting.png(found, locale), "image/png"
            case "json":
                return json_answer(found, headers=_attached(found, suffix))
            case "csv":
                body, kind = await asyncio.to_thread(as_csv, found), "text/csv"
            case _:
                raise NotFound("Reports come as html, png, json and csv.")
        headers = _attached(found, suffix)
        return web.Response(body=body, content_type=kind, headers=headers)

    async def daily(self, request: web.Request) -> web.StreamResponse:
        """GET /api/reports/daily/{date}."""
        return json_answer(await self._reporting.of(_day(request)))

    async def _found(self, request: web.Request) -> dict[str, Any]:
        try:
            kind = ReportKind(request.match_info["kind"])
        except ValueError:
            raise NotFound("There are daily and weekly reports.") from None
        return await self._reporting.of(_day(request), kind)

    def _today(self) -> date:
        return self._clock.now().astimezone(self._analytics.zone).date()


def context(writer: ReportWriter, found: Mapping[str, Any], locale: str) -> dict[str, Any]:
    """What the report's templates show."""
    t = writer.text(locale)
    return {
        "report": found,
        "title": writer.title(found, locale),
        "lines": writer.headlines(found, locale),
        "unusual": writer.unusual(found, locale),
        "number": number,
        "duration": lambda seconds: duration(seconds, t),
    }


def file_page(writer: Callable[[], ReportWriter]) -> Callable[..., str]:
    """Makes the report as one HTML file whose pictures stand at the given addresses."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )

    def page(found: Mapping[str, Any], sources: Sequence[str], locale: str) -> str:
        values = context(writer(), found, locale)
        drawings = writer().drawings(found, locale)
        values["pictures"] = [
            {"src": source, "name": d["name"]} for source, d in zip(sources, drawings, strict=False)
        ]
        return environment.get_template("report_file.html").render(
            **values, t=writer().text(locale), locale=locale
        )

    return page


def _day(request: web.Request) -> date:
    try:
        day = date.fromisoformat(request.match_info["date"])
    except ValueError:
        raise BadInput("Write the date like 2026-11-22.") from None
    if not 1971 < day.year < 9000:
        raise BadInput("No report reaches that far.")
    return day


def _attached(found: Mapping[str, Any], suffix: str) -> dict[str, str]:
    name = f"{found['kind']}-{found['date']}.{suffix}"
    return {"Content-Disposition": f'attachment; filename="{name}"'}
