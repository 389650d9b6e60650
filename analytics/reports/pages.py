"""The console pages and API of reports."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any, Literal

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from pydantic import BaseModel, ConfigDict, Field

from analytics.charts.cards import duration, number
from analytics.dashboard.pages import TEMPLATES
from analytics.queries.service import Analytics
from analytics.reports.schedule import Reporting
from analytics.reports.writer import ReportKind, ReportWriter
from core.accounts.roles import Action
from core.clock import Clock
from core.errors import BadInput, NotFound
from core.i18n import Words
from core.runtime.csv_export import numbers_as_csv
from core.runtime.lru import LruDict
from core.web.http.responses import json_answer
from core.web.http.routing import Fields, Route, page_route, query_of
from core.web.pages import Pages

KEPT_PICTURES = 12  #: pictures in memory, of the reports opened last

_page = partial(page_route, action=Action.REPORT_READ)


class DailyReport(BaseModel):
    """A day's numbers; docs/metrics.md defines each."""

    model_config = ConfigDict(extra="allow")

    date: str
    kind: str
    conversations: int


class ChosenQuery(Fields):
    """The report that somebody picked; without a date the list of all."""

    kind: ReportKind = ReportKind.DAILY
    date: str = Field(default="", max_length=10)


class PictureQuery(Fields):
    """The theme of a picture, where the page leaves it to the reader's device."""

    theme: Literal["", "light", "dark"] = ""


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
        self._pictures: LruDict[str, list[bytes]] = LruDict(KEPT_PICTURES)
        self._drawing = asyncio.Lock()

    def routes(self) -> Sequence[Route]:
        """Pages and API."""
        one = "/console/reports/{kind}/{date}"
        right = Action.REPORT_READ
        return (
            _page("/console/reports", self.all, "Reports", query=ChosenQuery).in_menu(
                "analytics.reports.title", 50
            ),
            _page(one, self.report, "A report"),
            _page(one + "/missing", self.missing, "Its missing answers", dear=True, passive=True),
            Route(
                method="GET",
                path=one + "/report.{format}",
                dear=True,
                handler=self.file,
                action=right,
                summary="A report as a file",
                media_type="*/*",
                hidden=True,
            ),
            Route(
                method="GET",
                path=one + "/chart-{n}.png",
                dear=True,
                handler=self.picture,
                action=right,
                summary="A report's picture",
                media_type="image/png",
                query=PictureQuery,
                hidden=True,
            ),
            Route(
                method="GET",
                path="/api/reports/daily/{date}",
                dear=True,
                handler=self.daily,
                action=right,
                summary="The daily report of any day",
                responses={200: DailyReport, 422: None},
            ),
        )

    async def all(self, request: web.Request) -> web.StreamResponse:
        """GET /console/reports."""
        chosen, locale = query_of(request, ChosenQuery), self._pages.locale(request)
        if chosen.date:
            day = _day_of(chosen.date)
            raise web.HTTPSeeOther(f"/console/reports/{chosen.kind.value}/{day.isoformat()}")
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
            "today": self._today().isoformat(),
            "number": number,
        }
        return self._pages.render(request, "analytics/reports.html", values)

    async def report(self, request: web.Request) -> web.StreamResponse:
        """GET /console/reports/{kind}/{date}."""
        (found, is_whole), locale = await self._numbers(request), self._pages.locale(request)
        writer = self._reporting.writer
        values = context(writer, found, locale)
        here = self._pages.at(request.path)
        is_auto = self._pages.theme(request) == "auto"
        values["pictures"] = [
            {
                "src": f"{here}/chart-{n}.png" + ("?theme=light" if is_auto else ""),
                "dark": f"{here}/chart-{n}.png?theme=dark" if is_auto else "",
                "name": d["name"],
            }
            for n, d in enumerate(writer.drawings(found, locale))
        ]
        step = timedelta(days=1 if found["kind"] == "daily" else 7)
        day = date.fromisoformat(found["date"])
        until = found.get("until")
        zone = self._analytics.zone
        values |= {
            "here": here,
            "later": "" if is_whole else f"{here}/missing",
            "missing_part": "analytics/report_missing.html",
            "zone": str(zone),
            "before": (day - step).isoformat(),
            "after": (day + step).isoformat() if day + step <= self._today() else "",
            "so_far": f"{datetime.fromisoformat(until).astimezone(zone):%H:%M}" if until else "",
        }
        return self._pages.render(request, "analytics/report.html", values)

    async def missing(self, request: web.Request) -> web.StreamResponse:
        """GET …/missing: the part of the page that takes longer, without the shell."""
        kind, day = _kind(request), _day(request)
        found, _ = await self._reporting.writer.missing(kind, day)
        values = {"report": {"missing": found}}
        return self._pages.render(request, "analytics/report_missing.html", values)

    async def picture(self, request: web.Request) -> web.StreamResponse:
        """GET …/chart-0.png, in the reader's language and theme."""
        (found, _), locale = await self._numbers(request), self._pages.locale(request)
        drawings = self._reporting.writer.drawings(found, locale)
        wanted = query_of(request, PictureQuery).theme or self._pages.theme(request)
        theme = "dark" if wanted == "dark" else "light"
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
                body, kind = await asyncio.to_thread(numbers_as_csv, found), "text/csv"
            case _:
                raise NotFound("Reports come as html, png, json and csv.")
        headers = _attached(found, suffix)
        return web.Response(body=body, content_type=kind, headers=headers)

    async def daily(self, request: web.Request) -> web.StreamResponse:
        """GET /api/reports/daily/{date}."""
        return json_answer(await self._reporting.of(_day(request)))

    async def _found(self, request: web.Request) -> dict[str, Any]:
        return await self._reporting.of(_day(request), _kind(request))

    async def _numbers(self, request: web.Request) -> tuple[dict[str, Any], bool]:
        return await self._reporting.numbers_of(_day(request), _kind(request))

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
            {"src": source, "dark": "", "name": d["name"]}
            for source, d in zip(sources, drawings, strict=False)
        ]
        values |= {"later": "", "missing_part": "report_missing.html"}
        return environment.get_template("report_file.html").render(
            **values, t=writer().text(locale), locale=locale
        )

    return page


def _kind(request: web.Request) -> ReportKind:
    try:
        return ReportKind(request.match_info["kind"])
    except ValueError:
        raise NotFound("There are daily and weekly reports.") from None


def _day(request: web.Request) -> date:
    return _day_of(request.match_info["date"])


def _day_of(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise BadInput("Write the date like 2026-11-22.") from None
    if not 1971 < day.year < 9000:
        raise BadInput("No report reaches that far.")
    return day


def _attached(found: Mapping[str, Any], suffix: str) -> dict[str, str]:
    name = f"{found['kind']}-{found['date']}.{suffix}"
    return {"Content-Disposition": f'attachment; filename="{name}"'}
