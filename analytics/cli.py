"""`analytics …` and `report` on the command line."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from config.languages import DEFAULT, STAFF
from core.errors import BadInput
from core.runtime.cli import CenterCommand, CenterGroup, Session
from core.runtime.control_socket import Args, Command, Out
from core.runtime.csv_export import numbers_as_csv

if TYPE_CHECKING:
    from analytics.reports.schedule import Reporting


@click.group(cls=CenterGroup)
def analytics() -> None:
    """The numbers behind the dashboard and the reports."""


@analytics.command()
@click.pass_obj
def rebuild(session: Session) -> None:
    """Make all facts again from the log of events; the numbers stay the same."""
    session.ask("analytics.rebuild")


@click.command(cls=CenterCommand)
@click.option("--date", "day", default="", metavar="D", help="YYYY-MM-DD (default: yesterday).")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, resolve_path=True, path_type=Path),
    help="FILE.html, .png, .json or .csv; without it the report is printed.",
)
@click.option("--lang", type=click.Choice(STAFF), default=DEFAULT, show_default=True)
@click.pass_obj
def report(session: Session, day: str, out: Path | None, lang: str) -> None:
    """The daily report of any day."""
    if out is not None and out.suffix.lower() not in FORMATS:
        raise click.UsageError("--out FILE ends in .html, .png, .json or .csv.")
    session.ask("report", date=day, out=str(out or ""), lang=lang)


FORMATS = (".html", ".png", ".json", ".csv")


def commands(
    *,
    make_again: Callable[[Callable[[int, int], None]], Awaitable[tuple[int, int]]],
    reporting: Reporting,
    yesterday: Callable[[], date],
) -> Mapping[str, Command]:
    """What these do."""

    async def rebuild_facts(_args: Args, out: Out) -> int:
        conversations, facts = await make_again(
            lambda done, total: out.progress(done, total, "conversations")
        )
        out.line(f"{facts} facts of {conversations} conversations.")
        return 0

    async def report_of(args: Args, out: Out) -> int:
        try:
            day = date.fromisoformat(args["date"]) if args["date"] else yesterday()
        except ValueError:
            raise BadInput(f"--date {args['date']}: write a date like 2026-11-22.") from None
        if not 1971 < day.year < 9000:
            raise BadInput(f"--date {day}: no report reaches that far.")
        desk, locale = reporting, args["lang"]
        found = await desk.of(day)
        if not args["out"]:
            out.line(desk.writer.title(found, locale))
            for line in desk.writer.headlines(found, locale):
                out.line(f"- {line}")
            for line in desk.writer.unusual(found, locale):
                out.line(f"! {line}")
            return 0
        file = Path(args["out"])
        match file.suffix.lower():
            case ".html":
                body = (await desk.html(found, locale)).encode()
            case ".png":
                body = await desk.png(found, locale)
            case ".json":
                from core.web.http.responses import dumps

                body = dumps(found)
            case _:
                body = numbers_as_csv(found)
        try:
            await asyncio.to_thread(file.write_bytes, body)
        except OSError as error:
            raise BadInput(f"{file} cannot be written: {error.strerror}.") from error
        out.line(str(file))
        return 0

    return {"analytics.rebuild": rebuild_facts, "report": report_of}
