"""Reports and missing answers on the console, and their API."""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from pydantic import BaseModel, ConfigDict, Field

from analytics.board import duration, number
from analytics.cli import as_csv
from analytics.console import TEMPLATES
from analytics.gaps import Gaps
from analytics.report import ReportKind, ReportWriter
from analytics.reporting import Reporting
from analytics.service import Analytics
from core.accounts.rules import Action
from core.clock import Clock
from core.errors import BadInput, NotFound
from core.rag.knowledge import Knowledge
from core.rag.passages import Article
from core.web.answers import json_answer
from core.web.pages import THEME_COOKIE, Pages
from core.web.routing import Access, Fields, Handler, Route, Strict, body_of, current_user, query_of
from core.wording import Words

GAP_DAYS = 30
KEPT_PICTURES = 12  #: pictures in memory, of the reports opened last


class GapQuery(Fields):
    """How far back."""

    days: int = Field(default=GAP_DAYS, ge=1, le=365)


class NewAnswer(Strict):
    """An answer that was missing, as an article."""

    title: str = Field(min_length=1, max_length=300)
    text: str = Field(min_length=1, max_length=20_000)
    questions: list[str] = Field(default_factory=list, max_length=20)
    topic: str = Field(default="", max_length=100)
    locale: str = Field(default="en", pattern="^(en|ko)$")


class Answered(BaseModel):
    """What the question finds now."""

    article_id: str
    found: bool
    title: str
    text: str
    score: float


class DailyReport(BaseModel):
    """A day's numbers; docs/metrics.md defines each."""

    model_config = ConfigDict(extra="allow")

    date: str
    kind: str
    conversations: int


class ReportPages:
    """`/console/reports`, `/console/dashboard/gaps`, `/api/reports/…`."""

    def __init__(
        self,
        reporting: Reporting,
        *,
        analytics: Analytics,
        gaps: Gaps,
        knowledge: Callable[[], Awaitable[Knowledge]],
        pages: Pages,
        words: Words,
        clock: Clock,
    ) -> None:
        self._reporting = reporting
        self._analytics = analytics
        self._gaps = gaps
        self._knowledge = knowledge
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
            _page("/console/reports", self.all, "Reports", right),
            _page(one, self.report, "A report", right),
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
            _page(
                "/console/dashboard/gaps",
                self.gaps,
                "Missing answers",
                Action.LEARNING_CONFIRM,
                query=GapQuery,
            ),
            Route(
                method="POST",
                path="/api/dashboard/gaps",
                handler=self.publish,
                access=Access.SUPERVISOR,
                action=Action.LEARNING_CONFIRM,
                summary="Publish an answer that was missing",
                body=NewAnswer,
                responses={201: Answered, 422: None},
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

    async def gaps(self, request: web.Request) -> web.StreamResponse:
        """GET /console/dashboard/gaps."""
        days = query_of(request, GapQuery).days
        period = self._analytics.period(None, None, days=days)
        found = await self._gaps.find(period)
        return self._pages.render(request, "analytics/gaps.html", {"gaps": found, "days": days})

    async def publish(self, request: web.Request) -> web.StreamResponse:
        """POST /api/dashboard/gaps."""
        wish, knowledge = body_of(request, NewAnswer), await self._knowledge()
        title, text = wish.title.strip(), wish.text.strip()
        if not title or not text:
            raise BadInput("An article needs a title and a text.")
        name = hashlib.blake2b(title.casefold().encode(), digest_size=6).hexdigest()
        questions = tuple(dict.fromkeys(q.strip() for q in (title, *wish.questions) if q.strip()))
        article = Article(
            id=f"answer-{name}",
            title=title,
            text=text,
            topic=wish.topic.strip(),
            locale=wish.locale,
            source=current_user(request).email,
            questions=questions,
        )
        await knowledge.add_article(article, by=current_user(request).email)
        hits = (await knowledge.search(questions[-1], limit=1)).hits
        top = hits[0] if hits else None
        return json_answer(
            Answered(
                article_id=article.id,
                found=top is not None and top.passage.article_id == article.id,
                title=top.passage.title if top else "",
                text=top.passage.text if top else "",
                score=float(top.score) if top else 0.0,
            ),
            status=201,
        )

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


def _page(
    path: str, handler: Handler, summary: str, action: Action, query: type[Fields] | None = None
) -> Route:
    return Route(
        method="GET",
        path=path,
        handler=handler,
        access=Access.SUPERVISOR,
        action=action,
        summary=summary,
        page=True,
        query=query,
    )


__all__ = ["ReportPages", "context", "file_page"]
